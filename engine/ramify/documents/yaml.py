"""YAML text to a tree of nodes.

The text is YAML 1.2's core schema without its surprises: a number with a leading zero, a date, `yes` and `no`
are text. Keys are text as written. What makes a document mean something else than it seems to say is refused:
duplicate and merge keys, tags, aliases that multiply, several documents in one file.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from ramify.documents.node import Node
from ramify.documents.scalars import TAGS, UnreadableScalarError, resolve
from ramify.documents.text import Places, decode
from ramify.model.diagnostics import Diagnostics, Origin

MAX_DEPTH = 64
MAX_NODES = 1_000_000
MAX_ALIASED = 10_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is ten times as fast
_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HINTS = (
    (r"'\t'|'\\t'|tab", "Indent with spaces: YAML does not allow tabs there."),
    (r"mapping values are not allowed", 'A text with ": " in it must stand in quotes.'),
    (r"cannot start any token", "A text that begins with @, `, % or a quote must stand in quotes."),
    (
        r"expected <block end>|could not find expected ':'",
        "Look at the indentation of this line and the one above.",
    ),
    (r"while parsing a flow|expected ',' or", "A bracket or brace is not closed, or a comma is missing."),
)


def parse(text: str | bytes, file: str, found: Diagnostics) -> Node | None:
    """The document's tree; None with at least one error when there is no telling what it says."""
    plain = decode(text, file, found)
    if plain is None:
        return None
    unprintable = _UNPRINTABLE.search(plain)
    if unprintable:
        place = Places(file, plain).origin(unprintable.start())
        found.error(
            "syntax", f"character U+{ord(unprintable[0]):04X} may not stand in YAML", "Remove it.", place
        )
        return None
    try:
        return _Builder(file, found).build(yaml.parse(plain, Loader=_LOADER))
    except yaml.YAMLError as error:
        _syntax(error, file, found)
    except _GiveUpError:
        pass
    return None


def _syntax(error: yaml.YAMLError, file: str, found: Diagnostics) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Origin(file, mark.line + 1, mark.column + 1) if mark else Origin(file, 1, 1)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    told = f"{getattr(error, 'context', None) or ''} {problem}"
    hint = next((hint for expression, hint in _HINTS if re.search(expression, told)), "")
    found.error("syntax", f"cannot read YAML: {problem}", hint, place)


class _GiveUpError(Exception):
    """The document is refused as a whole; the diagnostic is already told."""


class _Frame:
    """A collection whose end has not come yet."""

    __slots__ = ("anchor", "height", "key", "node", "start")

    def __init__(self, node: Node, anchor: str | None, start: int) -> None:
        self.node = node
        self.anchor = anchor
        self.start = start
        self.height = 1
        self.key: Node | None = None


class _Builder:
    """Puts nodes together from the parser's events: no recursion, so no text can exhaust a stack."""

    def __init__(self, file: str, found: Diagnostics) -> None:
        self._file = file
        self._found = found
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._count = 0
        self._aliased = 0
        self._root: Node | None = None

    def build(self, events: Iterator[Any]) -> Node:
        """The root of the only document; an empty document is a null."""
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._open(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._close()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
                self._error("several-documents", "a second document begins here", "Keep one per file.", event)
                break
        return self._root or Node(None, self._file, 1, 1)

    def _scalar(self, event: Any) -> None:
        node = self._node(event, None, event.value)
        plain = event.implicit[0]
        try:
            node.value = resolve(event.value, event.tag, plain=plain)
        except UnreadableScalarError as error:
            self._error(error.code, str(error), error.way_out, event)
        self._put(node, event, 1)
        if event.anchor:
            self._anchors[event.anchor] = (node, 1, 0)

    def _open(self, event: Any) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in TAGS["map" if is_mapping else "seq"]:
            self._error("yaml-tag", f'tag "{event.tag}" is not read', "Remove the tag.", event)
        if len(self._stack) >= MAX_DEPTH:
            self._refuse("too-deep", f"nested deeper than {MAX_DEPTH}", "Make it flatter.", event)
        node = self._node(event, {} if is_mapping else [], "")
        self._anchors.pop(event.anchor, None)
        self._stack.append(_Frame(node, event.anchor, self._count))

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.node, self._count - frame.start + 1, frame.height)
        self._put(frame.node, frame.node, frame.height)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            is_open = any(frame.anchor == event.anchor for frame in self._stack)
            why = "refers to what it stands in" if is_open else "refers to an anchor that is not there"
            self._refuse("yaml-alias", f'alias "*{event.anchor}" {why}', "Write the value out.", event)
        node, size, height = self._anchors[event.anchor]
        self._count += size
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            why = f"aliases stand for more than {MAX_ALIASED:,} values"
            self._refuse("alias-bomb", why, "Use templates and ranges instead of aliases.", event)
        if len(self._stack) + height > MAX_DEPTH:
            self._refuse("too-deep", f"nested deeper than {MAX_DEPTH}", "Make it flatter.", event)
        self._put(node, event, height)

    def _put(self, node: Node, event: Any, height: int) -> None:
        if not self._stack:
            self._root = node
            return
        frame = self._stack[-1]
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.node.value, list):
            frame.node.value.append(node.value)
            frame.node.elements.append(node)
        elif frame.key is None:
            frame.key = self._key(node, event)
        else:
            self._entry(frame, frame.key, node)
            frame.key = None

    def _key(self, node: Node, event: Any) -> Node:
        key = Node(node.raw, self._file, *_place(event))
        if not node.is_scalar:
            self._error(
                "wrong-type", "a key must be text", "Quote it, if braces or brackets belong to it.", event
            )
            key.value = None
        elif node.raw == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            self._error("yaml-merge", 'merge key "<<" is not read', "Use templates with `extends`.", event)
            key.value = None
        return key

    def _entry(self, frame: _Frame, key: Node, node: Node) -> None:
        name = key.value
        if name is None:
            return
        if name in frame.node.entries:
            first = frame.node.keys[name][0]
            way_out = f"The first one stands in line {first}: remove one of them."
            self._found.error("duplicate-key", f'key "{name}" stands twice here', way_out, key.origin)
            return
        frame.node.value[name] = node.value
        frame.node.entries[name] = node
        frame.node.keys[name] = (key.line, key.column)

    def _node(self, event: Any, value: Any, raw: str) -> Node:
        self._count += 1
        if self._count > MAX_NODES:
            self._refuse("too-large", f"document has more than {MAX_NODES:,} values", "Split it.", event)
        return Node(value, self._file, *_place(event), raw)

    def _error(self, code: str, summary: str, way_out: str, event: Any) -> None:
        self._found.error(code, summary, way_out, Origin(self._file, *_place(event)))

    def _refuse(self, code: str, summary: str, way_out: str, event: Any) -> None:
        self._error(code, summary, way_out, event)
        raise _GiveUpError


def _place(event: Any) -> tuple[int, int]:
    if isinstance(event, Node):
        return event.line, event.column
    mark = event.start_mark
    return mark.line + 1, mark.column + 1
