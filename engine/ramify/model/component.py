"""Components: how code that a repository refers to is installed, started and controlled."""

from typing import Literal

from msgspec import Struct, field

from ramify.model.diagnostics import Origin

INITIATOR = "initiator"


class Parameter(Struct, frozen=True):
    """An environment variable that the component understands."""

    type: Literal["string", "integer", "number", "boolean"] = "string"
    default: str | None = None
    required: bool = False
    description: str = ""


class Control(Struct, frozen=True):
    """How a request reaches the service: a signal to its process group, or a command."""

    signal: str | None = None
    argv: tuple[str, ...] | None = None


class Stop(Struct, frozen=True):
    """How the service is asked to end, and after how many seconds it is made to."""

    signal: str = "TERM"
    timeout: float = 10


class Component(Struct, frozen=True):
    """What one code reference stands for: its files (an artifact) and its manifest.

    `start` maps the service's processes to their commands; None when the installer prints the command or
    the file's format tells (HPL 4.3), as `start_from` says. `role` makes the service an initiator.
    """

    ref: str
    artifact: str
    size: int
    name: str = ""
    role: Literal["service", "initiator"] = "service"
    parameters: dict[str, Parameter] = field(default_factory=dict)
    install: tuple[str, ...] | None = None
    install_timeout: float = 600
    uninstall: tuple[str, ...] | None = None
    start: dict[str, tuple[str, ...]] | None = None
    start_from: Literal["manifest", "installer", "format"] = "manifest"
    stop: Stop = Stop()
    activate: Control = Control(signal="CONT")
    deactivate: Control = Control(signal="STOP")
    grace: float = 0.2
    origin: Origin | None = None

    @property
    def deploys(self) -> bool:
        """Whether a service of this component deploys its node's children."""
        return self.role == INITIATOR
