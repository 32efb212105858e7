"""`--only`: which nodes ended so when they were last touched."""

from pathlib import Path

from ramify.cli.only import last_outcomes
from ramify.directory.sqlite import Directory
from ramify.model.history import NodeChange, Ran
from ramify.model.record import Outcome


def test_the_last_run_that_touched_a_node_says_how_it_ended(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "directory.db")
    try:
        told = [
            {"/a": Outcome.FAILED, "/b": Outcome.FAILED, "/c": Outcome.OFFLINE},
            {"/a": Outcome.DONE, "/b": Outcome.SKIPPED},
        ]
        for number, outcomes in enumerate(told):
            directory.history.begin(Ran(f"run{number}", "apply", "/", "bundle", f"2026-01-0{number + 1}"))
            changes = [NodeChange(path, outcome) for path, outcome in outcomes.items()]
            directory.write((), (), f"run{number}", changes)
        assert last_outcomes(directory.history) == {"/a": "done", "/b": "failed", "/c": "offline"}
    finally:
        directory.close()
