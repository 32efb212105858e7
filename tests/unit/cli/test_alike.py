"""Messages that say the same are told together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.cli.alike import normalised


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("no space left on /var/lib/app7/data", "no space left on <path>"),
        ("10.0.3.17:22: connection refused", "<address>: connection refused"),
        ("cannot reach [2001:db8::17]:22", "cannot reach <address>"),
        ("exit code 17 after 3.5 s", "exit code <number> after <number> s"),
        ("artifact 4f9a02be71cc arrived damaged", "artifact <digest> arrived damaged"),
        ("run 550e8400-e29b-41d4-a716-446655440000 is gone", "run <id> is gone"),
        ("killed at 2026-11-22T09:30:00Z, pid 4711", "killed at <time>, pid <number>"),
        ("segfault at 0xdeadbeef", "segfault at <number>"),
        ("install of <node> on <host> failed", "install of <node> on <host> failed"),
        ("a decade of facade", "a decade of facade"),
        ("either/or", "either/or"),
    ],
)
def test_what_differs_from_case_to_case_is_left_out(message: str, words: str) -> None:
    assert normalised(message) == words


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_do_not_part_what_is_the_same(one: int, other: int) -> None:
    assert normalised(f"process {one} ended") == normalised(f"process {other} ended")


@given(st.text("ab0 /.:-<>", max_size=60))
def test_it_is_done_once(message: str) -> None:
    assert normalised(normalised(message)) == normalised(message)
