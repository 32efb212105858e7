"""What an XML Schema finds wrong, in words for people.

libxml2 stops at the first element that does not belong: it is taken out and the rest is held against the
schema again, so that all is told at once.
"""

import re
from functools import cache
from typing import Any

from lxml import etree

from ramify.documents.element import Element
from ramify.documents.schema import SCHEMAS
from ramify.model.diagnostics import Diagnostics, did_you_mean

MAX_ROUNDS = 50

_XS = "{http://www.w3.org/2001/XMLSchema}"
_ATTRIBUTE = re.compile(r"attribute '([^']*)'")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.*) \)")


@cache
def _load(name: str) -> tuple[Any, Any]:
    document = etree.parse(str(SCHEMAS / f"{name}.xsd"))
    return etree.XMLSchema(document), document


def check(root: Any, name: str, made: dict[Any, Element], found: Diagnostics) -> None:
    """Tell everything that keeps a document from its schema; takes wrong elements out of the tree."""
    schema, document = _load(name)
    for _ in range(MAX_ROUNDS):
        if schema.validate(root):
            return
        # The paths of the log count elements: look all of them up before one is taken out.
        errors = [(error, _subject(root, error.path)) for error in schema.error_log]
        misplaced = [_tell(error, subject, made, document, found) for error, subject in errors]
        for element in dict.fromkeys(element for element in misplaced if element is not None):
            element.getparent().remove(element)
        if not any(element is not None for element in misplaced):
            return


def _subject(root: Any, path: str) -> Any:
    hits = root.getroottree().xpath(path)
    return hits[0] if hits else root


def _tell(error: Any, subject: Any, made: dict[Any, Element], document: Any, found: Diagnostics) -> Any:
    """Tell one error; the element that has to go before more can be seen, if it is one too many."""
    element = made[subject]
    expected = _EXPECTED.search(error.message)
    known = [word.strip() for word in expected[1].split(",")] if expected else []
    attribute = _ATTRIBUTE.search(error.message)
    missing = "Missing child" in error.message
    if error.type_name == "SCHEMAV_ELEMENT_CONTENT" and not missing:
        where = made[subject.getparent()].tag
        way_out = did_you_mean(element.tag, known) or f"<{where}> takes no more elements here."
        found.error("unknown-key", f"<{element.tag}> does not belong into <{where}>", way_out, element.origin)
        return subject
    if missing:
        _missing(element, " or ".join(f"<{word}>" for word in known), found)
    elif error.type_name == "SCHEMAV_CVC_ELT_1":
        roots = [node.get("name") for node in document.getroot().findall(_XS + "element")]
        way_out = did_you_mean(element.tag, roots)
        found.error("unknown-key", f"no document begins with <{element.tag}>", way_out, element.origin)
    elif error.type_name == "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1" and attribute:
        way_out = did_you_mean(attribute[1], _attributes(document, element.tag) - element.attributes.keys())
        summary = f'unknown attribute "{attribute[1]}" in <{element.tag}>'
        found.error("unknown-key", summary, way_out, element.place(attribute[1]))
    elif error.type_name == "SCHEMAV_CVC_COMPLEX_TYPE_4":
        name = re.findall(r"'([^']*)'", error.message)[1]
        _missing(element, f'the attribute "{name}"', found)
    else:
        _value(error, element, attribute, found)
    return None


def _missing(element: Element, what: str, found: Diagnostics) -> None:
    found.error("missing-key", f"<{element.tag}> lacks {what}", f"Add {what}.", element.origin)


def _value(error: Any, element: Element, attribute: Any, found: Diagnostics) -> None:
    if "Character content" in error.message:
        way_out = "Remove it, or put it into an element."
        found.error("wrong-type", f"<{element.tag}> takes no text of its own", way_out, element.origin)
        return
    if attribute and attribute[1]:
        subject, value = f'"{attribute[1]}" of <{element.tag}>', element.attributes.get(attribute[1], "")
    else:
        subject, value = f"<{element.tag}>", element.text
    # libxml2 tells the facet first and then, in a second error, the type that the facet belongs to.
    if "is not a valid value of the" not in error.message:
        summary = f"{subject} is empty" if not value else f'{subject}: "{value[:40]}" is not allowed'
        place = element.place(attribute[1]) if attribute else element.origin
        found.error("bad-value", summary, "", place)


def _attributes(document: Any, tag: str) -> set[str]:
    named = document.getroot().iter(_XS + "element")
    return {
        attribute.get("name")
        for element in named
        if element.get("name") == tag
        for attribute in element.iter(_XS + "attribute")
    }
