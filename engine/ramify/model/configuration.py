"""Configuration documents: `env`, `args` (HPL Figure 3) and `files`; values are templates."""

from msgspec import Struct

from ramify.model.diagnostics import Origin


class Setting(Struct, frozen=True):
    """One environment variable or argument: a name and a template of its value.

    An argument without a name is positional: it is passed as its value alone.
    """

    name: str
    value: str
    origin: Origin


class FileSetting(Struct, frozen=True):
    """One file to write below the node's configuration folder: a template of its text."""

    name: str
    content: str
    origin: Origin
    mode: int = 0o600


class Configuration(Struct, frozen=True):
    """One document, read from the reference it is named by."""

    ref: str
    env: tuple[Setting, ...] = ()
    args: tuple[Setting, ...] = ()
    files: tuple[FileSetting, ...] = ()
