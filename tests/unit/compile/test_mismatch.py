"""Why a pattern does not match: a reason exactly when it does not, and one that names the step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.compile.mismatch import reason
from ramify.model.patterns import Kind, Matcher, Pattern

STEPS = st.sampled_from(["*", "**", "a", "b", "a*", "*b", "?", "a[1-3]"])
NAMES = st.sampled_from(["a", "b", "ab", "a1", "a9", "bb"])
PATHS = st.lists(NAMES, min_size=1, max_size=5).map(lambda names: "/" + "/".join(names))
PATTERNS = st.builds(
    lambda steps, slash, kind: Pattern((slash if kind is Kind.PAPER else "/") + "/".join(steps), kind),
    st.lists(STEPS, min_size=1, max_size=5),
    st.sampled_from(["", "/"]),
    st.sampled_from([Kind.GLOB, Kind.PAPER]),
)


@given(PATTERNS, PATHS)
def test_there_is_a_reason_exactly_when_a_pattern_does_not_match(pattern: Pattern, path: str) -> None:
    assert (reason(pattern, path) == "") == bool(Matcher([pattern]).matches(path))


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("/region1/zone[1-3]", "/region1/zone9", 'step 2, "zone[1-3]", does not fit "zone9"'),
        ("/region1/zone*/app", "/region1", 'the path ends before "zone*/app"'),
        (
            "/region1",
            "/region1/zone1",
            'it ends at "/region1", and "zone1" lies below; `/**` at its end takes',
        ),
        ("/**/app*", "/region1/zone1", 'its last step, "app*", does not fit "zone1"'),
        ("/a/**/b/**", "/a/x", 'the path ends before "b"'),
        ("/**/a/*", "/b/a", 'the path ends before "*"'),
    ],
)
def test_the_reason_names_the_step(text: str, path: str, words: str) -> None:
    assert reason(Pattern(text), path).startswith(words)


def test_patterns_in_xml_are_explained_to_those_who_know_globs() -> None:
    anywhere = Pattern("/**/app", Kind.PAPER)

    assert "in XML" in reason(anywhere, "/a/b/app")
    assert "in XML" not in reason(anywhere, "/a/b")
    assert "at its end" not in reason(Pattern("/a", Kind.PAPER), "/a/b")


def test_regular_expressions_are_held_against_the_whole_path() -> None:
    assert reason(Pattern("/a/.*", Kind.REGEX), "/a/b") == ""
    assert reason(Pattern("/a", Kind.REGEX), "/a/b") == (
        'the expression fits "/a" only: it is held against the whole path, so add `.*`'
    )
    assert reason(Pattern("x", Kind.REGEX), "/a/b") == "the expression fits no part of the path"
