"""Patterns: the automaton agrees with a matcher that is too plain to be wrong."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.model.patterns import Kind, Matcher, Pattern, Step, problem, selected
from ramify.model.ranges import expand


def fits(step: str, name: str) -> bool:
    """Whether a name is one of those a step stands for, by trying everything."""
    if not step:
        return not name
    if step[0] == "*":
        return any(fits(step[1:], name[at:]) for at in range(len(name) + 1))
    if step[0] == "?":
        return bool(name) and fits(step[1:], name[1:])
    if step[0] == "[":
        end = step.index("]") + 1
        words = [word for word, _ in expand(step[:end])]
        return any(name.startswith(word) and fits(step[end:], name[len(word) :]) for word in words)
    return bool(name) and name[0] == step[0] and fits(step[1:], name[1:])


def matches(steps: list[str], names: list[str]) -> bool:
    """Whether steps take a path; `**` is any number of names."""
    if not steps:
        return not names
    if steps[0] == "**":
        return any(matches(steps[1:], names[at:]) for at in range(len(names) + 1))
    return bool(names) and fits(steps[0], names[0]) and matches(steps[1:], names[1:])


def takes(pattern: Pattern, path: str) -> bool:
    """The readings A1 to A3 and A6, said once more."""
    words = [word for word in re.split(r"/(?![^\[]*\])", pattern.text) if word]
    if pattern.kind is Kind.PAPER:
        anchored = pattern.text.startswith("/")
        ends = set() if anchored else {0, len(words) - 1}
        words = [
            word if word not in {"*", "**"} else ("**" if at in ends else "*")
            for at, word in enumerate(words)
        ]
    return matches(words, path[1:].split("/"))


STEPS = st.sampled_from(
    ["*", "**", "a", "b", "a*", "*b", "?", "a?b", "a[1-3]", "a[0-12/3]", "[1-12]*", "*[2-11]", "[1-2][0-1]"]
)
NAMES = st.text(alphabet="ab12", min_size=1, max_size=4)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map(lambda names: "/" + "/".join(names))
GLOBS = st.lists(STEPS, min_size=1, max_size=5).map(lambda steps: Pattern("/" + "/".join(steps)))
PAPERS = st.builds(
    lambda steps, slash: Pattern(slash + "/".join(steps), Kind.PAPER),
    st.lists(STEPS, min_size=1, max_size=5),
    st.sampled_from(["", "/"]),
)


@settings(max_examples=250)
@given(st.lists(GLOBS | PAPERS, min_size=1, max_size=4), PATHS)
def test_many_patterns_at_once_match_as_each_alone(patterns: list[Pattern], path: str) -> None:
    assert Matcher(patterns).matches(path) == {at for at, made in enumerate(patterns) if takes(made, path)}


@settings(max_examples=250)
@given(
    st.lists(st.sampled_from(["*", "?", "a", "1", "[1-3]", "[08-11]", "[0-9]"]), min_size=1, max_size=5),
    NAMES,
)
def test_a_step_fits_what_it_stands_for(parts: list[str], name: str) -> None:
    assert Step("".join(parts)).fits(name) == fits("".join(parts), name)


@given(st.lists(GLOBS | PAPERS, max_size=4), PATHS)
def test_walking_step_by_step_is_the_same_as_the_whole_path(patterns: list[Pattern], path: str) -> None:
    matcher = Matcher(patterns)
    state = matcher.start
    for name in path[1:].split("/"):
        state = matcher.advance(state, name)

    assert matcher.matches(path, state) == matcher.accepted(state) == matcher.matches(path)


@pytest.mark.parametrize(
    ("text", "taken", "left"),
    [
        ("*/customer_x/*", ["/a/customer_x", "/customer_x", "/a/b/customer_x/c"], ["/a/customer_xy"]),
        ("*/cluster*/*", ["/a/cluster_21/b", "/cluster"], ["/a/xcluster"]),
        ("/**/**", ["/a/b"], ["/a", "/a/b/c"]),
        ("/*", ["/a"], ["/a/b"]),
        ("*", ["/a", "/a/b/c"], []),
        ("a/*/b", ["/a/x/b"], ["/a/b", "/a/x/y/b"]),
    ],
)
def test_the_papers_patterns_read_as_the_paper_means(text: str, taken: list[str], left: list[str]) -> None:
    matcher = Matcher([Pattern(text, Kind.PAPER)])

    assert [path for path in taken + left if matcher.matches(path)] == taken


@pytest.mark.parametrize(
    ("text", "taken", "left"),
    [
        ("/**", ["/a", "/a/b/c"], []),
        ("/region*/zone[1-3]/**", ["/region1/zone2", "/region/zone3/a/b"], ["/region1/zone4", "/region1"]),
        ("/a/**/b", ["/a/b", "/a/x/y/b"], ["/a", "/b"]),
        ("/app[08-10]", ["/app08", "/app10"], ["/app8", "/app010", "/app7"]),
    ],
)
def test_globs_of_yaml(text: str, taken: list[str], left: list[str]) -> None:
    matcher = Matcher([Pattern(text)])

    assert [path for path in taken + left if matcher.matches(path)] == taken


def test_a_regular_expression_is_held_against_the_whole_path() -> None:
    matcher = Matcher([Pattern("/a/.*", Kind.REGEX), Pattern("/a/*")])

    assert matcher.has_regex
    assert matcher.matches("/a/b") == {0, 1}
    assert matcher.matches("/a/b/c") == {0}
    assert matcher.matches("/x/a/b") == set()


def test_a_negated_pattern_takes_paths_away_wherever_it_stands() -> None:
    patterns = [Pattern("/b", negated=True), Pattern("/*")]
    matcher = Matcher(patterns)

    assert selected(patterns, matcher.matches("/a"))
    assert not selected(patterns, matcher.matches("/b"))
    assert not selected(patterns[:1], matcher.matches("/a"))
    assert [str(pattern) for pattern in patterns] == ["!/b", "/*"]


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("region*", Kind.GLOB, "/**/region*"),
        ("", Kind.GLOB, "no path"),
        ("/", Kind.PAPER, "no path"),
        ("", Kind.REGEX, "no path"),
        ("/a[1-", Kind.GLOB, "bracket"),
        ("/a]", Kind.PAPER, "bracket"),
        ("/a[3-1]", Kind.GLOB, "counts down"),
        ("/a[x]", Kind.PAPER, "is not a range"),
        ("(", Kind.REGEX, "regular expression"),
        ("a{99999999999999999999}", Kind.REGEX, "regular expression"),
        ("(" * 5000, Kind.REGEX, "regular expression"),
    ],
)
def test_what_is_wrong_with_a_pattern_is_told(text: str, kind: Kind, says: str) -> None:
    assert says in (problem(Pattern(text, kind)) or "")


@given(st.text(alphabet="ab/*?[]1-3,(){}\\^$.+", max_size=12), st.sampled_from(Kind))
def test_a_pattern_without_a_problem_can_be_matched(text: str, kind: Kind) -> None:
    pattern = Pattern(text, kind)

    if problem(pattern) is None:
        assert Matcher([pattern]).matches("/a1/b") in (set(), {0})


def test_no_pattern_takes_long() -> None:
    name = "a" * 64
    begun = time.process_time()

    assert not Step("*a" * 20 + "b").fits(name)
    assert Step("*a" * 20 + "*").fits(name)

    assert time.process_time() - begun < 1  # trying all ways would take longer than the sun has


def test_states_are_shared_by_names_that_behave_alike() -> None:
    matcher = Matcher([Pattern("/region*/zone[1-3]"), Pattern("/**")])

    assert matcher.advance(matcher.start, "region1") == matcher.advance(matcher.start, "region2")
    assert matcher.advance(matcher.start, "region1") != matcher.advance(matcher.start, "other")
    assert re.fullmatch(r"\d+", str(matcher.start))


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("text", ["/[" + "x" * 20_000, "/" + "a" * 20_000, "/[1" + ",1" * 9000 + "]"])
def test_a_pattern_is_not_longer_than_anybody_needs(text: str, kind: Kind) -> None:
    told = problem(Pattern(text, kind))

    assert told is not None
    assert "more than 16,384 characters" in told
    assert len(told) < 120
