"""Repositories in the papers' XML (HPL Figures 2 and 12, made well-formed; readings A1 to A6)."""

from ramify.documents.element import Element
from ramify.documents.reading import finish, tell_none, tell_pattern
from ramify.documents.xml import parse
from ramify.model.diagnostics import Diagnostics, did_you_mean
from ramify.model.patterns import Kind, Pattern
from ramify.model.repository import FACTS, Entry, Repository, When

# The paper calls its lists by several names (A9); the last of each line are today's words.
_CODE = ("managent-code", "code")
_INSTALL = ("install-config", "install-configuration")
_SERVICE = ("managent-config", "managent-configuration", "service-config")
_PARTS = ("pattern", "ref")
_WHEN = "when"
# The paper says `path` in one figure and `xpath` in the other for the same thing (A6).
_KINDS = {"path": Kind.PAPER, "xpath": Kind.PAPER, "regex": Kind.REGEX}


def read(text: str | bytes, file: str) -> tuple[Repository | None, Diagnostics]:
    """Read a repository document."""
    found = Diagnostics()
    root = parse(text, file, "repository", found)
    if root is None:
        return None, found
    for part in root.named(*_INSTALL, *_SERVICE):
        for when in (when for entry in part.named("entry") for when in entry.named(_WHEN)):
            way_out = "Only code differs by the facts of hosts; configuration has `facts` in its templates."
            found.error("unknown-key", f"<{part.tag}> has no <when>", way_out, when.origin)
    repository = Repository(
        code=_entries(root, _CODE, found),
        install=_entries(root, _INSTALL, found),
        service=_entries(root, _SERVICE, found),
    )
    return finish(repository, found)


def _entries(root: Element, names: tuple[str, ...], found: Diagnostics) -> tuple[Entry, ...]:
    return tuple(_entry(entry, found) for part in root.named(*names) for entry in part.named("entry"))


def _entry(element: Element, found: Diagnostics) -> Entry:
    patterns = tuple(made for child in element.named("pattern") for made in _pattern(child, found))
    tell_none(patterns, found)
    refs = element.named("ref")
    _check_parts(element, refs, found)
    return Entry(
        patterns=patterns,
        ref=refs[0].attributes.get("url", "") if refs else "",
        origin=element.origin,
        when=_when(element.named(_WHEN), found),
    )


def _when(elements: list[Element], found: Diagnostics) -> When:
    """Several of one fact are what it may be."""
    words: dict[str, list[str]] = {}
    for element in elements:
        name = element.attributes.get("fact", "")
        if name and name not in FACTS:
            hint = did_you_mean(name, FACTS)
            found.error("unknown-fact", f'no fact "{name}"', hint, element.place("fact"))
        words.setdefault(name, []).append(element.attributes.get("is", ""))
    return {name: tuple(words[name]) for name in sorted(words)}


def _check_parts(element: Element, refs: list[Element], found: Diagnostics) -> None:
    if len(refs) > 1:
        way_out = "An entry has one reference; write two entries for two."
        found.error("duplicate-key", "<entry> has more than one <ref>", way_out, refs[1].origin)
    if any(child.tag not in (*_PARTS, _WHEN) for child in element.children):
        return  # the schema has told; it may be the part that seems to be missing
    for tag in _PARTS:
        if not element.named(tag):
            found.error("missing-key", f"<entry> lacks <{tag}>", f"Add <{tag}>.", element.origin)


def _pattern(element: Element, found: Diagnostics) -> list[Pattern]:
    """One pattern; none when it does not say exactly one."""
    said = [name for name in element.attributes if name in _KINDS]
    if len(said) > 1:
        way_out = "Give one of path and regex; write two patterns for two."
        found.error(
            "bad-pattern", f"<pattern> has both {' and '.join(said)}", way_out, element.place(said[1])
        )
    if not said and not element.attributes:
        found.error(
            "missing-key", '<pattern> lacks the attribute "path"', "Add path or regex.", element.origin
        )
    if len(said) != 1:
        return []
    text = element.attributes[said[0]]
    made = Pattern(
        text.removeprefix("!"), _KINDS[said[0]], negated=text.startswith("!"), origin=element.place(said[0])
    )
    if text:  # else the schema has told
        tell_pattern(made, found)
    return [made]
