"""`ramify select`, and path expressions of other commands, on a project as `init` writes it."""

import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from unit.cli.conftest import Ramify

PAGE = (Path(__file__).parents[3] / "docs/paths.md").read_text()
SESSIONS = re.findall(r"^\$ ramify (.*)\n((?:(?!\$|```).*\n)*)", PAGE, re.MULTILINE)
Typed = Callable[[str], None]

pytestmark = pytest.mark.usefixtures("untouched")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Put a text on stdin."""
    return lambda text: monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode(errors="surrogateescape")))
    )


@pytest.mark.parametrize(("line", "printed"), SESSIONS)
def test_the_documented_selections_are_what_is_printed(line: str, printed: str, ramify: Ramify) -> None:
    assert ramify(*shlex.split(line)) == (0, printed, "")


def test_there_are_documented_selections() -> None:
    assert len(SESSIONS) > 5


def test_without_a_path_it_is_all(ramify: Ramify) -> None:
    assert ramify("select", "-c").out == "7\n"
    assert ramify("select", "-f").out == "/site\n"
    assert len(ramify("select").out.splitlines()) == 7


@pytest.mark.parametrize("form", ["-e", "-f"])
@pytest.mark.parametrize("expression", ["/site", "/site!/site/room1", "/**/sensor1", "/site/room[1-2]/."])
def test_what_is_printed_can_be_piped_to_the_next_command(
    form: str, expression: str, ramify: Ramify, typed: Typed
) -> None:
    wanted = ramify("select", expression, "--json").out
    printed = ramify("select", form, expression).out
    typed(printed)
    assert ramify("select", "-", "--json").out == wanted
    assert ramify("select", *printed.split(), "--json").out == wanted


def test_stdin_has_an_expression_per_line_and_comments(ramify: Ramify, typed: Typed) -> None:
    typed("# failed\n/site/room1/sensor1  /site/room2\n\n!/**/sensor2  # not these\n")
    assert ramify("select", "-e", "/site/.", "-", "&/**/sensor1").out.split() == [
        "/site/room1/sensor1",
        "/site/room2/sensor1",
    ]


@pytest.mark.parametrize("command", ["select", "plan", "apply", "status", "tree"])
@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (["-"], "empty-selection"),
        (["/site!/site"], "empty-selection"),
        (["/site!/site/rom1"], "no-such-path"),
        (["/site!"], "bad-selection"),
    ],
)
def test_a_mistake_is_an_error_and_never_all(
    command: str, texts: list[str], code: str, ramify: Ramify, typed: Typed
) -> None:
    typed("\n# nothing\n")
    result = ramify(command, *(["-y"] if command == "apply" else []), *texts)
    assert (result.code, result.out) == (1, "")
    assert f"error[{code}]" in result.err


def test_stdin_is_never_read_whole_when_it_has_no_end(
    ramify: Ramify, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/zero").open() as endless:
        monkeypatch.setattr("sys.stdin", endless)
        result = ramify("select", "-")

    assert (result.code, result.out) == (1, "")
    assert "error[too-large]" in result.err


def test_what_is_no_text_on_stdin_is_a_mistake_like_any_other(ramify: Ramify, typed: Typed) -> None:
    typed("/site\n\udcff\n")
    result = ramify("select", "-")

    assert result.code == 1
    assert "error[bad-selection]" in result.err


def test_a_part_that_takes_nothing_is_told_with_the_closest_name(ramify: Ramify) -> None:
    told = ramify("plan", "/site!/site/rom1/sensor1").err
    assert '"/site/rom1/sensor1" selects no node' in told
    assert 'Below "/site" nothing fits "rom1". Did you mean "room1"?' in told


def test_a_plan_leaves_out_what_is_taken_away(ramify: Ramify) -> None:
    nodes = json.loads(ramify("plan", "--json", "/site", "!/site/room1").out)["nodes"]
    assert [node["path"] for node in nodes] == [
        "/site", "/site/room2", "/site/room2/sensor1", "/site/room2/sensor2",
    ]  # fmt: skip


def test_a_tree_leaves_out_what_is_taken_away(ramify: Ramify) -> None:
    lines = ramify("tree", "/site!/**/sensor1!/site/room2").out
    assert re.findall(r"[└├]── (\S+)", lines) == ["site", "room1", "sensor2"]
    assert lines.endswith("3 nodes.\n")


def test_json_has_the_number_and_both_forms(ramify: Ramify) -> None:
    assert json.loads(ramify("select", "--json", "/site/room*!/**/sensor1").out) == {
        "count": 4,
        "folded": ["/site/room[1-2]/.", "/site/room[1-2]/sensor2"],
        "paths": ["/site/room1", "/site/room2", "/site/room1/sensor2", "/site/room2/sensor2"],
    }


def test_separators_may_be_written_as_escapes(ramify: Ramify) -> None:
    assert (
        ramify("select", "-e", "-S", r"\t", "/**/sensor1").out == "/site/room1/sensor1\t/site/room2/sensor1\n"
    )


@pytest.mark.parametrize("command", ["profile", "explain"])
def test_an_expression_may_stand_for_one_node(command: str, ramify: Ramify) -> None:
    wanted = ramify(command, "/site/room1", "--json").out
    for text in ("/**/room1", "site/room1", "/site/room1/.", "/site/room[1-2]!/site/room2"):
        assert ramify(command, text, "--json").out == wanted
    several = ramify(command, "/**/sensor1")
    assert several.code == 1
    assert '"/**/sensor1" takes 2 nodes\n    Name one of /site/room[1-2]/sensor1.' in several.err
    assert '"/**/sensor7" selects no node' in ramify(command, "/**/sensor7").err
