"""The XML of BRP's messages: a root with nothing but children that have nothing but text.

Read by expat rather than lxml: a message is a few elements, and a server may run where only the standard
library can read XML. Document types are refused before anything in them counts.
"""

from typing import Any, NamedTuple
from xml.parsers import expat


class Leaf(NamedTuple):
    """An element with text."""

    tag: str
    attributes: dict[str, str]
    text: str


class MessageError(Exception):
    """A text that is no message; the code is one of docs/errors.md."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def leaves(data: bytes, root: str) -> list[Leaf]:
    """The children of a root that has nothing but children with text."""
    reader = _Reader(root)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat's own signature
    except expat.ExpatError as error:
        raise MessageError("syntax", f"cannot read XML: {error}") from error
    except (LookupError, ValueError) as error:
        raise MessageError("encoding", f"cannot read XML: {error}") from error
    return reader.leaves


class _Reader:
    """Takes expat's events; refuses all that no message has."""

    def __init__(self, root: str) -> None:
        self.leaves: list[Leaf] = []
        self._root = root
        self._open: list[tuple[str, dict[str, str]]] = []
        self._said = ""

    def doctype(self, *_: Any) -> None:
        raise MessageError("xml-entity", "document type declarations are refused")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open and tag != self._root:
            raise MessageError("unknown-key", f"expected <{self._root}>, got <{tag[:40]}>")
        if len(self._open) == 2:
            raise MessageError("unknown-key", f"<{self._open[1][0][:40]}> takes text only, no elements")
        self._open.append((tag, attributes))
        self._said = ""

    def text(self, said: str) -> None:
        if len(self._open) == 1 and said.strip():
            raise MessageError("wrong-type", f"<{self._root}> takes no text of its own")
        self._said += said

    def end(self, _: str) -> None:
        tag, attributes = self._open.pop()
        if self._open:
            self.leaves.append(Leaf(tag, attributes, self._said.strip()))
