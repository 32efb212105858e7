"""Conditional requests and ranges (RFC 9110, 13 and 14): from a request's headers to what is sent. Pure."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})-(\d{0,18})\s*\Z", re.ASCII | re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


class Verdict(Enum):
    """What the headers come to; the values are the status codes."""

    WHOLE = 200
    PART = 206
    SAME = 304
    FAILED = 412
    NO_SUCH_PART = 416


class Wanted(NamedTuple):
    """A verdict, and which bytes it is about."""

    verdict: Verdict
    start: int
    length: int


def wanted(headers: Mapping[str, str], tag: str, size: int, *, ranges: bool) -> Wanted:
    """What a GET or HEAD wants of content with an entity tag and a size; only GET may ask for ranges."""
    if "if-match" in headers and not _lists(headers["if-match"], tag, strong=True):
        return Wanted(Verdict.FAILED, 0, 0)
    if "if-none-match" in headers and _lists(headers["if-none-match"], tag, strong=False):
        return Wanted(Verdict.SAME, 0, 0)
    if ranges and "range" in headers and headers.get("if-range", tag).strip() == tag:
        return _part(headers["range"], size)
    return Wanted(Verdict.WHOLE, 0, size)


def _lists(header: str, tag: str, *, strong: bool) -> bool:
    """Whether a header has an entity tag in its list; a weak tag is no match where bytes must be equal."""
    if header.strip() == "*":
        return True
    return any(found[1] == tag and not (strong and found[0][0] == "W") for found in _TAG.finditer(header))


def _part(header: str, size: int) -> Wanted:
    """One range; several at once, and what is no range of bytes, are answered with the whole."""
    found = _RANGE.match(header.strip())
    if found is None or not (found[1] or found[2]):
        return Wanted(Verdict.WHOLE, 0, size)
    if not found[1]:  # the last so many
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < start:
            return Wanted(Verdict.WHOLE, 0, size)
    if start >= size or start >= end:
        return Wanted(Verdict.NO_SUCH_PART, 0, 0)
    return Wanted(Verdict.PART, start, end - start)
