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


class Health(Struct, frozen=True):
    """How it is found out whether the service does its work; times in seconds.

    A service that starts has the start period, and after it `retries` intervals, to pass its first check.
    From then on `retries` failures in a row make it unhealthy. `host` and `port` may be `$NAME`, a variable
    of the service's environment.
    """

    kind: Literal["exec", "http", "tcp"]
    argv: tuple[str, ...] | None = None
    host: str = "127.0.0.1"
    port: str = ""
    path: str = "/"
    interval: float = 10
    timeout: float = 5
    retries: int = 3
    start_period: float = 0

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that it is told by."""
        return tuple(text[1:] for text in (self.host, self.port) if text.startswith("$"))

    @property
    def patience(self) -> float:
        """How long a start may take at most because of it."""
        return self.start_period + self.retries * self.interval + self.timeout


class Component(Struct, frozen=True):
    """What one code reference stands for: its files (an artifact) and its manifest.

    `start` maps the service's processes to their commands; None when the installer prints the command or
    the file's format tells (HPL 4.3), as `start_from` says. `role` makes the service an initiator. `reload`
    is how a service is told to read its files again as it runs; one that states no way is restarted.
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
    reload: Control = Control()
    grace: float = 0.2
    health: Health | None = None
    origin: Origin | None = None

    @property
    def reloads(self) -> bool:
        """Whether a service of this component reads changed files without a restart."""
        return bool(self.reload.signal or self.reload.argv)

    @property
    def deploys(self) -> bool:
        """Whether a service of this component deploys its node's children."""
        return self.role == INITIATOR
