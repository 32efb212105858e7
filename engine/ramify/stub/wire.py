"""Frames of the stub's protocol, and JSON without the `json` package.

A frame is two lengths of four bytes, a header (a JSON object) and a body. `import json` pulls in `re`,
which costs more than everything else here together; the C scanner and encoder inside it do not.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Tuple

    Header = Dict[str, Any]

PROTOCOL = 1
HEADER_LIMIT = 8 << 20
BODY_LIMIT = 1 << 20
_CHUNK = 64 << 10
CUT = "\u2026"
"""Stands in texts where something was left out: a peer looks beside it for what is left of a secret."""

# Error codes of replies.
MALFORMED = "malformed"  # a field is missing or of the wrong kind: the sender's mistake
UNSUPPORTED = "unsupported"  # an operation or protocol that this stub does not know
REFUSED = "refused"  # the condition of a command does not hold
FAILED = "failed"  # a step was tried and did not succeed
REVERTED = "reverted"  # a change that was not to stay: what was there before is there again
CORRUPT = "corrupt"  # bytes that are not what their digest says
MISSING = "missing"  # an artifact is not here: send it, then repeat
UNTRUSTED = "untrusted"  # not vouched for by whom the pinned policy names
OFFSET = "offset"  # a chunk does not follow what is here
STOPPED = "stopped"  # the peer asked to stop, and so it was done
LOCKED = "locked"  # another session holds the node
NOT_ACTIVE = "not-active"  # nothing to attach to
TIMEOUT = "timeout"
INTERNAL = "internal"  # a bug of the stub


class StubError(Exception):
    """What a reply carries instead of a result: a code, a message, detail, and fields of the case."""

    def __init__(self, code: str, message: str, detail: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail
        self.fields = fields

    def header(self) -> Header:
        """The reply's fields."""
        error = {"code": self.code, "message": self.message, "detail": self.detail}
        error.update(self.fields)
        return {"ok": False, "error": error}


class BrokenStreamError(StubError):
    """The stream itself cannot be followed any further: the session ends."""


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


class _Dialect:
    """The attributes that the C scanner reads from its decoder."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse_constant)
    memo: Dict[str, str] = {}  # noqa: RUF012 - asked for by name, never used


def _from_c() -> Tuple[Callable[[str], Any], Callable[[Any], str]]:
    c = __import__("_json")
    scan = c.make_scanner(_Dialect)
    iterate = c.make_encoder(
        markers=None,
        default=_unknown,
        encoder=c.encode_basestring_ascii,
        indent=None,
        key_separator=":",
        item_separator=",",
        sort_keys=False,
        skipkeys=False,
        allow_nan=False,
    )

    def loads(text: str) -> Any:
        try:
            value, end = scan(text, 0)
        except (StopIteration, SystemError):  # the latter where it looks for an error class of `json`
            raise ValueError("not JSON") from None
        if end != len(text):
            raise ValueError("text after the JSON value")
        return value

    def dumps(value: Any) -> str:
        return "".join(iterate(value, 0))

    dumps({"probe": [1, "a", None, True, 0.5]})  # a Python whose encoder differs is found out here
    return loads, dumps


def _unknown(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _from_package() -> Tuple[Callable[[str], Any], Callable[[Any], str]]:
    json = __import__("json")

    def loads(text: str) -> Any:
        return json.loads(text, parse_constant=_refuse_constant)

    def dumps(value: Any) -> str:
        text: str = json.dumps(value, separators=(",", ":"), allow_nan=False)
        return text

    return loads, dumps


try:
    _loads, _dumps = _from_c()
except Exception:  # another implementation of Python, or another version of the private module
    _loads, _dumps = _from_package()


def decode(data: bytes) -> Any:
    """The value of UTF-8 JSON.

    Raises:
        ValueError: not UTF-8, not JSON, or nested too deeply.
    """
    try:
        return _loads(data.decode("utf-8").strip(" \t\r\n"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def encode(value: Any) -> bytes:
    """Compact ASCII JSON, members in their order."""
    return _dumps(value).encode("ascii")


class Reader:
    """Frames from a file descriptor. What was read beyond the last frame is in `rest`."""

    def __init__(self, descriptor: int, rest: Optional[bytearray] = None) -> None:
        self.descriptor = descriptor
        self.rest = bytearray() if rest is None else rest

    def _take(self, count: int, mid_frame: bool) -> Optional[bytes]:
        rest = self.rest
        while len(rest) < count:
            chunk = os.read(self.descriptor, max(_CHUNK, count - len(rest)))
            if not chunk:
                if rest or mid_frame:
                    raise BrokenStreamError(MALFORMED, "the stream ended inside a frame")
                return None
            rest += chunk
        taken = bytes(rest[:count])
        del rest[:count]
        return taken

    def frame(self) -> Optional[Tuple[Header, bytes]]:
        """The next frame, or None at the end of the stream.

        Raises:
            BrokenStreamError: the stream ended inside a frame, or announces one that is too large.
            StubError: the header is not a JSON object; the next frame can be read all the same.
        """
        sizes = self._take(8, mid_frame=False)
        if sizes is None:
            return None
        header_size = int.from_bytes(sizes[:4], "big")
        body_size = int.from_bytes(sizes[4:], "big")
        for name, size, limit in (
            ("header", header_size, HEADER_LIMIT),
            ("body", body_size, BODY_LIMIT),
        ):
            if size > limit:
                raise BrokenStreamError(MALFORMED, f"{name} of {size} bytes, at most {limit} are read")
        header = self._take(header_size, mid_frame=True) or b""
        body = self._take(body_size, mid_frame=True) or b""
        try:
            value = decode(header)
        except ValueError as error:
            raise StubError(MALFORMED, f"header is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise StubError(MALFORMED, "header is not a JSON object")
        return value, body


def pack(header: bytes, body: bytes = b"") -> bytes:
    """The bytes of one frame."""
    return len(header).to_bytes(4, "big") + len(body).to_bytes(4, "big") + header + body


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
