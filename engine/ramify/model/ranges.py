"""Ranges in names: `zone[1-10]`, `app[01-08]`, `n[0-6/2]`, `n[1,4-6]`; expanding and folding."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec import Struct

MAX_EXPANSION = 100_000
MAX_DIGITS = 18  # such numbers, and counts of them, fit 64 bits

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_ITEM = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18})(?:/([0-9]{1,18}))?)?\Z")
_NUMBERED = re.compile(r"(.*?)([0-9]{1,18})([^0-9]*)\Z", re.DOTALL)

_Series = tuple[str, str, int]  # what is before the number, what is behind it, and its digits if padded


class Item(Struct, frozen=True):
    """One item between brackets: first to last, counted by step, written with width digits (0: as is)."""

    first: int
    last: int
    step: int = 1
    width: int = 0

    def __contains__(self, text: object) -> bool:
        digits = str(text)
        if not digits.isdecimal() or not self.first <= int(digits) <= self.last:
            return False
        return digits == self.written(int(digits)) and (int(digits) - self.first) % self.step == 0

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1, self.step))

    def __len__(self) -> int:
        return len(range(self.first, self.last + 1, self.step))

    def written(self, number: int) -> str:
        """A number as this item writes it."""
        return str(number).zfill(self.width)


def parse_items(text: str) -> tuple[Item, ...]:
    """The items between two brackets.

    Raises:
        ValueError: the text is not a range; the message says what a range looks like.
    """
    return tuple(_parse_item(part.strip()) for part in text.split(","))


def _parse_item(part: str) -> Item:
    found = _ITEM.match(part)
    if not found:
        raise ValueError(f'"[{part}]" is not a range: write [1-10], [01-08], [0-6/2] or [1,4-6]')
    first, last, step = found[1], found[2] or found[1], int(found[3] or 1)
    if int(last) < int(first):
        raise ValueError(f'range "[{part}]" counts down: write [{last}-{first}]')
    if step < 1:
        raise ValueError(f'range "[{part}]" has a step of 0')
    width = len(first) if len(first) > 1 and first.startswith("0") else 0
    if width and len(last) < width:
        raise ValueError(f'range "[{part}]" pads its first number only')
    return Item(int(first), int(last), step, width)


def expand(text: str) -> tuple[tuple[str, int | None], ...]:
    """Names that a name with at most one range stands for, each with its number (None without a range).

    Raises:
        ValueError: a bad range, more than one range, or more than MAX_EXPANSION names.
    """
    before, items, after = _split(text)
    if not items:
        return ((text, None),)
    return tuple((f"{before}{item.written(number)}{after}", number) for item in items for number in item)


def count(text: str) -> int:
    """How many names `expand` gives, without making them; raises what `expand` raises."""
    return sum(map(len, _split(text)[1])) or 1


def _split(text: str) -> tuple[str, tuple[Item, ...], str]:
    found = list(_BRACKETS.finditer(text))
    if len(found) > 1:
        raise ValueError(f'"{text}" has more than one range: nest nodes instead')
    before, after = (text[: found[0].start()], text[found[0].end() :]) if found else (text, "")
    if any(bracket in before + after for bracket in "[]"):
        raise ValueError(f'bracket without its partner in "{text}"')
    items = parse_items(found[0][1]) if found else ()
    if sum(map(len, items)) > MAX_EXPANSION:
        raise ValueError(f'"{text}" stands for more than {MAX_EXPANSION:,} names')
    return before, items, after


def fold_names(names: Iterable[str]) -> list[str]:
    """Names in the shortest form with ranges: `app01 app02 db` gives `app[01-02] db`; order by name."""
    numbered: dict[_Series, list[int]] = {}
    plain: list[str] = []
    for name in dict.fromkeys(names):
        found = _NUMBERED.match(name)
        if found is None:
            plain.append(name)
            continue
        before, digits, after = found.groups()
        width = len(digits) if digits.startswith("0") and len(digits) > 1 else 0
        numbered.setdefault((before, after, width), []).append(int(digits))
    folded = [_fold(series, numbers) for series, numbers in _joined(numbered).items()]
    return sorted(plain + folded)


def _joined(numbered: dict[_Series, list[int]]) -> dict[_Series, list[int]]:
    # "08" and "10" are one padded series although only the first shows its padding.
    for (before, after, width), numbers in list(numbered.items()):
        wide = numbered.get((before, after, 0)) if width else None
        if wide:
            moved = [number for number in wide if len(str(number)) == width]
            numbers.extend(moved)
            numbered[before, after, 0] = [number for number in wide if len(str(number)) != width]
    return {key: numbers for key, numbers in numbered.items() if numbers}


def _fold(series: _Series, numbers: list[int]) -> str:
    before, after, width = series
    runs: list[str] = []
    ordered = sorted(set(numbers))
    for _, group in groupby(enumerate(ordered), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        first, last = str(run[0]).zfill(width), str(run[-1]).zfill(width)
        runs.append(first if len(run) == 1 else f"{first}-{last}")
    if len(ordered) == 1:
        return f"{before}{runs[0]}{after}"
    return f"{before}[{','.join(runs)}]{after}"
