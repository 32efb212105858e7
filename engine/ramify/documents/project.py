"""`ramify.yml`: names the parts of a project."""

import re

from msgspec import Struct, field

from ramify.documents import secrets
from ramify.documents.node import Node
from ramify.documents.reading import read_yaml
from ramify.documents.secrets import SecretSource
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.history import KEEP
from ramify.model.paths import valid_name

DIRECTORY = "sqlite:.ramify/directory.db"
STORE = 4 << 30
MOST_KEPT = 10_000

_SIZE = re.compile(r"(\d{1,9}) ?([KMGT])iB\Z")
_UNITS = {"K": 10, "M": 20, "G": 30, "T": 40}


class ProjectFile(Struct, frozen=True):
    """Where the parts are, as written; `origins` has the place of each by its key.

    `store` is how many bytes of artifacts and fetched files are kept when they are not needed any more;
    without `trust` nothing needs to be signed; `history` is how many runs are remembered; `secrets`
    says where the values of secrets are read, and `vault` where the passwords of ansible-vault are.
    """

    project: str
    hierarchy: str
    inventory: str
    repository: str
    collections: tuple[str, ...] = ()
    directory: str = DIRECTORY
    store: int = STORE
    trust: str = ""
    history: int = KEEP
    secrets: dict[str, SecretSource] = field(default_factory=dict)
    vault: dict[str, SecretSource] = field(default_factory=dict)
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
        store=_size(root["store"]["size"], found),
        trust=root["trust"].text,
        history=_number(root["history"]["keep"], found),
        secrets=secrets.read(root["secrets"], found),
        vault=secrets.passwords(root["vault"], found),
        origins={key: node.origin for key, node in root.items()},
    )


def _number(node: Node, found: Diagnostics) -> int:
    text = node.text
    if text.isascii() and text.isdecimal() and 0 < int(text) <= MOST_KEPT:
        return int(text)
    if text:
        way_out = f"Write a number from 1 to {MOST_KEPT:,}."
        found.error("bad-value", f'"{text[:40]}" is no number of runs', way_out, node.origin)
    return KEEP


def _size(node: Node, found: Diagnostics) -> int:
    match = _SIZE.match(node.text)
    if match:
        return int(match[1]) << _UNITS[match[2]]
    if node.text:
        found.error("bad-value", f'"{node.text[:40]}" is no size', 'Write it as "4 GiB".', node.origin)
    return STORE
