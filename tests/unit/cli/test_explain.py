"""`explain` and `match`: what people read, and what they are told when they ask for nothing that is there."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from unit.cli.conftest import Ramify

Golden = Callable[[str, str], None]
SENSOR = "/site/room1/sensor2"


@pytest.fixture
def layered(project: Path) -> Path:
    """The starter with a template, and a second configuration for one room."""
    (project / "hierarchy.yml").write_text(
        "templates:\n"
        "  slow: {vars: {interval: 60}}\n"
        "tree:\n"
        "  site:\n"
        "    vars: {interval: 2}\n"
        "    children:\n"
        "      room[1-2]:\n"
        "        extends: slow\n"
        "        children:\n"
        "          sensor[1-2]: {}\n"
    )
    with (project / "inventory.yml").open("a") as file:
        file.write('  - {match: "/site/**", host: center}\n')
    (project / "config/room.yml").write_text(
        'env: {LABEL: "{{ node.name }} on {{ facts.hostname }}"}\nargs: [-v]\n'
    )
    with (project / "repository.yml").open("a") as file:
        file.write('  - {match: ["/site/room1/**", "!/site/room1"], ref: config/room.yml}\n')
    return project


# Explain.


@pytest.mark.usefixtures("layered")
def test_a_node_is_explained(ramify: Ramify, golden: Golden) -> None:
    golden("cli/explain.txt", ramify("explain", SENSOR).out)


@pytest.mark.usefixtures("layered")
@pytest.mark.parametrize("key", ["service.env.INTERVAL", "interval", "code"])
def test_a_key_narrows_it(key: str, ramify: Ramify, golden: Golden) -> None:
    golden(f"cli/explain-{key.replace('.', '-')}.txt", ramify("explain", SENSOR, key).out)


@pytest.mark.usefixtures("layered")
def test_json_has_the_same(ramify: Ramify) -> None:
    made = json.loads(ramify("explain", SENSOR, "service.env.LABEL", "--json").out)
    (value,) = made["values"]
    assert (made["path"], made["host"], value["text"]) == (SENSOR, "box2", None)
    assert [(said["outcome"], said["origin"]) for said in value["said"]] == [
        ("overridden", ["config/sensor.yml", 4, 3]),
        ("wins", ["config/room.yml", 1, 7]),
    ]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("/site/rom1",), 'no node at "/site/rom1"\n    Did you mean "/site/room1"?'),
        ((SENSOR, "INTERVL"), 'has no value "INTERVL"\n    Did you mean "INTERVAL"?'),
        ((SENSOR, "A", "--why-not", "/x"), "--why-not takes a PATH and no KEY"),
        ((SENSOR, "--why-not", "/a[2-1]"), 'range "[2-1]" counts down'),
        ((SENSOR, "--why-not", ""), "a pattern cannot be empty"),
        (("/", "--why-not", "/a"), 'expected a path such as "/region1/zone3"'),
    ],
)
def test_what_is_not_there_is_one_error(argv: tuple[str, ...], words: str, ramify: Ramify) -> None:
    result = ramify("explain", *argv)
    assert (result.code, result.out) == (1, "")
    assert words in result.err
    assert result.err.count("error[") == 1


def test_a_project_with_errors_is_explained_beside_them(project: Path, ramify: Ramify) -> None:
    text = (project / "repository.yml").read_text()
    (project / "repository.yml").write_text(text.replace('["/site", "/site/room*"]', '["/site", "/site/**"]'))
    result = ramify("explain", SENSOR, "code")
    assert result.code == 0
    assert "error[two-codes]" in result.err
    assert result.out.count("refused") == 2


def test_where_there_is_no_tree_the_errors_are_all(project: Path, ramify: Ramify) -> None:
    (project / "hierarchy.yml").write_text("treee: 1\n")
    for argv in (("explain", SENSOR), ("match", "/site")):
        result = ramify(*argv)
        assert (result.code, result.out) == (1, "")
        assert "error[unknown-key]" in result.err


# Why not.


@pytest.mark.usefixtures("layered")
@pytest.mark.parametrize(
    ("name", "pattern", "path"),
    [
        ("entry", "/site/room1/**", "/site/room1"),
        ("place", "repository.yml:5", "/site/room1"),
        ("takes", "/site/room*/sensor*", SENSOR),
        ("late", "/site/**", SENSOR),
        ("alone", "/site/rom*/**", SENSOR),
        ("xml", "room1/*", SENSOR),
    ],
)
def test_why_a_pattern_does_not_match(
    name: str, pattern: str, path: str, ramify: Ramify, golden: Golden
) -> None:
    result = ramify("explain", "--why-not", pattern, path)
    assert (result.code, result.err) == (0, "")
    golden(f"cli/why-not-{name}.txt", result.out)


@pytest.mark.usefixtures("untouched")
def test_a_path_that_is_no_node_can_be_asked_for(ramify: Ramify) -> None:
    result = ramify("explain", "--why-not", "/site/room*", "/site/room3", "--json")
    assert 'There is no node /site/room3. Did you mean "/site/room2"?' in result.err
    made = json.loads(result.out)
    assert (made["path"], made["node"]) == ("/site/room3", False)
    assert [(one["list"], one["takes"]) for one in made["verdicts"]] == [("code", True), ("placements", True)]


# Match.


@pytest.mark.usefixtures("layered")
def test_match_folds_counts_and_names_users(ramify: Ramify, golden: Golden) -> None:
    result = ramify("match", "/site/room1/**", "!/site/room1", "/site/room*/sensor*")
    assert result.code == 0
    golden("cli/match.txt", result.out)


@pytest.mark.usefixtures("untouched")
def test_a_pattern_that_matches_nothing_is_told_with_what_there_is(ramify: Ramify, golden: Golden) -> None:
    result = ramify("match", "/site/rom*", "/site/room1/sensor1/x", "/**/sensr1", "*/nothing/*", "/**")
    assert result.code == 1
    golden("cli/match-nothing.txt", result.out)


@pytest.mark.usefixtures("untouched")
def test_match_prints_json(ramify: Ramify) -> None:
    made = json.loads(ramify("match", "/site/room*", "--json").out)
    (one,) = made["patterns"]
    assert (one["count"], one["folded"]) == (2, ["/site/room[1-2]"])
    assert [user["list"] for user in one["used_by"]] == ["code", "placements"]
    assert made["together"] == {"count": 2, "folded": ["/site/room[1-2]"]}


@pytest.mark.usefixtures("untouched")
def test_many_lines_are_left_out_unless_asked_for(ramify: Ramify) -> None:
    assert "  /site/room2/sensor1\n" in ramify("match", "/**", "-v").out
    assert "  /site/room2/sensor1\n" not in ramify("match", "/**").out


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("pattern", ["/a[2-1]", "", "/", "!"])
def test_a_pattern_that_cannot_be_read_is_an_error(pattern: str, ramify: Ramify) -> None:
    result = ramify("match", pattern)
    assert (result.code, result.out) == (1, "")
    assert "error[bad-pattern]" in result.err
