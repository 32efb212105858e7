"""What the entries of a list say of each value, in the order in which they apply: later over earlier."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from ramify.compile.classes import KINDS, in_force
from ramify.model.configuration import Configuration, FileSetting, Setting
from ramify.model.diagnostics import Origin
from ramify.model.repository import Entry

Key = tuple[str, str]
"""Of what a value is (`env`, `args` or `files`), and its name; arguments may have none."""


class Contribution(Struct, frozen=True, eq=False):
    """One value as a document gives it, and the entry that brought the document."""

    entry: Entry
    kind: str
    name: str
    text: str
    origin: Origin

    @property
    def key(self) -> Key:
        """What a later contribution must share to take the place of this one."""
        return (self.kind, self.name)

    @property
    def adds_up(self) -> bool:
        """Whether it stands beside all others, as bare arguments do."""
        return not self.name


def contributions(entries: Sequence[Entry], documents: Mapping[str, Configuration]) -> Iterator[Contribution]:
    """All that the documents of entries of one list say; those that are not known say nothing."""
    for entry in in_force(entries):
        if entry.ref in documents:
            yield from _of(entry, documents[entry.ref])


def _of(entry: Entry, document: Configuration) -> Iterator[Contribution]:
    for kind in KINDS:
        for setting in getattr(document, kind):
            yield Contribution(entry, kind, setting.name, _text(setting), setting.origin)


def _text(setting: Setting | FileSetting) -> str:
    return setting.content if isinstance(setting, FileSetting) else setting.value


def by_key(found: Sequence[Contribution]) -> dict[Key, list[Contribution]]:
    """Those of each value, in order: the last one wins. Bare arguments are left out."""
    grouped: dict[Key, list[Contribution]] = {}
    for one in found:
        if not one.adds_up:
            grouped.setdefault(one.key, []).append(one)
    return grouped
