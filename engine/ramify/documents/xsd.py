"""What an XML Schema finds wrong, in words for people.

libxml2 stops at the first element that does not belong: it is taken out and the rest is held against the
schema again, so that all is told at once.
"""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from lxml import etree

from ramify.documents.element import Element
from ramify.documents.schema import SCHEMAS
from ramify.documents.text import MAX_TOLD
from ramify.model.diagnostics import Diagnostics, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable


_XS = "{http://www.w3.org/2001/XMLSchema}"
_QUOTED = re.compile(r"'([^']*)'")
_ATTRIBUTE = re.compile(r"attribute '([^']*)'")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.*) \)")


@cache
def _load(name: str) -> tuple[Any, Any]:
    document = etree.parse(str(SCHEMAS / f"{name}.xsd"))
    return etree.XMLSchema(document), document.getroot()


def check(root: Any, name: str, made: dict[Any, Element], found: Diagnostics) -> None:
    """Tell everything that keeps a document from its schema; takes wrong elements out of the tree."""
    schema, declared = _load(name)
    told = 0
    while told < MAX_TOLD and not schema.validate(root):
        errors = list(schema.error_log)[: MAX_TOLD - told]
        told += len(errors)
        # The paths in the log count elements: look all of them up before one is taken out.
        tellers = [_Teller(error, _subject(root, error.path), made, declared) for error in errors]
        for teller in tellers:
            teller.tell(found)
        taken_out = [_take_out(teller.subject) for teller in tellers if teller.is_misplaced]
        if not any(taken_out):
            return


def _subject(root: Any, path: str) -> Any:
    hits = root.getroottree().xpath(path)
    return hits[0] if hits else root


def _take_out(element: Any) -> bool:
    """Remove an element; the text behind it stays. False if it is gone already."""
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return False
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "")
    else:
        parent.text = (parent.text or "") + (element.tail or "")
    parent.remove(element)
    return True


class _Teller:
    """Says one of libxml2's errors in other words."""

    def __init__(self, error: Any, subject: Any, made: dict[Any, Element], declared: Any) -> None:
        self.subject = subject
        self._message: str = error.message
        self._type: str = error.type_name
        self._element = made[subject]
        self._parent = made.get(subject.getparent())
        self._declared = declared
        attribute = _ATTRIBUTE.search(error.message)
        self._attribute = attribute[1] if attribute else ""
        expected = _EXPECTED.search(error.message)
        self._expected = [word.strip() for word in expected[1].split(",")] if expected else []

    @property
    def is_misplaced(self) -> bool:
        """Whether the element has to go before more can be seen."""
        return self._type == "SCHEMAV_ELEMENT_CONTENT" and not self._lacks_children

    @property
    def _lacks_children(self) -> bool:
        return "Missing child" in self._message

    def tell(self, found: Diagnostics) -> None:
        """Add the diagnostic."""
        if self.is_misplaced:
            self._misplaced(found)
        elif self._lacks_children:
            self._missing(" or ".join(f"<{word}>" for word in self._expected), found)
        else:
            known: dict[str, Callable[[Diagnostics], None]] = {
                "SCHEMAV_CVC_ELT_1": self._unknown_root,
                "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": self._unknown_attribute,
                "SCHEMAV_CVC_COMPLEX_TYPE_4": self._missing_attribute,
                "SCHEMAV_CVC_TYPE_3_1_2": self._text_only,
                "SCHEMAV_CVC_COMPLEX_TYPE_2_2": self._text_only,
                "SCHEMAV_CVC_COMPLEX_TYPE_2_1": self._text,
                "SCHEMAV_CVC_COMPLEX_TYPE_2_3": self._text,
            }
            known.get(self._type, self._value)(found)

    def _misplaced(self, found: Diagnostics) -> None:
        tag, where = self._element.tag, self._parent.tag if self._parent else ""
        known = [element.get("name") for element in self._declared.iter(_XS + "element")]
        way_out = did_you_mean(tag, self._expected or known)
        if tag in known:
            way_out = "It stands in the wrong place, or once too often."
        found.error("unknown-key", f"<{tag}> does not belong into <{where}>", way_out, self._element.origin)

    def _unknown_root(self, found: Diagnostics) -> None:
        roots = [element.get("name") for element in self._declared.findall(_XS + "element")]
        tag = self._element.tag
        way_out = did_you_mean(tag, roots)
        found.error("unknown-key", f"no document begins with <{tag}>", way_out, self._element.origin)

    def _unknown_attribute(self, found: Diagnostics) -> None:
        way_out = did_you_mean(self._attribute, self._attributes() - self._element.attributes.keys())
        summary = f'unknown attribute "{self._attribute}" in <{self._element.tag}>'
        found.error("unknown-key", summary, way_out, self._element.place(self._attribute))

    def _missing_attribute(self, found: Diagnostics) -> None:
        name = _QUOTED.findall(self._message)[1]
        unknown = self._element.attributes.keys() - self._attributes()
        # One that is only misspelt is told once, where it stands.
        if not any(did_you_mean(word, [name]).startswith("Did") for word in unknown):
            self._missing(f'the attribute "{name}"', found)

    def _missing(self, what: str, found: Diagnostics) -> None:
        summary = f"<{self._element.tag}> lacks {what}"
        found.error("missing-key", summary, f"Add {what}.", self._element.origin)

    def _text(self, found: Diagnostics) -> None:
        summary = f"<{self._element.tag}> takes no text of its own"
        found.error("wrong-type", summary, "Remove it, or put it into an element.", self._element.origin)

    def _text_only(self, found: Diagnostics) -> None:
        summary = f"<{self._element.tag}> takes text only, no elements"
        found.error("wrong-type", summary, "Write &lt; for a < that is text.", self._element.origin)

    def _value(self, found: Diagnostics) -> None:
        # libxml2 tells the facet first and then, in a second error, the type that the facet belongs to.
        if "is not a valid value of the" in self._message:
            return
        value = self._element.attributes.get(self._attribute, self._element.text)
        subject = (
            f'"{self._attribute}" of <{self._element.tag}>' if self._attribute else f"<{self._element.tag}>"
        )
        summary = f'{subject}: "{value[:40]}" is not allowed' if value else f"{subject} is empty"
        found.error("bad-value", summary, "", self._element.place(self._attribute))

    def _attributes(self) -> set[str]:
        """The attributes that the schema gives elements of this name."""
        return {
            attribute.get("name")
            for element in self._declared.iter(_XS + "element")
            if element.get("name") == self._element.tag
            for path in (
                "{0}complexType/{0}attribute",
                "{0}complexType/{0}simpleContent/{0}extension/{0}attribute",
            )
            for attribute in element.iterfind(path.format(_XS))
        }
