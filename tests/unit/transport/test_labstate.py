"""A lab's knowledge of its hosts fills in the inventory, and nothing else of it changes."""

from pathlib import Path

import pytest

from ramify.compile.hosts import hosts
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.inventory import HostSettings, HostSpec, Inventory
from ramify.transport import lab, labstate
from ramify.transport.labstate import LabHost, LabState

HERE = Origin("inventory.yml", 1, 1)


def state_of(*names: str) -> LabState:
    made = {
        name: LabHost(20000 + at, 30000 + at, "me", f"ssh-ed25519 KEY{at}", f"/lab/hosts/{name}/home")
        for at, name in enumerate(names)
    }
    return LabState("/lab", made)


def spec(name: str, **settings: object) -> HostSpec:
    return HostSpec(name, HostSettings(**settings), HERE)  # type: ignore[arg-type]


def test_lab_hosts_get_address_port_user_and_known_host() -> None:
    inventory = Inventory((spec("web", transport="lab"),), (), known_hosts="other ssh-ed25519 X")
    placed = lab.overlay(inventory, state_of("web"))
    host = hosts(placed, Diagnostics())["web"]

    assert (host.address, host.port, host.user) == ("127.0.0.1", 20000, "me")
    assert (host.auth, host.transport, host.service_port) == ("key", "lab", 30000)
    assert placed.known_hosts == "other ssh-ed25519 X\n[127.0.0.1]:20000 ssh-ed25519 KEY0\n"


@pytest.mark.parametrize("name", ["h[1-3]", "rack-[08-11]-x", "h[1,3]", "plain"])
def test_hosts_of_a_range_keep_name_index_and_templates(name: str) -> None:
    label = "{{ index }}" if "[" in name else "{{ name }}"
    inventory = Inventory((spec(name, labels={"n": label}),), (), HostSettings(transport="lab"))
    before = hosts(inventory, Diagnostics())
    after = hosts(lab.overlay(inventory, state_of(*before)), Diagnostics())

    assert list(after) == list(before)
    assert [(host.index, host.labels) for host in after.values()] == [
        (host.index, host.labels) for host in before.values()
    ]
    assert [host.port for host in after.values()] == [20000 + at for at in range(len(after))]


def test_hosts_of_other_transports_stay_as_they_are() -> None:
    inventory = Inventory((spec("real[1-2]", port=7),), ())

    assert lab.overlay(inventory, state_of("real1")).hosts == inventory.hosts


@pytest.mark.parametrize("found", [None, state_of("web")])
def test_a_host_that_the_lab_has_not_got_yet_can_be_planned_with(found: LabState | None) -> None:
    inventory = Inventory((spec("new[1-2]", transport="lab"),), ())
    host = hosts(lab.overlay(inventory, found), Diagnostics())["new2"]

    assert (host.address, host.port, host.index) == ("127.0.0.1", labstate.DISCARD, 2)


def test_no_lab_is_none_and_a_broken_one_says_how_to_be_rid_of_it(tmp_path: Path) -> None:
    assert lab.state(tmp_path) is None
    assert lab.status(tmp_path) == (False, None, None)
    (tmp_path / labstate.STATE).write_text('{"hosts": 3}')
    with pytest.raises(lab.LabError, match="cannot read") as caught:
        lab.state(tmp_path)
    assert "lab down" in caught.value.hint
