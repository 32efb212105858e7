"""What was found otherwise than it was recorded, as people read it."""

from collections.abc import Callable

from msgspec import structs

from ramify.cli.refreshing import differences, text
from ramify.model.record import NodeRecord
from unit.cli import fleets

Golden = Callable[[str, str], None]


def recorded() -> dict[str, NodeRecord]:
    return fleets.recorded(fleets.compiled(fleets.small()))


def test_the_same_difference_is_told_once(golden: Golden) -> None:
    before, after = recorded(), recorded()
    for path in ("/region1/zone1/app1", "/region1/zone2/app1"):
        after[path] = structs.replace(after[path], service="configured")
    del after["/region1/zone2/app2"]
    golden("cli/refresh.txt", text(differences(before, after), len(before)) + "\n")


def test_nothing_otherwise_is_one_line() -> None:
    shown = text(differences(recorded(), recorded()), 7)
    assert shown == "Refresh: 7 nodes looked at, 0 otherwise than recorded."


def test_many_differences_fit_a_screen() -> None:
    fleet = fleets.compiled(fleets.large(), fleets.LARGE_INVENTORY, fleets.LARGE_REPOSITORY)
    before = {path: NodeRecord(path, "h", "/", release=1) for path in fleet.digests}
    after = {
        path: structs.replace(one, release=at % 9, host=f"h{at % 4}")
        for at, (path, one) in enumerate(before.items())
    }
    shown = text(differences(before, after), len(before))
    assert shown.count("\n") <= 60
