"""Which kind of document a file is, and what is wrong with it, where no project says so."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ramify.documents import component, configuration, hierarchy, inventory, project, repository, trust
from ramify.documents.node import Node
from ramify.documents.schema import load
from ramify.documents.text import Source, looks_like_xml, no_source
from ramify.documents.yaml import parse
from ramify.model.diagnostics import Diagnostics

KINDS = ("project", "hierarchy", "inventory", "repository", "configuration", "component", "trust")

_READ: Mapping[str, Callable[[bytes, str, Source], tuple[Any, Diagnostics]]] = {
    "project": lambda data, file, _: project.read(data, file),
    "hierarchy": lambda data, file, _: hierarchy.read(data, file),
    "inventory": inventory.read,
    "repository": lambda data, file, _: repository.read(data, file),
    "configuration": lambda data, file, source: configuration.read(data, file, file, source),
    "component": lambda data, file, _: component.read(data, file),
    "trust": trust.read,
}
_NAMES = {"ramify": "project", **{kind: kind for kind in KINDS if kind != "project"}}
_ROOTS = {"repository-information": "repository", "configuration": "configuration"}
_MODELINE = re.compile(
    r"^#\s*yaml-language-server:\s*\$schema=(?:\S*[/:])?([a-z]+)(?:\.json)?\s*$", re.MULTILINE
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FIRST_TAG = re.compile(r"<([A-Za-z][\w-]*)")


def kind_of(data: bytes, file: str) -> str | None:
    """The kind of a document: by its modeline, by its content, by its name; None when nothing tells."""
    text = data.decode(errors="replace")
    if looks_like_xml(text, file):
        tag = _FIRST_TAG.search(_COMMENT.sub("", text))
        return _ROOTS.get(tag[1]) if tag else None
    said = _MODELINE.search(text)
    if said and said[1] in KINDS:
        return said[1]
    name = file.replace("\\", "/").rpartition("/")[2]
    stem, _, suffix = name.rpartition(".")
    if suffix not in {"yml", "yaml"}:
        return None
    if stem == "ramify":
        return "project"
    return _by_keys(parse(text, file, Diagnostics())) or _NAMES.get(stem)


def _by_keys(root: Node | None) -> str | None:
    """The kind that has most of a document's keys: at least half of them, and more than any other kind."""
    if root is None:
        return None
    scores = sorted((sum(key in load(kind)["properties"] for key in root), kind) for kind in KINDS)
    (second, _), (best, kind) = scores[-2:]
    return kind if best > second and best * 2 >= len(list(root)) else None


def read(kind: str, data: bytes, file: str, source: Source = no_source) -> Diagnostics:
    """What is wrong with a document of a kind."""
    return _READ[kind](data, file, source)[1]
