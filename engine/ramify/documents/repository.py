"""Repositories: three lists of patterns and references, in YAML here and in the papers' XML."""

from ramify.documents.node import Node
from ramify.documents.reading import pattern, read_yaml, tell_none
from ramify.documents.text import looks_like_xml
from ramify.model.diagnostics import Diagnostics, did_you_mean
from ramify.model.patterns import Kind
from ramify.model.repository import FACTS, Entry, Repository, When


def read(text: str | bytes, file: str) -> tuple[Repository | None, Diagnostics]:
    """Read a repository document: XML if it looks like it, else YAML."""
    if looks_like_xml(text, file):
        from ramify.documents import repository_xml  # noqa: PLC0415 - lxml only for those who use XML

        return repository_xml.read(text, file)
    return read_yaml(text, file, "repository", _build)


def _build(root: Node, found: Diagnostics) -> Repository:
    return Repository(
        code=_entries(root["code"], found),
        install=_entries(root["install-config"], found),
        service=_entries(root["service-config"], found),
    )


def _entries(node: Node, found: Diagnostics) -> tuple[Entry, ...]:
    return tuple(_entry(item, found) for item in node.elements)


def _entry(node: Node, found: Diagnostics) -> Entry:
    match = node["match"]
    items = match.elements if isinstance(match.value, list) else [match]
    texts = [(item, Kind.GLOB) for item in items if item.text]
    regexes = [(item["regex"], Kind.REGEX) for item in items if item["regex"].text]
    ordered = sorted(texts + regexes, key=lambda pair: (pair[0].line, pair[0].column))
    patterns = tuple(pattern(item, kind, found) for item, kind in ordered)
    tell_none(patterns, found)
    return Entry(patterns=patterns, ref=node["ref"].text, origin=node.origin, when=_when(node["when"], found))


def _when(node: Node, found: Diagnostics) -> When:
    for name in node:
        if name not in FACTS:
            found.error("unknown-fact", f'no fact "{name}"', did_you_mean(name, FACTS), node.key(name))
    return {name: tuple(word.text for word in value.texts()) for name, value in sorted(node.items())}
