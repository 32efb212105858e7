"""A value of a YAML document together with the places of all its parts."""

from collections.abc import Iterator
from typing import Any

from ramify.model.diagnostics import Origin


class Node:
    """A plain value and where it stands; a tree of the same shape as the value.

    `raw` is a scalar's text as it was written. Accessors never fail: of a value of another type than asked
    for they give nothing, because the schema has already told of it.
    """

    __slots__ = ("column", "elements", "entries", "file", "keys", "line", "raw", "value")

    def __init__(self, value: Any, file: str, line: int, column: int, raw: str = "") -> None:
        self.value = value
        self.file = file
        self.line = line
        self.column = column
        self.raw = raw
        kind = value.__class__
        self.entries: dict[str, Node] = {} if kind is dict else _NO_ENTRIES
        self.keys: dict[str, tuple[int, int]] = {} if kind is dict else _NO_KEYS
        self.elements: list[Node] = [] if kind is list else _NO_ELEMENTS

    @property
    def origin(self) -> Origin:
        """Where the value begins."""
        return Origin(self.file, self.line, self.column)

    def key(self, name: str) -> Origin:
        """Where a key of this mapping stands; the mapping's own place when it has no such key."""
        place = self.keys.get(name)
        return Origin(self.file, *place) if place else self.origin

    def __getitem__(self, name: str) -> "Node":
        return self.entries.get(name) or Node(None, self.file, self.line, self.column)

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """Keys and values of a mapping, in file order."""
        return iter(self.entries.items())

    @property
    def text(self) -> str:
        """The value if it is text, else nothing."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def is_scalar(self) -> bool:
        """Whether the value is neither a list nor a mapping."""
        return not isinstance(self.value, (list, dict))

    @property
    def written(self) -> str:
        """A scalar as text: numbers as written, true and false in lower case, null as nothing."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return "" if self.value is None else self.raw

    def texts(self) -> list["Node"]:
        """The texts of a list, or of a text that stands for a list of one."""
        nodes = self.elements if isinstance(self.value, list) else [self]
        return [node for node in nodes if isinstance(node.value, str)]

    def find(self, pointer: tuple[str | int, ...]) -> "Node":
        """The node that a pointer leads to."""
        node = self
        for step in pointer:
            node = node.elements[step] if isinstance(step, int) else node.entries[step]
        return node


# Most nodes are scalars: they share what they do not have.
_NO_ENTRIES: dict[str, Node] = {}
_NO_KEYS: dict[str, tuple[int, int]] = {}
_NO_ELEMENTS: list[Node] = []
