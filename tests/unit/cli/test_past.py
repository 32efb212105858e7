"""History, rollback and locks by the command line, on directories that hold a past."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import structs

from ramify.cli.holdings import NOBODY_ASKED
from ramify.cli.session import Session
from ramify.directory.sqlite import Directory
from ramify.model import bundle as bundles
from ramify.model.history import Lease, NodeChange, Ran
from ramify.model.record import Outcome
from unit.cli.conftest import Ramify
from unit.cli.fleets import compiled, recorded, small

Golden = Callable[[str, str], None]
TREES = {"r1": small(interval=5), "r2": small(interval=7), "r3": small("zone1", interval=7)}
AGES = {"r1": "08:00", "r2": "09:30", "r3": "10:15"}


def ran(run: str, bundle: str, **more: object) -> Ran:
    started = f"2026-03-01T{AGES.get(run, '11:00')}:00+00:00"
    made = Ran(run=run, kind="apply", path="/", bundle=bundle, started=started, who="ada@ops")
    return structs.replace(made, **more)


def remember(held: Directory, run: Ran, changes: list[NodeChange], **counts: int) -> None:
    held.history.begin(structs.replace(run, finished="", counts={}))
    held.write([], (), run.run, changes)
    held.history.finish(run.run, run.started, counts)


def lease(run: str, *held: str, pid: int = 0, machine: str = "") -> Lease:
    return Lease(
        run=run, kind="apply", paths=held, who="ada@ops", started="2026-03-01T08:00:00+00:00",
        machine=machine or socket.gethostname(), pid=pid or os.getpid(), expires=time.time() + 60,
    )  # fmt: skip


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Directory]:
    """The directory of a project whose files are broken by now."""
    files = {"hierarchy": "hierarchy.yml", "inventory": "inventory.yml", "repository": "repository.yml"}
    (tmp_path / "ramify.yml").write_text(json.dumps({"project": "past", **files}))
    (tmp_path / "hierarchy.yml").write_text("tree: [nonsense")
    (tmp_path / ".ramify").mkdir()
    monkeypatch.chdir(tmp_path)
    made = Directory(tmp_path / ".ramify/directory.db")
    yield made
    made.close()


@pytest.fixture
def past(held: Directory) -> Directory:
    """Deployed, changed, and then made smaller: three runs."""
    fleets = {run: compiled(tree) for run, tree in TREES.items()}
    for before, run in (("", "r1"), ("r1", "r2"), ("r2", "r3")):
        data = bundles.encode(fleets[run].bundle)
        held.bundles.keep(bundles.digest(data), data, ())
        old = fleets[before].digests if before else {}
        new = fleets[run].digests
        changes = [
            NodeChange(
                path, Outcome.DONE, "leaf1", "",
                int(path in old), old[path].node if path in old else "",
                int(path in new) * 2, new[path].node if path in new else "",
            )
            for path in sorted({*old, *new})
            if (old[path].node if path in old else "") != (new[path].node if path in new else "")
        ]  # fmt: skip
        remember(held, ran(run, bundles.digest(data)), changes, done=len(changes), unchanged=0)
    held.write(recorded(fleets["r3"]).values())
    return held


def steady(text: str) -> str:
    """Without digests, which say nothing to people."""
    return re.sub(r"\b[0-9a-f]{12}\b", "DIGEST", text)


def test_a_project_without_a_past_says_so(held: Directory, ramify: Ramify) -> None:
    del held
    assert ramify("history").out == "No run is remembered that changed these nodes.\n"
    assert ramify("history", "/region1") == ramify("history")
    assert ramify("lock", "list") == (0, "No locks.\n", "")
    assert ramify("lock", "release", "/region1", "-y") == (0, "No lock holds it.\n", f"{NOBODY_ASKED}\n")
    assert json.loads(ramify("lock", "release", "/", "-y", "--json").out) == {"released": []}
    back = ramify("rollback", "/region1", "-y")
    assert (back.code, "error[no-way-back]: no run is remembered" in back.err) == (1, True), back.err


def test_history_tells_each_run_in_a_line_and_of_a_path_what_became_of_it(
    past: Directory, ramify: Ramify, golden: Golden
) -> None:
    bad = NodeChange(
        "/region1/zone1/app1", Outcome.FAILED, "leaf1", "exit 1: disk full\nmore", 2, "d" * 64, 2, "e" * 64
    )
    run = ran("r4", "b" * 64, kind="rollback", selection=("/region1/zone1",), back_to="r2")
    remember(past, run, [bad], failed=1, offline=2)
    past.history.begin(ran("r5", "b" * 64, kind="stop", selection=("/region1/zone1/app2",)))
    past.leases.take(lease("r5", "/region1/zone1/app2"), lambda _: False)

    golden("cli/history.txt", steady(ramify("history").out))
    golden("cli/history-path.txt", steady(ramify("history", "/region1/zone1/app[1-2]", "/region1/zone2").out))
    few = ramify("history", "-n", "1", "--json")
    told = json.loads(few.out)
    assert (told["more"], [run["run"] for run in told["runs"]]) == (4, ["r5"])
    assert told["runs"][0]["running"]


def test_history_tells_who_had_signed_what_ran(past: Directory, ramify: Ramify) -> None:
    assert "SIGNED BY" not in ramify("history").out
    remember(past, ran("r4", "b" * 64, signers=("ada@acme", "grace@acme")), [], done=1)

    head, last, before, *_ = ramify("history").out.splitlines()
    assert re.search(r"WHO +SIGNED BY +WHAT ", head)
    assert "ada@ops  ada@acme, grace@acme  apply " in last
    assert re.search(r"ada@ops +- +apply ", before)


def test_a_rollback_shows_where_it_goes_what_it_loses_and_the_plan(
    past: Directory, ramify: Ramify, golden: Golden
) -> None:
    del past
    shown = ramify("rollback", "/region1", "-o", "back.plan")

    golden("cli/rollback.txt", steady(shown.out))
    assert shown.err == "\nSaved. `ramify apply back.plan` does just this.\n"
    told = json.loads(ramify("rollback", "/region1", "-o", "back.plan", "--json").out)
    assert (told["to"], told["undone"], told["plan"]["add"]) == ("r2", "r3", 3)
    assert [len(lost["paths"]) for lost in told["lost"]] == [3]
    assert ramify("show", "back.plan").code == 0


def test_who_names_a_run_is_told_what_it_was_not(past: Directory, ramify: Ramify) -> None:
    run = next(one for one in past.history.runs() if one.run == "r1")
    failed = structs.replace(run, run="f4", selection=("/region1/zone1/app1",))
    remember(past, failed, [], done=3, failed=1)

    shown = ramify("rollback", "/region1/zone1", "--to", "f4", "-o", "x.plan").out
    assert "\nThat run did not end well (3 done, 1 failed): this is what it should have made.\n" in shown
    assert "\nThat run was for /region1/zone1/app1 only: of other nodes this is what its bundle says" in shown
    assert "That run" not in ramify("rollback", "/region1/zone1", "--to", "r1", "-o", "x.plan").out


def test_what_cannot_be_gone_back_to_is_told_with_the_way_out(past: Directory, ramify: Ramify) -> None:
    remember(past, ran("r9", "9" * 64), [], done=1)
    told = {
        ("--to", "zz"): 'error[no-way-back]: no run "zz" is remembered',
        ("--to", "r"): 'error[no-way-back]: "r" stands for 4 runs',
        ("--to", "r9"): "error[no-way-back]: no bundle of run r9 is kept that this Ramify can read",
        ("/nowhere",): 'error[no-such-path]: "/nowhere" selects no node',
        ("region1",): "error[",
    }
    for words, summary in told.items():
        result = ramify("rollback", "/region1", *words, "-y")
        assert (result.code, summary in result.err) == (1, True), (words, result.err)
    unasked = ramify("rollback", "/region1")
    assert (unasked.code, "error[approval]" in unasked.err) == (1, True)
    assert ramify("rollback").code == 1


def test_a_rollback_that_has_nothing_to_do_says_so(past: Directory, ramify: Ramify) -> None:
    del past
    done = ramify("rollback", "/region1/zone1/app1", "--to", "r2", "-y")
    assert done.code == 0
    assert done.out.endswith("No changes. Your fleet matches the hierarchy.\n")
    assert done.err == ""


def test_locks_are_listed_and_those_of_dead_owners_are_told_apart(
    past: Directory, ramify: Ramify, golden: Golden
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    past.leases.take(lease("r4", "/region1/zone1/app1"), lambda _: False)
    past.leases.take(lease("r5", "/region1/zone1/app2", pid=gone.pid), lambda _: False)
    past.leases.take(lease("r6", "/region2", pid=77, machine="elsewhere"), lambda _: False)

    found = ramify("lock", "list").out
    # How wide columns are depends on numbers of processes, and ages on the day.
    steady = re.sub(r"pid \d+", "pid N", re.sub(r"\d+ d ", "N d ", found))
    golden("cli/lock-list.txt", re.sub(r" {2,}", "  ", steady))
    told = json.loads(ramify("lock", "list", "--json").out)["locks"]
    assert [(one["run"], one["held"]) for one in told] == [("r4", True), ("r5", False), ("r6", True)]


def test_a_lock_is_released_where_it_is_named_and_nowhere_else(past: Directory, ramify: Ramify) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    past.leases.take(lease("r4", "/region1/zone1/app1"), lambda _: False)
    past.leases.take(lease("r5", "/region1/zone1/app2", pid=gone.pid), lambda _: False)
    past.leases.take(lease("r6", "/region1/zone2"), lambda _: False)

    def left() -> list[str]:
        return [one.run for one in past.leases.all() if not one.released]

    wrong = ramify("lock", "release", "/nowhere", "-y")
    assert (wrong.code, "error[no-such-path]" in wrong.err) == (1, True)
    assert ramify("lock", "release", "/region1").code == 1  # nobody is there to ask
    assert ramify("lock", "release").code == 1
    assert len(left()) == 3
    dead = ramify("lock", "release", "/region1/zone1/app2", "-y", "--no-refresh")
    assert "Run r5 of ada@ops, pid " in dead.out
    assert "left its lock behind: nothing is broken." in dead.out
    assert left() == ["r4", "r6"]
    alive = ramify("lock", "release", "/region1!/region1/zone2", "-y", "--no-refresh", "--json")
    assert json.loads(alive.out) == {"released": ["r4"]}
    assert "It begins nothing more as soon as it sees that" in alive.err
    assert left() == ["r6"]
    assert ramify("lock", "release", "/", "-y", "--no-refresh").code == 0
    assert left() == []
    # Runs that go on end themselves: until then nobody else begins.
    assert [one.run for one in past.leases.all()] == ["r4", "r6"]
    assert "ends, released by" in ramify("lock", "list").out


@pytest.mark.parametrize(("answer", "left"), [("yes\n", 0), ("no\n", 1), ("", 1)])
def test_a_lock_is_taken_away_when_somebody_says_yes(
    past: Directory, ramify: Ramify, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    past.leases.take(lease("r4", "/region1"), lambda _: False)
    monkeypatch.setattr(Session, "interactive", True)
    monkeypatch.setattr(Session, "ask", lambda _, question: answer if "this lock" in question else "")

    assert ramify("lock", "release", "/region1/zone1", "--no-refresh").code == (1 if left else 0)
    assert sum(not one.released for one in past.leases.all()) == left
