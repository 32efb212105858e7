"""Messages that say the same: paths, hosts, numbers, addresses and digests in them are left out of sight."""

import re

_WORDS = (
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"\[?\b(?:[0-9a-f]{1,4}:){2,7}:?[0-9a-f]{0,4}\b\]?(?::\d+)?"), "<address>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<number>"),
    # As many as a digest in short has, and some of both kinds: else it is a number, or a word.
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,128}\b"), "<digest>"),
    (re.compile(r"(?<![\w<>.])/(?:[\w.@:+-]+/)*[\w.@:+-]*[\w@+]"), "<path>"),
    (re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*"), "<number>"),
)


def normalised(message: str) -> str:
    """A message with words for what differs from case to case."""
    for pattern, word in _WORDS:
        message = pattern.sub(word, message)
    return message
