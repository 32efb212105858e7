"""Schemas for editors and other tools: the very files that documents are held against here."""

from msgspec import Struct

from ramify.documents.schema import SCHEMAS

_ABOUT = {
    "project": "ramify.yml: where the parts of a project are",
    "hierarchy": "the tree of nodes, templates, assertions",
    "inventory": "hosts and placements",
    "repository": "code, install-config and service-config by pattern",
    "configuration": "env, args and files of installers and services",
    "component": "component.yml: how code is installed, started and controlled",
    "trust": "the trust file: who may speak for which paths",
    "signature": "ramify.sig: what was signed and by whom, as `ramify sign` writes it",
    "lock": "repository.lock: what references led to, as `ramify repo lock` writes it",
    "repository.xsd": "the same in the papers' XML (HPL-2001-321, Figures 2 and 12)",
    "configuration.xsd": "the same in the papers' XML (HPL-2001-321, Figure 3)",
}


class Exported(Struct, frozen=True):
    """A schema: what it is called, the file name that it travels under, what it describes."""

    name: str
    file: str
    about: str

    @property
    def text(self) -> str:
        """The schema itself."""
        return (SCHEMAS / self.file).read_text(encoding="utf-8")


def schemas() -> dict[str, Exported]:
    """All of them by name: JSON Schema for YAML documents, and XML Schema for the two that may be XML."""
    files = {name: name if name.endswith(".xsd") else f"{name}.json" for name in _ABOUT}
    return {name: Exported(name, files[name], about) for name, about in _ABOUT.items()}
