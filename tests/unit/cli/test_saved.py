"""Plans saved, shown and applied, by the command line."""

import hashlib
import json
from pathlib import Path

import pytest
from msgspec import structs

from ramify.cli.folding import fold
from ramify.model import saved
from unit.cli.conftest import Ramify

NOTHING = "Nothing to do. All that this plan says is done.\n"


def interval(project: Path, before: int, after: int) -> None:
    """Change a variable of the hierarchy."""
    file = project / "hierarchy.yml"
    text = file.read_text()
    assert f"interval: {before}" in text
    file.write_text(text.replace(f"interval: {before}", f"interval: {after}"))


def outcomes(printed: str) -> dict[str, list[str]]:
    """Paths by their outcome, stale ones apart; folded."""
    found: dict[str, list[str]] = {}
    for result in json.loads(printed)["results"]:
        word = "stale" if result["stale"] else result["outcome"]
        found.setdefault(word, []).append(result["path"])
    return {word: fold(together) for word, together in found.items()}


def test_a_saved_plan_is_shown_as_it_was_made_without_the_project(
    project: Path, ramify: Ramify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ramify("plan", "-o", "change.plan")
    file = tmp_path / "elsewhere/change.plan"
    file.parent.mkdir()
    (project / "change.plan").rename(file)
    monkeypatch.chdir(file.parent)

    shown = ramify("show", "change.plan")

    assert made.err == "\nSaved. `ramify apply change.plan` does just this.\n"
    assert shown.code == 0
    assert shown.out.partition("\n")[2] == made.out
    assert json.loads(ramify("show", str(file), "--json").out)["plan"]["summary"]["add"] == 7


@pytest.mark.usefixtures("untouched")
def test_the_saved_plan_and_the_printed_one_are_the_same(ramify: Ramify, tmp_path: Path) -> None:
    file = str(tmp_path / "change.plan")
    printed = json.loads(ramify("plan", "/site/room1", "-o", file, "--json", "--detailed-exitcode").out)
    assert json.loads(ramify("show", file, "--json").out)["plan"] == printed


def test_what_is_no_saved_plan_is_told_and_nothing_is_done(
    project: Path, ramify: Ramify, tmp_path: Path
) -> None:
    del project
    assert ramify("plan", "-o", "good.plan").code == 0
    data = Path("good.plan").read_bytes()
    Path("bad.plan").write_bytes(data[:-5])
    told = {
        ("show", "nowhere.plan"): "error[file]: cannot use nowhere.plan: No such file or directory",
        ("show", "hierarchy.yml"): "error[bad-plan]: hierarchy.yml cannot be used: it is no saved plan",
        ("apply", "hierarchy.yml"): "error[bad-plan]: hierarchy.yml is no saved plan",
        ("apply", "gone.plan"): "error[bad-plan]: there is no saved plan gone.plan",
        ("apply", "bad.plan"): "error[bad-plan]: bad.plan cannot be used: it is damaged",
        ("apply", "good.plan", "/site"): "error[usage]: a saved plan is carried out whole",
        ("apply", "good.plan"): "error[lab-down]: the lab is not up",
        ("apply", "-y", "--strict"): "error[usage]: --strict is for saved plans",
        ("plan", "--refresh-only", "-o", "x.plan"): "error[usage]: --refresh-only makes no plan",
        ("plan", "-o", "no/where.plan"): "error[file]: cannot use no/where.plan:",
        ("plan", "--refresh"): "error[lab-down]: the lab is not up",
    }
    for line, summary in told.items():
        result = ramify(*line)
        assert (result.code, summary in result.err) == (1, True), (line, result.err)
    assert not Path("x.plan").exists()


def test_a_plan_of_another_project_is_refused(project: Path, ramify: Ramify) -> None:
    assert ramify("plan", "-o", "change.plan").code == 0
    file = project / "ramify.yml"
    file.write_text(file.read_text().replace("project: ", "project: not-"))
    result = ramify("apply", "change.plan")
    assert result.code == 1
    assert "error[other-project]" in result.err


def test_a_plan_says_what_it_was_made_from(project: Path, ramify: Ramify) -> None:
    assert ramify("plan", "-o", "change.plan").code == 0
    made = saved.decode((project / "change.plan").read_bytes())
    assert set(made.observed.values()) == {""}
    assert made.opened().project == made.project


def test_a_plan_is_shown_also_when_nobody_here_can_read_its_bundle(project: Path, ramify: Ramify) -> None:
    assert ramify("plan", "-o", "change.plan").code == 0
    file = project / "change.plan"
    made = saved.decode(file.read_bytes())
    bundle = b"from the future"
    plan = structs.replace(made.plan, bundle=hashlib.sha256(bundle).hexdigest())
    file.write_bytes(saved.encode(structs.replace(made, bundle=bundle, plan=plan, ramify="9.9")))

    shown = ramify("show", "change.plan")

    assert shown.code == 0
    assert "Plan: 7 to add, 0 to change, 0 to destroy." in shown.out
    assert shown.err.startswith("Ramify 9.9 made it, and this one cannot read all that it carries")
    assert "error[bad-plan]" in ramify("apply", "change.plan").err


@pytest.mark.lab
def test_a_saved_plan_is_carried_out_just_as_it_is(project: Path, ramify: Ramify) -> None:
    try:
        assert ramify("lab", "up").code == 0
        assert ramify("plan", "-o", "first.plan").code == 0
        (project / "hierarchy.yml").rename(project / "away.yml")  # it carries all that it needs
        assert ramify("apply", "first.plan").code == 0
        (project / "away.yml").rename(project / "hierarchy.yml")
        assert ramify("apply", "first.plan") == (0, NOTHING, "")

        interval(project, 2, 1)
        assert ramify("plan", "-o", "change.plan").code == 0
        interval(project, 1, 7)
        assert ramify("apply", "-y", "/site/room1/sensor2").code == 0
        strict = ramify("apply", "change.plan", "--strict", "--json")
        assert strict.code == 3
        assert outcomes(strict.out) == {
            "unchanged": ["/site", "/site/room[1-2]"],
            "stale": ["/site/room1/sensor2"],
            "skipped": ["/site/room1/sensor1", "/site/room2/sensor[1-2]"],
        }

        shown = ramify("apply", "change.plan")
        assert shown.code == 3
        assert "Left alone, since they moved on after this was planned: /site/room1/sensor2." in shown.out
        assert '~ service.env.INTERVAL: "7" -> "1"' not in shown.out
        told = ramify("apply", "change.plan")
        assert told.out.startswith("Left alone, since they moved on")
        again = ramify("apply", "change.plan", "--json")
        assert json.loads(again.out)["plan"]["change"] == 0
        assert (again.code, outcomes(again.out)["stale"]) == (3, ["/site/room1/sensor2"])
        assert ramify("plan", "--refresh-only", "--detailed-exitcode").code == 0
    finally:
        assert ramify("lab", "down").code == 0
