"""A component manifest as it was written, before its files are an artifact."""

from typing import Literal

from msgspec import Struct, field

from ramify.model.component import Component, Control, Health, Parameter, Stop
from ramify.model.diagnostics import Origin

Argv = tuple[str, ...]


class Manifest(Struct, frozen=True):
    """A manifest as written; None where it says nothing, so that `extends` can fill it."""

    origin: Origin
    name: str | None = None
    description: str | None = None
    extends: str | None = None
    role: Literal["service", "initiator"] | None = None
    parameters: dict[str, Parameter] = field(default_factory=dict)
    install: Argv | None = None
    install_timeout: float | None = None
    uninstall: Argv | None = None
    start: dict[str, Argv] | None = None
    start_from: Literal["manifest", "installer", "format"] | None = None
    stop: Stop | None = None
    activate: Control | None = None
    deactivate: Control | None = None
    reload: Control | None = None
    grace: float | None = None
    health: Health | None = None
    origins: dict[str, Origin] = field(default_factory=dict)

    def onto(self, base: "Manifest") -> "Manifest":
        """This over the manifest that it extends: parameters and processes merge, else the nearer wins."""
        own = {name: getattr(self, name) for name in self.__struct_fields__}
        merged = {name: getattr(base, name) if value is None else value for name, value in own.items()}
        merged |= {"parameters": base.parameters | self.parameters, "extends": base.extends}
        if self.start is not None:
            merged["start"] = (base.start or {}) | self.start
        elif self.start_from is not None:
            merged["start"] = None
        return Manifest(**merged)

    def component(self, ref: str, artifact: str, size: int) -> Component:
        """The component, once its files are an artifact."""
        left_out = {"description", "extends", "origins"}
        said = {name: getattr(self, name) for name in self.__struct_fields__ if name not in left_out}
        kept = {name: value for name, value in said.items() if value is not None}
        return Component(ref=ref, artifact=artifact, size=size, **kept)
