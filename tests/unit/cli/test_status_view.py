"""The state of a fleet, as people read it."""

from collections.abc import Callable

from msgspec import structs

from ramify.cli import status_view
from ramify.cli.status_view import NodeStatus
from ramify.compile.fleet import Fleet
from ramify.model.record import NodeRecord
from unit.cli import fleets

Golden = Callable[[str, str], None]


def statuses(fleet: Fleet, records: dict[str, NodeRecord]) -> tuple[NodeStatus, ...]:
    return status_view.statuses(fleets.planned(fleet, records.values()).nodes, records)


def test_few_nodes_are_shown_each(golden: Golden) -> None:
    fleet = fleets.compiled(fleets.small())
    records = fleets.recorded(fleet)
    del records["/region1/zone2/app2"]
    records["/region1/zone1/app1"] = fleets.record(fleet, "/region1/zone1/app1", "configured")
    records["/region1/zone1/app2"] = structs.replace(records["/region1/zone1/app2"], open="run1")
    golden("cli/status-small.txt", status_view.text(statuses(fleet, records)) + "\n")


def test_many_nodes_are_folded_by_level_and_state(golden: Golden) -> None:
    fleet = fleets.compiled(fleets.large(), fleets.LARGE_INVENTORY, fleets.LARGE_REPOSITORY)
    records = fleets.recorded(fleet)
    for path in [path for path in records if path.startswith("/region3/zone7/")]:
        records[path] = fleets.record(fleet, path, "configured")
    del records["/region5/zone5/rack5/app05"]
    golden("cli/status-11110.txt", status_view.text(statuses(fleet, records)) + "\n")


def test_services_that_are_unhealthy_are_counted_and_alike_whatever_their_checks_said() -> None:
    fleet = fleets.compiled(fleets.large(), fleets.LARGE_INVENTORY, fleets.LARGE_REPOSITORY)
    records = fleets.recorded(fleet)
    for number in (1, 2):
        path = f"/region1/zone1/rack1/app0{number}"
        records[path] = structs.replace(records[path], problem=f"unhealthy: port {number} is closed")
    lines = status_view.text(statuses(fleet, records)).splitlines()

    assert [line.split()[-3:] for line in lines if "app[01-02]" in line] == [["sync", "(unhealthy)", "2"]]
    assert lines[-1] == "Status: 11,110 nodes, 11,110 active, 2 unhealthy, 11,110 in sync."


def test_no_nodes_is_one_line() -> None:
    assert status_view.text(()) == status_view.NOTHING


def test_what_initiators_plan_is_neither_in_sync_nor_not() -> None:
    there = [NodeRecord("/ma/m9/app", "h9", "/ma/m9", "installed", "active")]

    (found,) = status_view.statuses((), {}, there)

    assert (found.in_sync, found.action, found.service) == (None, None, "active")
    assert status_view.text([found]).splitlines()[1].split()[-2:] == ["planned", "there"]
    assert status_view.last_line([found]) == "Status: 1 node, 1 active, 0 in sync, 1 planned there."
