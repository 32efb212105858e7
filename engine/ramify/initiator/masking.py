"""Secrets hidden in what programs said, wherever that was cut: no part of one stays in view at a cut.

Rule 1: of what is left all occurrences are hidden, also those that overlap each other.
Rule 2: where something was left out (stubs say so with `CUT`), what stands beside it may be what is left of a
secret, and is hidden if it is the end of one, the beginning, or all of it from the middle.
Rule 3: what comes in pieces is held back where a piece ends with the beginning of a secret.
"""

from collections.abc import Iterable, Iterator, Sequence

from ramify.stub.wire import CUT

MASK = "(secret)"
_SHORTEST = 4  # letters; what is shorter is everywhere, and replacing it would tell where
_SHORTEST_LINE = 8
_HEAD = 8

Span = tuple[int, int]


def words(values: Iterable[str]) -> tuple[str, ...]:
    """What is to be hidden: values as they are, as they are told line by line or in one, and their lines."""
    found: set[str] = set()
    for value in values:
        lines = value.splitlines()
        forms = (value.strip(), "\n".join(lines).strip(), " ".join(value.split()))
        found.update(form for form in forms if len(form) >= _SHORTEST)
        found.update(line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE)
    return tuple(sorted(found))


def masked(text: str, values: Iterable[str]) -> str:
    """A text without secrets, whole ones, lines of those that have several, or what a cut has left of one."""
    known = words(values)
    spans = [*_whole(text, known), *(_beside_cuts(text, known) if CUT in text else ())]
    return _shown(text, _merged(spans))


class Begin:
    """How what is read begins: where it goes on from something that is known there is nothing to find."""

    def ends(self, _text: str, _word: str) -> Iterator[int]:
        """Characters of a text, from its first, that are the end of a secret."""
        return iter(())

    def inside(self, _text: str, _word: str) -> bool:
        """Whether all of a text may be from the middle of a secret."""
        return False


class Anywhere(Begin):
    """After a cut."""

    def ends(self, text: str, word: str) -> Iterator[int]:
        """One is enough: the longest."""
        yield _overlap(word, text, len(word) - 1)

    def inside(self, text: str, word: str) -> bool:
        """Wherever in it."""
        return text in word


class AtLine(Begin):
    """After a cut between two lines."""

    def ends(self, text: str, word: str) -> Iterator[int]:
        """Whole lines."""
        at = word.find("\n")
        while at >= 0:
            if text.startswith(word[at + 1 :]):
                yield len(word) - at - 1
            at = word.find("\n", at + 1)

    def inside(self, text: str, word: str) -> bool:
        """From one of its lines on."""
        return f"\n{text}" in word


KNOWN, ANYWHERE, AT_LINE = Begin(), Anywhere(), AtLine()


class Stream:
    """The same of a text that comes in pieces, of `words`; what was before it may have ended in a secret."""

    def __init__(self, known: Sequence[str]) -> None:
        self._words = known
        self._begin: Begin = AT_LINE
        self._rest = ""
        self._told = 0  # characters of the rest that a mask stands for which was told already

    def feed(self, text: str, *, lost: bool = False) -> str:
        """A piece; if something before it is `lost`, what was held back was the last of what came before."""
        before = self.end() if lost else ""
        text = self._rest + text
        spans = [*_whole(text, self._words), *self._begun(text)]
        at = len(text) - self._held(text)
        if 0 < at < len(text) and text.endswith("\n"):  # lines are told whole
            at = text.rfind("\n", 0, at) + 1
        return before + self._tell(text, spans, at)

    def _held(self, text: str) -> int:
        """Characters at the end of a text of which nobody knows yet what they belong to."""
        if any(self._begin.inside(text, word) for word in self._words):
            return len(text)
        return max((_overlap(text, word, len(word) - 1) for word in self._words), default=0)

    def _begun(self, text: str) -> Iterator[Span]:
        yield 0, self._told
        yield from ((0, length) for word in self._words for length in self._begin.ends(text, word))

    def _tell(self, text: str, spans: Iterable[Span], at: int) -> str:
        """Tell what is before a place, and hold back the rest."""
        silent, merged = bool(self._told), _merged(spans)
        if at:
            self._begin = KNOWN
            self._told = next((end - at for begin, end in merged if begin < at < end), 0)
        self._rest = text[at:]
        return _shown(text[:at], [(begin, min(end, at)) for begin, end in merged if begin < at], silent)

    def end(self) -> str:
        """What was held back, when no more comes: if it may be of a secret, it is hidden."""
        text = self._rest
        held = self._held(text)
        spans = _merged([*_whole(text, self._words), *self._begun(text), (len(text) - held, len(text))])
        told = _shown(text, spans, bool(self._told))
        self._rest, self._told, self._begin = "", 0, ANYWHERE
        return told


def _whole(text: str, known: Iterable[str]) -> Iterator[Span]:
    for word in known:
        at = text.find(word)
        while at >= 0:
            yield at, at + len(word)
            at = text.find(word, at + 1)


def _beside_cuts(text: str, known: Sequence[str]) -> Iterator[Span]:
    """What may be left of secrets beside the marks of cuts."""
    at, pieces = 0, text.split(CUT)
    for number, whole in enumerate(pieces):
        after, before = number > 0, number < len(pieces) - 1
        lines = after and whole.startswith("\n")  # where lines were left out, the mark is one
        begin, piece = (AT_LINE, whole[1:]) if lines else (ANYWHERE, whole)
        first, last = at + lines, at + len(whole)
        for word in known:
            if after:
                yield from ((first, first + length) for length in begin.ends(piece, word))
            if before:
                yield last - _overlap(piece, word, len(word) - 1), last
            if after and before and begin.inside(piece, word):
                yield first, last
        at = last + len(CUT)


def _overlap(left: str, right: str, most: int) -> int:
    """How many characters one text ends with that another begins with, at most so many."""
    most = min(most, len(left), len(right))
    at, head = len(left) - most, right[:_HEAD]
    while most > _HEAD and (at := left.find(head, at)) >= 0:
        if right.startswith(left[at:]):
            return len(left) - at
        at += 1
    return next((length for length in range(min(most, _HEAD), 0, -1) if left.endswith(right[:length])), 0)


def _merged(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1] and begin < end:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif begin < end:
            found.append((begin, end))
    return found


def _shown(text: str, spans: Iterable[Span], silent: bool = False) -> str:
    """A text with masks in place of spans; a `silent` one at its beginning was told before."""
    told, at = "", 0
    for begin, end in spans:
        told += text[at:begin] + ("" if silent and begin == 0 else MASK)
        at = end
    return told + text[at:]
