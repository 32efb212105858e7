"""YAML text to a tree of nodes.

The text is YAML 1.2's core schema without its surprises: a number with a leading zero, a date, `yes` and `no`
are text. Keys are text as written. What makes a document mean something else than it seems to say is refused:
duplicate and merge keys, tags, aliases that multiply, several documents in one file.
"""

import re
from collections.abc import Callable
from typing import Any, ClassVar

import yaml

from ramify.documents.node import Node
from ramify.documents.scalars import TAGS, UnreadableScalarError, resolve
from ramify.documents.text import MAX_TOLD, decode
from ramify.documents.vaulted import TAGS as VAULT
from ramify.documents.vaulted import BadVaultError, Vaulted
from ramify.documents.yaml_errors import tell_syntax, tell_unprintable
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.vaulted import reference

MAX_DEPTH = 80  # a node as deep as paths may be, two levels for each step, and variables in it
MAX_NODES = 1_000_000
MAX_ALIASED = 10_000
MAX_KEY = 1024  # characters: as long as paths and the names of files may be

_SURROGATE = re.compile("[\ud800-\udfff]")

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is ten times as fast


def parse(
    text: str | bytes,
    file: str,
    found: Diagnostics,
    loader: Any = LOADER,
    vaulted: Vaulted | None = None,
) -> Node | None:
    """The document's tree; None with at least one error when there is no telling what it says.

    Values that ansible-vault has encrypted are kept in `vaulted`, and references to secrets stand for them.
    """
    plain = decode(text, file, found)
    if plain is None:
        return None
    try:
        return _Builder(file, found, vaulted).build(loader(plain))
    except yaml.reader.ReaderError:
        tell_unprintable(plain, file, found)
    except yaml.YAMLError as error:
        tell_syntax(error, plain, file, found)
    except _GiveUpError:
        pass
    return None


class _GiveUpError(Exception):
    """The document is refused as a whole; the diagnostic is already told."""


class _Frame:
    """A collection whose end has not come yet."""

    __slots__ = ("anchor", "height", "is_mapping", "key", "node", "start")

    def __init__(self, node: Node, anchor: str | None, start: int) -> None:
        self.node = node
        self.anchor = anchor
        self.start = start
        self.height = 1
        self.is_mapping = node.value.__class__ is dict
        # The key whose value has not come yet: its text (None when it is refused) and its place.
        self.key: tuple[str | None, int, int] | None = None


class _Builder:
    """Puts nodes together from the parser's events: no recursion, so no text can exhaust a stack."""

    def __init__(self, file: str, found: Diagnostics, vaulted: Vaulted | None) -> None:
        self._file = file
        self._found = found
        self._vaulted = vaulted
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._count = 0
        self._aliased = 0
        self._root: Node | None = None

    def build(self, loader: Any) -> Node:
        """The root of the only document; an empty document is a null."""
        take = loader.get_event
        while (event := take()) is not None:
            handle = self._ON.get(event.__class__)
            if handle is not None:
                handle(self, event)
        return self._root or Node(None, self._file, 1, 1)

    def _begin(self, event: Any) -> None:
        if self._root is not None:
            self._refuse("several-documents", "a second document begins here", "Keep one per file.", event)

    def _scalar(self, event: Any) -> None:
        raw, frame = event.value, self._stack[-1] if self._stack else None
        # A name, with nothing to it: most keys and many values are.
        is_bare = event.tag is None and event.anchor is None
        is_word = is_bare and len(raw) <= MAX_KEY and raw.isidentifier() and raw.isascii()
        if is_word and frame is not None and frame.is_mapping and frame.key is None:
            self._counted(event)
            mark = event.start_mark
            frame.key = (raw, mark.line + 1, mark.column + 1)
            return
        node = self._node(event, None, event.value)
        if not event.value.isascii() and _SURROGATE.search(event.value):
            self._refuse("syntax", "half of a surrogate pair is no character", "Remove it.", event)
        if event.tag in VAULT:
            node.value = node.raw = self._sealed(event)
        else:
            self._resolve(node, event)
        self._put(node, event, 1)
        if event.anchor:
            self._anchors[event.anchor] = (node, 1, 0)

    def _resolve(self, node: Node, event: Any) -> None:
        try:
            node.value = resolve(event.value, event.tag, plain=event.implicit[0])
        except UnreadableScalarError as error:
            self._error(error.code, str(error), error.way_out, event)
            node.value = event.value

    def _sealed(self, event: Any) -> str:
        """What stands for an encrypted value."""
        name = ""
        try:
            if self._vaulted is not None:
                name = self._vaulted.put(self._pointer(), event.value, Origin(self._file, *_place(event)))
        except BadVaultError as error:
            way_out = "`ansible-vault encrypt_string` writes one anew."
            self._error("bad-vault", f"this is no value of ansible-vault: {error}", way_out, event)
            return ""
        if not name:
            way_out = "It may stand for a variable, in `vars` or `env`, and for the text of a file."
            self._error("yaml-tag", f'no "{event.tag}" value is read here', way_out, event)
        return reference(name)

    def _pointer(self) -> tuple[str, ...]:
        """The way to the value whose turn it is; a key has none that leads to it."""
        steps: list[str] = []
        for frame in self._stack:
            if frame.is_mapping:
                steps.append((frame.key[0] if frame.key else None) or "")
            else:
                steps.append(str(len(frame.node.elements)))
        return tuple(steps)

    def _open(self, event: Any) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in TAGS["map" if is_mapping else "seq"]:
            self._error("yaml-tag", f'tag "{event.tag}" is not read', "Remove the tag.", event)
        if len(self._stack) >= MAX_DEPTH:
            self._refuse("too-deep", f"nested deeper than {MAX_DEPTH}", "Make it flatter.", event)
        node = self._node(event, {} if is_mapping else [], "")
        self._anchors.pop(event.anchor, None)
        self._stack.append(_Frame(node, event.anchor, self._count))

    def _close(self, _: Any) -> None:
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
        if frame.height <= height:
            frame.height = height + 1
        if not frame.is_mapping:
            frame.node.value.append(node.value)
            frame.node.elements.append(node)
        elif frame.key is None:
            frame.key = (self._key(node, event), *_place(event))
        else:
            self._entry(frame.node, frame.key, node)
            frame.key = None

    def _key(self, node: Node, event: Any) -> str | None:
        if not node.is_scalar:
            way_out = "Quote it, if braces or brackets belong to it."
            self._error("wrong-type", "a key must be text", way_out, event)
            return None
        if node.raw == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            self._error("yaml-merge", 'merge key "<<" is not read', "Use templates with `extends`.", event)
            return None
        if len(node.raw) > MAX_KEY:
            why = f'key "{node.raw[:40]}..." has more than {MAX_KEY:,} characters'
            self._refuse("too-large", why, "Shorten it.", event)
        return node.raw

    def _entry(self, mapping: Node, key: tuple[str | None, int, int], node: Node) -> None:
        name, line, column = key
        if name is None:
            return
        if name in mapping.entries:
            way_out = f"The first one stands in line {mapping.keys[name][0]}: remove one of them."
            origin = Origin(self._file, line, column)
            self._tell("duplicate-key", f'key "{name}" stands twice here', way_out, origin)
            return
        mapping.value[name] = node.value
        mapping.entries[name] = node
        mapping.keys[name] = (line, column)

    def _node(self, event: Any, value: Any, raw: str) -> Node:
        self._counted(event)
        return Node(value, self._file, *_place(event), raw)

    def _counted(self, event: Any) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            self._refuse("too-large", f"document has more than {MAX_NODES:,} values", "Split it.", event)

    def _error(self, code: str, summary: str, way_out: str, event: Any) -> None:
        self._tell(code, summary, way_out, Origin(self._file, *_place(event)))

    def _refuse(self, code: str, summary: str, way_out: str, event: Any) -> None:
        self._error(code, summary, way_out, event)
        raise _GiveUpError

    def _tell(self, code: str, summary: str, way_out: str, origin: Origin) -> None:
        self._found.error(code, summary, way_out, origin)
        if len(self._found) >= MAX_TOLD:
            raise _GiveUpError

    # Not of each builder: what a document was made of is gone as soon as it is read, in no circle.
    _ON: ClassVar[dict[type, Callable[["_Builder", Any], None]]] = {
        yaml.DocumentStartEvent: _begin,
        yaml.MappingStartEvent: _open,
        yaml.SequenceStartEvent: _open,
        yaml.MappingEndEvent: _close,
        yaml.SequenceEndEvent: _close,
        yaml.ScalarEvent: _scalar,
        yaml.AliasEvent: _alias,
    }


def _place(event: Any) -> tuple[int, int]:
    if event.__class__ is Node:
        return event.line, event.column
    mark = event.start_mark
    return mark.line + 1, mark.column + 1
