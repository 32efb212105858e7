"""OpenSSH's `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS): who has which key for signing.

Read as OpenSSH reads it, and stricter where hosts have to agree on what it says: names are written out, times
are UTC. Lines for other namespaces than Ramify's only tell that they are: one file may serve git, too.
"""

import binascii
import re
from base64 import b64decode
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from msgspec import Struct

from ramify.model.diagnostics import Diagnostics, Origin, did_you_mean
from ramify.model.trust import NAMESPACE, Signer
from ramify.stub.allowed import KINDS

MAX_SIGNERS = 1000

_AUTHORITY, _NAMESPACES, *_TIMES = _OPTIONS = ("cert-authority", "namespaces", "valid-after", "valid-before")
_WORD = re.compile(r'\s*((?:"(?:\\.|[^"\\])*"|[^\s"])+)')
_OPTION = re.compile(r'([A-Za-z-]+)(?:=("(?:\\.|[^"\\])*"))?(?:,(?=.)|\Z)')
_NAME = re.compile(r'[^\s,*?!"\\]{1,256}\Z')
_TIME = re.compile(r"(\d{8})(\d{4})?(\d{2})?(Z|UTC)?\Z", re.IGNORECASE)
_FORM = "A line is: NAMES [OPTIONS] KEY-TYPE KEY, the last two as in the .pub file; see ssh-keygen(1)."


class AllowedSigners(Struct, frozen=True):
    """The signers of a file, one for each name and key; `elsewhere` have keys for other namespaces."""

    signers: tuple[Signer, ...] = ()
    elsewhere: frozenset[str] = frozenset()


class _BadLineError(Exception):
    """What is wrong with a line, where in it, and the way out."""

    def __init__(self, at: int, summary: str, way_out: str = _FORM) -> None:
        self.at = at
        self.way_out = way_out
        super().__init__(summary)


def read(text: str, file: str, found: Diagnostics) -> AllowedSigners:
    """Read such a file; all that is wrong with it is told by line."""
    signers: dict[tuple[str, str], Signer] = {}
    elsewhere: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            names, key, options = _line(line)
        except _BadLineError as error:
            found.error("bad-signer", str(error), error.way_out, Origin(file, number, error.at + 1))
            continue
        if options is None:
            elsewhere.update(names)
            continue
        for name in names:
            signers.setdefault((name, key), Signer(name=name, key=key, options=options))
    if len(signers) > MAX_SIGNERS:
        found.error(
            "too-large", f"{file} has more than {MAX_SIGNERS:,} keys", "Leave out who signs nothing here."
        )
    return AllowedSigners(tuple(signers.values()), frozenset(elsewhere))


def _line(line: str) -> tuple[list[str], str, dict[str, str] | None]:
    """Names, key and options; None for the options of a key that is not for Ramify."""
    words = _words(line)
    if len(words) < 2:
        raise _BadLineError(0, "expected names, a key type and a key")
    options: dict[str, str] = {}
    rest = words[1:]
    if rest[0][0] not in KINDS and not _looks_like_type(rest[0][0]):
        options = _options(*rest[0])
        rest = rest[1:]
    key = _key(rest, len(line))
    if not _for_us(options.get(_NAMESPACES)):
        return _names(*words[0], loose=True), key, None
    if _AUTHORITY in options:
        way_out = "Certificates are not followed: hosts would have to. Write the keys of those who sign."
        raise _BadLineError(
            words[1][1], "cert-authority: a key that signs certificates, not repositories", way_out
        )
    canonical = {name: _time(text, words[1][1]) for name, text in options.items() if name in _TIMES}
    if _NAMESPACES in options:
        canonical[_NAMESPACES] = NAMESPACE
    return _names(*words[0]), key, canonical


def _words(line: str) -> list[tuple[str, int]]:
    """The words that count, and where they begin; what follows them is a comment."""
    words: list[tuple[str, int]] = []
    match = _WORD.match(line)
    while match and len(words) < 4:
        words.append((match[1], match.start(1)))
        match = _WORD.match(line, match.end())
    return words


def _names(word: str, at: int, *, loose: bool = False) -> list[str]:
    names = _unquoted(word).split(",")
    for name in names:
        if not loose and not (_NAME.match(name) and name.isprintable()):
            raise _BadLineError(
                at,
                f'"{name[:80]}" is not the name of one signer',
                "Write each name out: rules and messages name who signed, so that a pattern would be nobody.",
            )
    return names


def _looks_like_type(word: str) -> bool:
    """Whether a word is meant as the type of a key, of a kind that is not known here."""
    return word.startswith(("ssh-", "sk-", "ecdsa-")) and "=" not in word and "," not in word


def _options(word: str, at: int) -> dict[str, str]:
    """The options of a line by their names."""
    options: dict[str, str] = {}
    end = 0
    while end < len(word):
        match = _OPTION.match(word, end)
        name = match[1].lower() if match else ""
        if not match or (name in _OPTIONS and (name == _AUTHORITY) != (match[2] is None)):
            way_out = (
                'Options are cert-authority, and namespaces, valid-after and valid-before with ="VALUE".'
            )
            raise _BadLineError(at + end, f'cannot read options from "{word[end : end + 40]}"', way_out)
        if name not in _OPTIONS:
            raise _BadLineError(at + end, f'unknown option "{match[1]}"', did_you_mean(name, _OPTIONS))
        if name in options:
            raise _BadLineError(at + end, f'option "{name}" stands twice', "Remove one.")
        options[name] = _unquoted(match[2] or "")
        end = match.end()
    return options


def _unquoted(word: str) -> str:
    if len(word) > 1 and word.startswith('"') and word.endswith('"'):
        return word[1:-1].replace('\\"', '"')
    return word


def _for_us(namespaces: str | None) -> bool:
    """Whether a list of namespaces has Ramify's; a pattern with ! takes it away."""
    if namespaces is None:
        return True
    patterns = namespaces.split(",")
    if any(p.startswith("!") and fnmatchcase(NAMESPACE, p[1:]) for p in patterns):
        return False
    return any(fnmatchcase(NAMESPACE, p.replace("[", "[[]")) for p in patterns)


def _time(text: str, at: int) -> str:
    """A time in one form, to the second."""
    match = _TIME.match(text)
    if not match:
        raise _BadLineError(at, f'"{text[:40]}" is no time', 'Write it as "20301231Z" or "20301231235959Z".')
    if not match[4]:
        way_out = f'Write "{text}Z": without it each time zone has a moment of its own.'
        raise _BadLineError(at, f'"{text}" does not say that it is UTC', way_out)
    digits = match[1] + (match[2] or "0000") + (match[3] or "00")
    try:
        datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise _BadLineError(at, f'"{text}" is no time', "Look at its month, day and hour.") from None
    return f"{digits}Z"


def _key(words: list[tuple[str, int]], end: int) -> str:
    """Type and key, as a .pub file has them."""
    if not words:
        raise _BadLineError(end, "there is no key")
    kind, at = words[0]
    if kind not in KINDS:
        raise _BadLineError(
            at, f'"{kind[:40]}" is no type of key for signing', f"Known here: {', '.join(KINDS)}."
        )
    if len(words) < 2:
        raise _BadLineError(end, f"there is no key behind {kind}")
    text, at = words[1]
    try:
        blob = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _BadLineError(at, "the key is no base64", "Take it from the .pub file, in one piece.") from None
    size = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + size] != kind.encode() or len(blob) <= 4 + size:
        raise _BadLineError(
            at, f"the key is no {kind} key, or not whole", "Take the line from the .pub file."
        )
    return f"{kind} {text}"
