"""No part of a secret stays in view, however what a program said was cut: by bytes, lines, pieces or gaps.

Secrets are of small letters, all else is of capitals.
"""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.initiator.masking import MASK, Stream, masked, words
from ramify.stub import health, logs, probes
from ramify.stub.wire import CUT

SECRETS = st.lists(
    st.text("abé \r\n", min_size=4, max_size=30).filter(lambda text: len(" ".join(text.split())) >= 4),
    min_size=1,
    max_size=3,
)
NOISE = st.text("XYZ \n…", max_size=12)


@st.composite
def said(draw: st.DrawFn) -> tuple[list[str], str]:
    """Secrets, and what a program said that has them."""
    secrets = draw(SECRETS)
    pieces = draw(st.lists(st.one_of(NOISE, st.sampled_from(secrets)), max_size=12))
    return secrets, "".join(pieces)


def seen(text: str) -> str:
    """The letters of secrets that are in view."""
    return re.sub("[^abé]", "", text.replace(MASK, ""))


def rest(text: str) -> str:
    return re.sub("[^XYZ]", "", text)


@given(said(), st.integers(0, 60))
def test_nothing_is_in_view_where_bytes_were_cut(output: tuple[list[str], str], most: int) -> None:
    secrets, text = output
    data = text.encode()

    cut = max(0, len(data) - most)

    assert seen(masked(logs.ending(data[cut:], data[cut - 1 : cut]), secrets)) == ""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "main.log"


@given(output=said(), most=st.integers(1, 60))
def test_nothing_is_in_view_of_a_tail_of_a_log(file: Path, output: tuple[list[str], str], most: int) -> None:
    secrets, text = output
    before = b"the last words of another process"
    file.write_bytes(before + text.encode())

    assert seen(masked(logs.tail(str(file), len(before), most), secrets)) == ""


@given(output=said(), at=st.integers(0, 60))
def test_nothing_is_in_view_of_a_log_that_was_rotated(
    file: Path, output: tuple[list[str], str], at: int
) -> None:
    secrets, text = output
    older = Path(f"{file}.1")
    older.write_bytes(text.encode()[:at])
    file.write_bytes(text.encode()[at:])

    try:
        assert seen(masked(logs.tail(str(file)), secrets)) == ""
    finally:
        older.unlink()


@given(said(), st.integers(1, 40), st.booleans(), st.integers(0, 520))
def test_nothing_is_in_view_of_what_a_check_said(
    output: tuple[list[str], str], most: int, torn: bool, before: int
) -> None:
    secrets, text = output
    data = text.encode()[3:-3] if torn else text.encode()

    told = health.bounded("X" * before + probes.text(data, torn, whole=not torn, most=most))

    assert seen(masked(told, secrets)) == ""


@given(said())
def test_what_is_no_secret_stays(output: tuple[list[str], str]) -> None:
    secrets, text = output

    assert rest(masked(text, secrets)) == rest(text)


@given(said(), st.lists(st.tuples(st.integers(0, 20), st.booleans())))
def test_nothing_is_in_view_of_what_comes_in_pieces_and_all_else_is(
    output: tuple[list[str], str], cuts: list[tuple[int, bool]]
) -> None:
    secrets, text = output
    stream, told, given_, lost = Stream(words(secrets)), "", "", False
    for size, gone in [*cuts, (len(text), False)]:
        piece, text = text[:size], text[size:]
        if not gone:
            told += stream.feed(piece, lost=lost)
            given_ += piece
        lost = gone or (lost and not piece)
    told += stream.end()

    assert seen(told) == ""
    assert rest(told) == rest(given_)


@given(said(), st.integers(0, 8))
def test_nothing_is_in_view_of_a_log_read_from_one_of_its_lines_on(
    output: tuple[list[str], str], skipped: int
) -> None:
    secrets, text = output
    stream = Stream(words(secrets))
    lines = text.split("\n")[skipped:]

    assert seen(stream.feed("\n".join(lines)) + stream.end()) == ""


def test_pieces_that_end_with_lines_are_told_at_once() -> None:
    stream = Stream(words(["hunter2-long"]))

    assert [stream.feed(text) for text in ("one\n", "with hunter2-long\n", "h\n")] == [
        "one\n",
        f"with {MASK}\n",
        "h\n",
    ]


def test_what_may_be_a_secret_is_held_back_until_it_is_known() -> None:
    stream = Stream(words(["hunter2-long"]))

    assert stream.feed("is it hunt") == "is it "
    assert stream.feed("er2") == ""
    assert stream.feed("-long, or not: hunt") == f"{MASK}, or not: "
    assert stream.feed("ing") == "hunting"


def test_a_secret_in_the_midst_of_a_cut_line_is_hidden() -> None:
    assert masked(f"{CUT}ter2-long and hunt{CUT}", ["hunter2-long"]) == f"{CUT}{MASK} and {MASK}{CUT}"
    assert masked(f"{CUT}nter2{CUT}", ["hunter2-long"]) == f"{CUT}{MASK}{CUT}"
    assert masked(f"{CUT}\nlong", ["hunter2-long"]) == f"{CUT}\nlong"
    assert masked(f"{CUT}\ntwo\nof it", ["one\ntwo"]) == f"{CUT}\n{MASK}\nof it"


def test_secrets_that_overlap_are_hidden_both() -> None:
    assert masked("abcdefghi", ["abcdef", "defghi"]) == MASK
    assert masked("long-longer", ["long", "long-longer"]) == MASK


def test_lines_of_a_secret_are_masked_too() -> None:
    key = "-----BEGIN-----\nabcdefghij\n-----END-----\n"

    assert masked("it said abcdefghij", [key]) == f"it said {MASK}"
    assert masked("short ab", ["ab"]) == "short ab"


def test_a_large_secret_is_looked_for_quickly_beside_many_cuts() -> None:
    large = "".join(f"{number:x}" for number in range(12_000))
    text = f"loading{CUT}\n" * 2000

    assert masked(text, [large]) == text
