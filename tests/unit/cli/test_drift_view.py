"""Drift from three sides, as people read it."""

from collections.abc import Callable

from msgspec import structs

from ramify.cli import drift_view, plan_view, status_view
from ramify.cli.drift_view import NodeDrift
from ramify.compile.fleet import Fleet
from ramify.model.drift import Drift
from ramify.model.record import NodeRecord
from unit.cli import fleets

Golden = Callable[[str, str], None]
TEXT = "interval = 2\nname = app\nlimit = 10\n"
EDIT = Drift("config/app.conf", "edited", "e" * 64, "a" * 64, TEXT, TEXT.replace("10", "99"))
CODE = Drift("code/run", "edited", "e" * 64, "a" * 64)
MODE = Drift("config/key", "mode", "0600", "0666")
GONE = Drift("code/lib.sh", "removed", "e" * 64)
WORD = Drift("config/word", "edited", "e" * 64, "a" * 64, "one\n", "two\n")


def drifts(
    fleet: Fleet, before: dict[str, NodeRecord], after: dict[str, NodeRecord] | None = None
) -> tuple[NodeDrift, ...]:
    return drift_view.drifts(fleet, fleets.planned(fleet, before.values()).nodes, before, after)


def changed(records: dict[str, NodeRecord], path: str, **how: object) -> dict[str, NodeRecord]:
    return {**records, path: structs.replace(records[path], **how)}


def test_what_differs_is_shown_from_three_sides(golden: Golden) -> None:
    fleet = fleets.compiled("on_drift: report\n" + fleets.small())
    before = fleets.recorded(fleet)
    after = changed(before, "/region1/zone1/app1", drift=(EDIT, MODE, WORD))
    after = changed(after, "/region1/zone1/app2", service="configured")
    after = changed(after, "/region1/zone2/app1", drift=(CODE, GONE), release=3, digest="f" * 64)
    found = drifts(fleet, before, after)
    golden("cli/drift.txt", drift_view.text(found, len(before)) + "\n")


def test_plan_and_status_tell_what_is_left_alone(golden: Golden) -> None:
    fleet = fleets.compiled("on_drift: report\n" + fleets.small())
    records = changed(fleets.recorded(fleet), "/region1/zone1/app1", drift=(EDIT, MODE))
    planned = fleets.planned(fleet, records.values())
    status = status_view.text(status_view.statuses(planned.nodes, records))
    told = plan_view.text(planned, lambda path: fleets.component(fleet, path))
    golden("cli/drift-report.txt", f"{status}\n\n{told}\n")


def test_nothing_that_differs_is_one_line() -> None:
    fleet = fleets.compiled(fleets.small())
    records = fleets.recorded(fleet)
    assert drift_view.text(drifts(fleet, records, records), 7) == (
        "Drift: 7 nodes, 0 with changed files, 0 otherwise than wished."
    )


def test_what_was_stopped_on_purpose_is_as_it_shall_be() -> None:
    fleet = fleets.compiled(fleets.small())
    records = changed(fleets.recorded(fleet), "/region1/zone1/app1", service="configured", held="stopped")
    assert drifts(fleet, records, records) == ()


def test_drift_of_a_large_fleet_fits_a_screen() -> None:
    fleet = fleets.compiled(fleets.large(), fleets.LARGE_INVENTORY, fleets.LARGE_REPOSITORY)
    records = {path: NodeRecord(path, "h", "/") for path in fleet.digests}
    texts = [EDIT, *(structs.replace(EDIT, actual_text=f"{n}\n" * 30) for n in range(20))]
    after = {
        path: structs.replace(one, drift=(texts[at % 21],)) for at, (path, one) in enumerate(records.items())
    }
    shown = drift_view.text(drifts(fleet, records, after), len(records))
    assert shown.count("\n") < 60
    assert len(drift_view.text(drifts(fleet, records, after), len(records), full=True)) > len(shown)
