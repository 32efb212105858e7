"""XML text to a tree of elements, held against an XML Schema.

Entities and document types are refused before a parser sees them, as is nesting without end. libxml2
knows lines only: exact places come from a scan of the text, which meets the start tags in the order of the
elements.
"""

import re
from typing import Any

from lxml import etree

from ramify.documents import xsd
from ramify.documents.element import Element
from ramify.documents.text import Places, decode, tell_conflict
from ramify.model.diagnostics import Diagnostics, Origin

MAX_DEPTH = 64
MAX_ELEMENTS = 200_000

# An open end (`\Z`) keeps a text of nothing but openings from being scanned over and over.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<!\[CDATA\[.*?(?:\]\]>|\Z)"
    r"|<\?.*?(?:\?>|\Z)"
    r"|(?P<declared><!)"
    r"|(?P<end></)"
    r"|<(?P<name>[^\s<>/!?=\"']+)(?P<rest>(?:[^<>\"']++|\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z))*+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([^\s=\"'/]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')")


def parse(text: str | bytes, file: str, schema: str, found: Diagnostics) -> Element | None:
    """The root element; None with at least one error when the text is no XML or not safe to read."""
    plain = decode(text, file, found)
    if plain is None:
        return None
    places = Places(file, plain)
    tags = _scan(plain, places, found)
    root = None if tags is None else _tree(plain, file, found)
    if tags is None or root is None:
        return None
    made: dict[Any, Element] = {}
    for element, tag in zip(root.iter(), tags, strict=True):
        _add(element, tag, places, made)
    if not _tell_namespace(made, found):
        xsd.check(root, schema, made, found)
    return made[root]


def _tell_namespace(made: dict[Any, Element], found: Diagnostics) -> bool:
    for element in made.values():
        if any(name.startswith("{") for name in (element.tag, *element.attributes)):
            way_out = "Remove prefixes, and attributes that begin with xmlns."
            found.error("xml-namespace", "documents here have no namespaces", way_out, element.origin)
            return True
    return False


def _scan(text: str, places: Places, found: Diagnostics) -> list[re.Match[str]] | None:
    """The start tags in order; None with a diagnostic for what must not reach the parser."""
    tags: list[re.Match[str]] = []
    depth = 0
    for mark in _MARKUP.finditer(text):
        if mark["declared"]:
            way_out = "Remove it: documents here have no document type and no entities of their own."
            found.error(
                "xml-entity", "document type declarations are refused", way_out, places.origin(mark.start())
            )
            return None
        if mark["name"]:
            tags.append(mark)
            depth += not mark["rest"].endswith("/")
        elif mark["end"]:
            depth -= 1
        if depth > MAX_DEPTH or len(tags) > MAX_ELEMENTS:
            code, what = ("too-deep", "deep") if depth > MAX_DEPTH else ("too-large", "large")
            found.error(
                code, f"document is too {what}", "Split it or make it flatter.", places.origin(mark.start())
            )
            return None
    return tags


def _tree(text: str, file: str, found: Diagnostics) -> Any:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        if not tell_conflict(text, file, found):
            _syntax(error, file, found)
        return None


def _syntax(error: Any, file: str, found: Diagnostics) -> None:
    line, column = error.position
    place = Origin(file, max(line, 1), max(column, 1))
    told = str(error).partition(", line ")[0]
    entity = re.search(r"Entity '(.*?)' not defined", told)
    twice = re.search(r"Attribute (\S+) redefined", told)
    if entity:
        way_out = "Only &lt; &gt; &amp; &quot; and &apos; are known."
        found.error("xml-entity", f'entity "&{entity[1]};" is not known', way_out, place)
    elif twice:
        found.error(
            "duplicate-key", f'attribute "{twice[1]}" stands twice here', "Remove one of them.", place
        )
    else:
        found.error(
            "syntax", f"cannot read XML: {told[:200]}", "Close every tag, and quote attributes.", place
        )


def _add(element: Any, tag: re.Match[str], places: Places, made: dict[Any, Element]) -> None:
    start = tag.start("rest")
    found = {mark[1]: places.origin(start + mark.start()) for mark in _ATTRIBUTE.finditer(tag["rest"])}
    made[element] = Element(
        tag=element.tag,
        origin=places.origin(tag.start()),
        attributes=dict(element.attrib),
        places=found,
        text="".join(element.itertext()) if not len(element) else "",
    )
    parent = element.getparent()
    if parent is not None:
        made[parent].children.append(made[element])
