"""Hosts: every setting decided, from the entry, then from the defaults."""

import pytest

from ramify.compile.hosts import hosts
from ramify.model.diagnostics import Diagnostics
from ramify.model.inventory import Host, HostSettings, HostSpec, Inventory
from unit.compile.bundles import at, host


def decided(*specs: HostSpec, defaults: HostSettings = HostSettings()) -> dict[str, Host]:  # noqa: B008 - frozen
    diagnostics = Diagnostics()
    found = hosts(Inventory(specs, (), defaults), diagnostics)

    assert list(diagnostics) == []
    return found


def test_a_host_without_settings_is_reached_by_its_name() -> None:
    assert decided(host("gw")) == {"gw": Host("gw", "gw")}


def test_a_local_host_has_the_address_of_this_machine() -> None:
    assert decided(host("gw", transport="local"))["gw"].address == "127.0.0.1"


def test_a_range_makes_hosts_in_order_each_with_its_number() -> None:
    found = decided(
        host(
            "gw[09-10]",
            address="10.0.0.{{ index }}",
            labels={"rack": "r{{ index % 2 }}", "who": "{{ name }}"},
        )
    )

    assert list(found) == ["gw09", "gw10"]
    assert found["gw09"] == Host("gw09", "10.0.0.9", index=9, labels={"rack": "r1", "who": "gw09"})


def test_a_host_s_own_settings_win_over_the_defaults_and_labels_add_up() -> None:
    defaults = HostSettings(user="ops", port=2222, transport="lab", labels={"zone": "a", "disk": "ssd"})

    found = decided(host("gw", user="root", labels={"zone": "b"}), defaults=defaults)["gw"]

    assert (found.user, found.port, found.transport) == ("root", 2222, "lab")
    assert found.labels == {"zone": "b", "disk": "ssd"}


def test_every_setting_arrives() -> None:
    settings = {
        "address": "a", "port": 1, "user": "u", "transport": "lab", "auth": "key", "identity": "i",
        "python": "p", "root": "r", "service_port": 2, "labels": {"l": "m"},
    }  # fmt: skip

    assert decided(host("gw", **settings))["gw"] == Host("gw", **settings)  # type: ignore[arg-type]


def test_ports_may_be_templates() -> None:
    found = decided(host("gw[1-2]", port="{{ 2200 + index }}", service_port="80{{ index }}"))

    assert [(one.port, one.service_port) for one in found.values()] == [(2201, 801), (2202, 802)]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"address": "{{ indx }}"}, '"indx" is not defined'),
        ({"address": "{{ index"}, "unexpected end"),
        ({"user": "{{ vars.user }}"}, '"vars" is not defined'),
        ({"port": "{{ name }}"}, "port gw1 is not a number between 1 and 65535"),
        ({"service_port": "{{ index + 65535 }}"}, "service_port 65536 is not a number"),
        ({"port": 0}, "port 0 is not a number"),
        ({"labels": {"a": "{{ name.x }}"}}, '"x" is not defined'),
    ],
)
def test_a_setting_that_cannot_be_decided_is_told_once_for_its_entry(
    settings: dict[str, object], words: str
) -> None:
    diagnostics = Diagnostics()

    hosts(Inventory((host("gw[1-3]", line=5, **settings),), ()), diagnostics)

    (found,) = diagnostics
    assert (found.code, found.origin) == ("bad-host", at(5, "inventory.yml"))
    assert found.summary.startswith('host "gw1" and 2 more: ')
    assert words in found.summary


def test_the_closest_name_is_offered() -> None:
    diagnostics = Diagnostics()

    hosts(Inventory((host("gw", address="{{ nam }}"),), ()), diagnostics)

    assert [item.detail for item in diagnostics] == ['Did you mean "name"?']


def test_a_host_with_an_error_is_there_so_that_nothing_else_is_said_of_it() -> None:
    assert hosts(Inventory((host("gw", address="{{ nam }}"),), ()), Diagnostics()) == {"gw": Host("gw", "gw")}
