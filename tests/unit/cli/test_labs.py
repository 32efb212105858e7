"""Who may log in to which host of a lab."""

from msgspec import structs

from ramify.cli.labs import access
from unit.cli import fleets

LAB = fleets.INVENTORY.replace("hosts:\n", "defaults: {transport: lab}\nhosts:\n").replace("1-1000", "1-6")


def test_hosts_let_in_the_hosts_of_their_nodes_parents_only() -> None:
    fleet = fleets.compiled(fleets.small(), LAB)
    found = access(fleet, {})
    assert found["gw1"] == {"/", "gw1"}
    assert [found[f"leaf{at}"] for at in range(1, 7)] == [{"gw1"}] * 4 + [set(), set()]
    assert found["gw2"] == set()


def test_a_node_that_moved_can_still_be_taken_from_its_earlier_host() -> None:
    fleet = fleets.compiled(fleets.small(), LAB)
    moved = structs.replace(fleets.record(fleet, "/region1/zone1/app1"), host="leaf6")
    left = structs.replace(moved, path="/region1/zone9/app1", host="leaf5")
    gone = structs.replace(moved, path="/region1/zone9", host="gw9")
    found = access(fleet, {record.path: record for record in (moved, left, gone)})
    assert found["leaf6"] == {"gw1"}
    assert found["leaf5"] == {"gw9"}
    assert found["gw9"] == {"gw1"}


def test_real_hosts_are_none_of_the_labs_business() -> None:
    assert access(fleets.compiled(fleets.small()), {}) == {}
