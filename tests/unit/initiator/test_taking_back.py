"""Back from a run that went wrong: each node by a bundle in which it is what it was, or a reason why not."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from msgspec import structs

from ramify.directory.sqlite import Directory
from ramify.initiator.operator import Workspace, workspace
from ramify.initiator.taking_back import made_by, to_undo, ways_back
from ramify.model import bundle as bundles
from ramify.model.history import NodeChange, Ran
from ramify.model.record import Outcome
from ramify.repository import project
from unit.cli.fleets import compiled, recorded, small

APP1, APP2 = "/region1/zone1/app1", "/region1/zone1/app2"
FLEETS = {f"r{at}": compiled(small("zone1", interval=at)) for at in (1, 2, 3)}


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    """The workspace of the third run, and a directory that knows nothing yet."""
    parts = {"hierarchy": "h.yml", "inventory": "i.yml", "repository": "r.yml"}
    (tmp_path / "ramify.yml").write_text(json.dumps({"project": "past", **parts}))
    bundle = FLEETS["r3"].bundle
    with workspace(project.resumed(tmp_path, bundle), data=bundles.encode(bundle)) as made:
        yield made


def digest(run: str, path: str) -> str:
    return FLEETS[run].digests[path].node


def ran(held: Directory, run: str, changes: Mapping[str, tuple[str, str]], *, kept: bool = True) -> None:
    """A run from its bundle, and the digests before and after it."""
    data = bundles.encode(FLEETS[run].bundle)
    if kept:
        held.bundles.keep(bundles.digest(data), data, ())
    held.history.begin(Ran(run, "apply", "/", bundles.digest(data), "now"))
    told = [
        NodeChange(path, Outcome.DONE, before_digest=before, digest=after, release=1)
        for path, (before, after) in changes.items()
    ]
    known = {**recorded(FLEETS["r3"]), **held.records()}
    now = [structs.replace(known[path], digest=after) for path, (_, after) in changes.items()]
    held.write(now, (), run, told)


def test_each_node_goes_back_by_the_newest_bundle_in_which_it_is_what_it_was(space: Workspace) -> None:
    first, second = digest("r1", APP1), digest("r2", APP1)
    ran(space.directory, "r1", {APP1: ("", first), APP2: ("", digest("r1", APP2))})
    ran(space.directory, "r2", {APP1: (first, second)})
    ran(space.directory, "r3", {APP1: (second, "x"), APP2: (digest("r1", APP2), "y"), "/region1": ("", "z")})

    ways, stuck = ways_back(space, "r3")

    assert stuck == []
    assert [(way.plan.goal, way.space.cause.back_to, way.plan.selection) for way in ways] == [
        ("uninstall", "", ("/region1/.",)),
        ("apply", "r2", (f"{APP1}/.",)),
        ("apply", "r1", (f"{APP2}/.",)),
    ]
    assert {way.space.cause.kind for way in ways} == {"rollback"}


def test_what_another_ramify_made_is_told_with_the_run_that_goes_back_to_it(space: Workspace) -> None:
    ran(space.directory, "r1", {APP1: ("", "old1"), APP2: ("", "old2")})
    ran(space.directory, "r3", {APP1: ("old1", "x"), APP2: ("old2", "y")})

    ways, (stuck,) = ways_back(space, "r3")

    assert ways == []
    assert stuck.nodes == (APP1, APP2)
    assert stuck.why == "what was there before run r3 cannot be recognised: another Ramify made its digests"
    assert made_by(space.directory, "r3", to_undo(space.directory, "r3")) == {"r1": [APP1, APP2]}


def test_without_an_earlier_bundle_there_is_no_way_and_nothing_to_name(space: Workspace) -> None:
    ran(space.directory, "r1", {APP1: ("", digest("r1", APP1))}, kept=False)
    ran(space.directory, "r3", {APP1: (digest("r1", APP1), "x")})

    ways, (stuck,) = ways_back(space, "r3")

    assert ways == []
    assert stuck.why == "no bundle from before run r3 is kept that this Ramify can read"
    assert made_by(space.directory, "r3", to_undo(space.directory, "r3")) == {}
