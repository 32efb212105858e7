"""`ramify.yml`: names the parts of a project."""

from msgspec import Struct, field

from ramify.documents.node import Node
from ramify.documents.reading import read_yaml
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.paths import valid_name

DIRECTORY = "sqlite:.ramify/directory.db"


class ProjectFile(Struct, frozen=True):
    """Where the parts are, as written; `origins` has the place of each by its key."""

    project: str
    hierarchy: str
    inventory: str
    repository: str
    collections: tuple[str, ...] = ()
    directory: str = DIRECTORY
    origins: dict[str, Origin] = field(default_factory=dict)


def read(text: str | bytes, file: str) -> tuple[ProjectFile | None, Diagnostics]:
    """Read a project file."""
    return read_yaml(text, file, "project", _build)


def _build(root: Node, found: Diagnostics) -> ProjectFile:
    name = root["project"]
    if name.text and not valid_name(name.text):
        way_out = "A name has letters, digits, `.`, `_` and `-`, and no more than 64 of them."
        found.error("bad-name", f'"{name.text}" cannot be the name of a project', way_out, name.origin)
    return ProjectFile(
        project=name.text,
        hierarchy=root["hierarchy"].text,
        inventory=root["inventory"].text,
        repository=root["repository"].text,
        collections=tuple(node.text for node in root["collections"].texts()),
        directory=root["directory"].text or DIRECTORY,
        origins={key: node.origin for key, node in root.items()},
    )
