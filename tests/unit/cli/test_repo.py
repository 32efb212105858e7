"""`ramify repo`, and `--locked`."""

import json
import os
import threading
from pathlib import Path

import pytest

from ramify.cli.session import Session
from ramify.cli.transfers import Transfers, watched
from unit.cli.conftest import Ramify


def test_a_lock_is_written_and_tells_what_changed(project: Path, ramify: Ramify) -> None:
    first = ramify("repo", "lock")
    assert first.code == 0, first.err
    assert "  + sensor" in first.out
    assert (project / "repository.lock").is_file()

    again = ramify("repo", "lock")
    assert "nothing changed" in again.out

    with (project / "sensor/sensor.sh").open("a") as stream:
        stream.write("# edited\n")
    assert "  ~ sensor" in ramify("repo", "lock").out


def test_a_check_writes_nothing_and_fails_when_the_lock_is_old(project: Path, ramify: Ramify) -> None:
    assert ramify("repo", "lock", "--check").code == 3
    assert not (project / "repository.lock").exists()
    ramify("repo", "lock")

    assert ramify("repo", "lock", "--check").code == 0


def test_what_drifted_is_told_by_plan_and_refused_with_locked(project: Path, ramify: Ramify) -> None:
    assert ramify("plan", "--locked").code == 1
    ramify("repo", "lock")
    assert ramify("plan", "--locked").code == 0
    with (project / "sensor/sensor.sh").open("a") as stream:
        stream.write("# edited\n")

    told, refused = ramify("plan"), ramify("plan", "--locked")
    assert (told.code, refused.code) == (0, 1)
    assert "warning[drifted]: sensor is not what repository.lock says" in told.err
    assert "error[drifted]: sensor is not what repository.lock says" in refused.err
    assert ramify("apply", "-y", "--locked").code == 1


def test_a_project_with_errors_is_not_locked(project: Path, ramify: Ramify) -> None:
    (project / "repository.yml").write_text("code: 5\n")

    assert ramify("repo", "lock").code == 1
    assert ramify("repo", "gc").code == 1
    assert not (project / "repository.lock").exists()


def test_what_is_not_needed_is_shown_and_then_taken_away(project: Path, ramify: Ramify) -> None:
    old = project / ".ramify/packs" / ("a" * 64)
    old.write_bytes(b"x" * 2_000_000)
    os.utime(old, (0, 0))

    shown = ramify("repo", "gc", "--dry-run")
    assert "1 item, 2.0 MB would be taken away" in shown.out
    assert old.exists()

    done = json.loads(ramify("repo", "gc", "--json").out)
    assert [item["name"] for item in done["removed"]] == ["a" * 64]
    assert not old.exists()
    assert ramify("plan").code == 0


def test_a_wrong_command_of_the_group_is_told(ramify: Ramify) -> None:
    result = ramify("repo", "lok")

    assert result.code == 1
    assert 'did you mean "lock"?' in result.err


def test_only_what_takes_longer_than_a_second_is_told_and_once(capfd: object, monkeypatch: object) -> None:
    told: list[str] = []

    class Quiet(Session):
        def note(self, text: str) -> None:
            told.append(text)

    with watched(Quiet()) as transfers:
        transfers.moved("quick", 5, 10)
        assert told == []
        for begun in (0.0, -10.0):
            transfers._begun["slow"] = begun
            transfers.moved("slow", 5_000_000, 200_000_000)
        transfers.ended("slow")
    assert told == ["Working on slow (200 MB) …"]


def test_work_of_unknown_length_is_told_unless_it_ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    heard = threading.Event()

    class Quiet(Session):
        def note(self, text: str) -> None:
            told.append(text)
            heard.set()

    with watched(Quiet()) as transfers:
        transfers.begun("Building this")
        transfers.ended("Building this")
        monkeypatch.setattr("ramify.cli.transfers.PATIENCE", 0.0)
        transfers.begun("Building that")
        assert heard.wait(60)
        transfers.ended("Building that")
    assert told == ["Building that …"]


def test_on_a_terminal_a_bar_moves(capfd: object) -> None:
    class Live(Session):
        @property
        def live(self) -> bool:
            return True

    with watched(Live(no_color=True)) as transfers:
        _begin(transfers)
        transfers.moved("slow [x]", 5_000_000, 10_000_000)
        assert transfers._bars is not None
        assert [task.completed for task in transfers._bars.tasks] == [5_000_000]
        transfers.ended("slow [x]")
        assert transfers._bars.tasks == []


def _begin(transfers: Transfers) -> None:
    transfers._begun["slow [x]"] = 0.0


def test_validate_contacts_nobody(project: Path, ramify: Ramify) -> None:
    text = (
        (project / "repository.yml").read_text().replace("config/sensor.yml", "http://127.0.0.1:9/sensor.yml")
    )
    (project / "repository.yml").write_text(text)
    result = ramify("validate")

    assert result.code == 0
    assert "1 reference to the web never fetched, so not followed" in result.err
