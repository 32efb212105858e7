"""An element of an XML document with the places of its parts."""

from msgspec import Struct, field

from ramify.model.diagnostics import Origin


class Element(Struct):
    """A tag, its attributes with a place each, its text, its children."""

    tag: str
    origin: Origin
    attributes: dict[str, str] = field(default_factory=dict)
    places: dict[str, Origin] = field(default_factory=dict)
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def place(self, name: str) -> Origin:
        """Where an attribute stands; the element's own place when it has no such attribute."""
        return self.places.get(name, self.origin)

    def named(self, *tags: str) -> list["Element"]:
        """The children that are called so, in file order."""
        return [child for child in self.children if child.tag in tags]
