"""Frames and JSON."""

import json
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.stub import wire
from unit.stub.host import frame, interpreters

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(data: bytes) -> list[object]:
    """What a reader makes of a stream: frames, and the messages of errors."""
    found: list[object] = []
    with tempfile.TemporaryFile(buffering=0) as stream:
        stream.write(data)
        stream.seek(0)
        reader = wire.Reader(stream.fileno())
        while True:
            try:
                item = reader.frame()
            except wire.StubError as error:
                found.append(error)
                if isinstance(error, wire.BrokenStreamError):
                    return found
                continue
            if item is None:
                return found
            found.append(item)


@given(VALUES)
def test_json_says_what_the_json_package_says(value: object) -> None:
    assert wire.decode(wire.encode(value)) == value
    assert json.loads(wire.encode(value)) == value
    assert wire.decode(json.dumps(value, indent=2).encode()) == value


@given(st.binary(max_size=60))
def test_whatever_is_not_json_is_one_kind_of_error(data: bytes) -> None:
    try:
        expected = json.loads(data.decode("utf-8"))
    except ValueError:
        expected = ValueError
    try:
        found = wire.decode(data)
    except ValueError:
        found = ValueError

    if found is not ValueError:
        assert found == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nul",
        b"[1,]",
        b"1 2",
        b"NaN",
        b"Infinity",
        b'{"a":NaN}',
        b"\xff",
        b"[" * 200_000,
        b'"\x01"',
    ],
)
def test_broken_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is Python's
        wire.decode(data)


@given(st.lists(st.tuples(st.dictionaries(st.text(), st.integers()), st.binary(max_size=40)), max_size=3))
def test_frames_come_out_as_they_went_in(items: list[tuple[dict[str, int], bytes]]) -> None:
    data = b"".join(frame(header, body) for header, body in items)

    assert read(data) == items


def test_pack_makes_the_same_frame_as_anybody_else() -> None:
    assert wire.pack(b'{"id": 1}', b"body") == frame({"id": 1}, b"body")


@given(st.binary(min_size=1, max_size=80))
def test_any_stream_gives_frames_or_errors_and_ends(data: bytes) -> None:
    for item in read(data):
        assert isinstance(item, tuple | wire.StubError)


@given(st.integers(1, 30))
def test_a_truncated_frame_breaks_the_stream(count: int) -> None:
    data = frame({"id": 1, "op": "facts"}, b"body")
    (item,) = read(data[:-count])

    assert isinstance(item, wire.BrokenStreamError)
    assert item.message == "the stream ended inside a frame"


@pytest.mark.parametrize(
    ("sizes", "name"),
    [((wire.HEADER_LIMIT + 1, 0), "header"), ((2, wire.BODY_LIMIT + 1), "body"), ((2**32 - 1, 0), "header")],
)
def test_a_frame_beyond_the_limits_breaks_the_stream_unread(sizes: tuple[int, int], name: str) -> None:
    (item,) = read(sizes[0].to_bytes(4, "big") + sizes[1].to_bytes(4, "big"))

    assert isinstance(item, wire.BrokenStreamError)
    assert item.message.startswith(name)


def test_after_a_header_that_is_not_an_object_the_next_frame_is_read() -> None:
    data = wire.pack(b"[1]") + wire.pack(b"\xff{") + frame({"id": 3})
    first, second, third = read(data)

    assert isinstance(first, wire.StubError)
    assert isinstance(second, wire.StubError)
    assert third == ({"id": 3}, b"")


@pytest.mark.parametrize("python", interpreters())
def test_the_private_scanner_and_encoder_are_there_on_every_python(python: str) -> None:
    """Where they were not, the `json` package would do, at a price that a test should tell."""
    engine = str(Path(wire.__file__).parents[2])
    code = (
        f"import sys; sys.path.insert(0, {engine!r})\n"
        "from ramify.stub import wire\n"
        "print('json' in sys.modules, wire.decode(wire.encode({'a': [1, None, 'x']})))\n"
        "for data in b'{', b'[1,]', b'nul', b'', b'[' * 200000, b'1 2', b'NaN', b'\\xff', b'{1:2}', b'\"a':\n"
        "  try: wire.decode(data); print(data)\n"
        "  except ValueError: pass\n"
    )
    out = subprocess.run([python, "-I", "-S", "-B", "-c", code], capture_output=True, check=True)

    assert out.stdout == b"False {'a': [1, None, 'x']}\n"
