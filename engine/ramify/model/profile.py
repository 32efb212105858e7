"""The profile: the compiled desired state of one node, with the origin of each value."""

from msgspec import Struct, field

from ramify.model.component import Component
from ramify.model.diagnostics import Origin

LATE = "(known on the host)"


class Value(Struct, frozen=True):
    """A rendered value and where it was written; a `secret` one has a secret in it.

    `late` values depend on where the node is placed, or on facts of its host: only their template belongs
    to the node's identity; `text` is None while what they need is not known. In the text of a `sealed` one
    marks stand for secrets: people may see it, and no host may be given it.
    """

    name: str
    text: str | None
    origins: tuple[Origin, ...]
    template: str = ""
    late: bool = False
    mode: int = 0o600
    secret: bool = False
    sealed: bool = False


class Part(Struct, frozen=True):
    """What an installer or a service is given."""

    env: tuple[Value, ...] = ()
    args: tuple[Value, ...] = ()
    files: tuple[Value, ...] = ()


class Profile(Struct, frozen=True):
    """All that a host needs to know of a node; `subtree` is the Merkle digest of it and all below it.

    `late_code`: facts of the host decide on the component, and the one that stands here is the first of those
    that there are.
    """

    path: str
    host: str
    component: Component
    install: Part
    service: Part
    environment_digest: str
    service_digest: str
    digest: str
    subtree: str
    binding: str
    children: tuple[str, ...] = ()
    code_origin: Origin | None = None
    late_code: bool = False
    vars: dict[str, object] = field(default_factory=dict)
    var_origins: dict[str, Origin] = field(default_factory=dict)


def shown(value: Value) -> str:
    """A value as people, records and plans may see it: every one that is shown anywhere goes through here."""
    return LATE if value.text is None else value.text
