"""Locks: what is written is read again, and what people did to them by hand is told by line."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.documents.lock import Pin, read, write

PIN = Pin("a" * 64, 12, "text/plain")
GOOD = write({"agent": PIN, "config/a.yml": PIN})


def told(text: str) -> list[str]:
    pins, found = read(text, "repository.lock")
    assert (pins is None) == found.failed
    return [f"{item.origin}: {item.code}: {item.summary}" for item in found]


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
PINS = st.builds(Pin, st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 2**40), NAMES)


@given(st.dictionaries(NAMES, PINS, max_size=5))
def test_what_is_written_is_read_again(pins: dict[str, Pin]) -> None:
    found, problems = read(write(pins), "repository.lock")

    assert list(problems) == []
    assert found == pins


def test_the_order_is_that_of_the_names_whoever_writes() -> None:
    assert write({"b": PIN, "a": PIN}) == write({"a": PIN, "b": PIN})
    assert GOOD.splitlines()[1:7] == [
        "version: 1",
        "references:",
        '  "agent":',
        '    type: "text/plain"',
        "    size: 12",
        f'    sha256: "{"a" * 64}"',
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version: 1", "version: 2", "repository.lock:2:10: bad-value: a lock of version 2, expected 1"),
        ("a" * 64, "a" * 63, f'repository.lock:7:13: bad-value: "{"a" * 63}" is no sha256'),
        ("size: 12", "size: -1", 'repository.lock:6:11: bad-value: "size": expected a number of bytes'),
        ("size: 12", "size: many", 'repository.lock:6:11: wrong-type: "size": expected a number of bytes'),
        ("    size: 12\n", "", 'repository.lock:4:3: missing-key: "agent" lacks the key "size"'),
        ("size:", "sise:", 'repository.lock:6:5: unknown-key: unknown key "sise" in "agent"'),
        ('"config/a.yml"', '"agent"', "repository.lock:8:3: duplicate-key: "),
        ('  "agent":', "<<<<<<< HEAD\n=======\n>>>>>>> x\n", "repository.lock:"),
        ("references:", "references: 5 #", "repository.lock:"),
    ],
)  # fmt: skip
def test_a_lock_edited_by_hand_is_told_by_line(old: str, new: str, expected: str) -> None:
    assert any(line.startswith(expected) for line in told(GOOD.replace(old, new, 1))), told(
        GOOD.replace(old, new, 1)
    )


@given(st.integers(0, len(GOOD) - 1), st.text(max_size=6), st.integers(0, 40))
def test_a_damaged_lock_is_read_or_told(at: int, put: str, gone: int) -> None:
    told(GOOD[:at] + put + GOOD[at + gone :])


def test_git_merges_two_branches_that_locked_different_references(tmp_path: Path) -> None:
    base = dict.fromkeys("abcd", PIN)
    ours = base | {"b": Pin("b" * 64, 13, "text/plain"), "a2": PIN}
    theirs = base | {"c": Pin("c" * 64, 14, "text/plain")}
    for name, pins in (("base", base), ("ours", ours), ("theirs", theirs)):
        (tmp_path / name).write_text(write(pins))
    command = ["git", "merge-file", "-p", "ours", "base", "theirs"]
    merged = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    assert merged == write(base | ours | {"c": theirs["c"]})
