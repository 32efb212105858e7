"""Values that stand encrypted in documents: where they are, and what is in them when they are needed.

What a project is planned from has only names for them. Their texts are read again from the documents, so that
a saved plan or a rollback hands out what stands there today, as it does with all other secrets.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ramify.documents.text import MAX_SIZE
from ramify.documents.vaulted import Sealed, Vaulted
from ramify.documents.yaml import parse
from ramify.model.configuration import Configuration
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.hierarchy import Hierarchy, NodeSpec
from ramify.model.vaulted import name_in
from ramify.repository.passwords import Passwords
from ramify.repository.plain import SecretError, usable


class Inline:
    """Reads them; each document once."""

    def __init__(self, folder: Path, passwords: Passwords) -> None:
        self._folder = folder
        self._passwords = passwords
        self._known: dict[str, dict[str, Sealed]] = {}

    def value(self, name: str, place: Origin) -> str:
        """The value that is called so; `place` is where it was when it was planned.

        Raises:
            SecretError: it cannot be opened, or is not there any more.
        """
        if place.file not in self._known:
            self._known[place.file] = self._document(place.file)
        found = self._known[place.file].get(name)
        if found is None:
            way_out = "`ramify plan` plans anew; an earlier state needs the document as it was."
            raise SecretError(f"{place.file} has no `!vault` value for it any more", way_out)
        return usable(self._passwords.opened(found.text, "it"))

    def _document(self, file: str) -> dict[str, Sealed]:
        if "://" in file:
            way_out = "Declare it below `secrets:` in ramify.yml, and name it there as {{ secrets.NAME }}."
            raise SecretError("secrets in documents from the web are not opened", way_out)
        vaulted = Vaulted()
        try:
            with (self._folder / file).open("rb") as stream:
                parse(stream.read(MAX_SIZE), file, Diagnostics(), vaulted=vaulted)
        except OSError as error:
            raise SecretError(f"cannot read {file} again: {error.strerror or error}") from error
        return vaulted.values


def places(documents: Iterable[Configuration], hierarchy: Hierarchy) -> dict[str, Origin]:
    """The encrypted values of a project by what they are called, and where they stand."""
    found: dict[str, Origin] = {}
    for document in documents:
        found |= {name_in(one.value): one.origin for one in (*document.env, *document.args)}
        found |= {name_in(file.content): file.origin for file in document.files}
    for spec in (*hierarchy.tree, *hierarchy.templates.values()):
        found |= _of_spec(spec)
    found.pop("", None)
    return found


def _of_spec(spec: NodeSpec) -> dict[str, Origin]:
    found: dict[str, Origin] = {}
    for child in spec.children:
        found |= _of_spec(child)
    return found | {name: spec.origins.get(dotted, spec.origin) for dotted, name in _named(spec.vars, "")}


def _named(value: Any, dotted: str) -> Iterator[tuple[str, str]]:
    """The names in a variable; an item of a list stands where the list does."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _named(item, f"{dotted}.{key}" if dotted else key)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, dotted)
    elif name_in(value):
        yield dotted, name_in(value)
