"""Node classes: nodes that the same entries take share all that does not depend on the single node.

A fleet of thousands has few classes, so merging configurations, rendering constants and hashing them is
done once per class; per node only what reaches the node itself is left.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
from msgspec import Struct, structs

from ramify.compile import templates
from ramify.compile.matching import Taken
from ramify.compile.problems import Problem
from ramify.compile.references import BadTemplateError, UnknownNameError
from ramify.compile.sealed import handed_on
from ramify.compile.slots import Slot, UnusableValueError, render
from ramify.compile.templates import Reach, Template
from ramify.compile.tree import Scope
from ramify.model.bundle import Bundle
from ramify.model.component import Component, Health, Parameter
from ramify.model.configuration import Configuration, FileSetting, Setting
from ramify.model.diagnostics import Origin, did_you_mean
from ramify.model.repository import Entry, When

KINDS = ("env", "args", "files")
_OWN = "RAMIFY_"  # begins the names of variables that every service is given

_ENCODER = msgspec.json.Encoder(order="deterministic")


class PartClass(Struct, frozen=True, eq=False):
    """What an installer or a service of this class is given.

    `texts` are the values of `slots` that are equal for every node of the class, None for the others:
    `own` are those that differ from node to node and belong to the node's identity, `placed` those that
    depend on a host that the inventory names. `digest` stands for all that the nodes share, and is the
    sha256 of `said`: the facts of the component, then each value, as canonical JSON.
    """

    slots: tuple[Slot, ...]
    texts: tuple[str | None, ...]
    said: bytes
    digest: str
    own: tuple[Slot, ...]
    placed: tuple[Slot, ...]


class Variant(Struct, frozen=True, eq=False):
    """Code for hosts whose facts fit."""

    when: When
    component: Component


class NodeClass(Struct, frozen=True, eq=False):
    """What all nodes of a class share; `component` is None when no code entry takes them.

    Where code differs by facts, `variants` are tried in order, and `component` is the first of them: they
    agree in all that can be asked before the facts are known. `own_names` and `placed_names` are what the
    templates of these slots use.
    """

    component: Component | None
    code: tuple[Entry, ...]
    install: PartClass
    service: PartClass
    own_names: frozenset[str]
    placed_names: frozenset[str]
    problems: tuple[Problem, ...] = ()
    variants: tuple[Variant, ...] = ()

    @property
    def varies(self) -> bool:
        """Whether the facts of a host decide on the code."""
        return bool(self.variants)


class Classes:
    """Resolves classes, once each."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._made: dict[tuple[int, int], NodeClass] = {}

    def of(self, taken: Taken, scope: Scope) -> NodeClass:
        """The class of nodes that these entries take and that see these variables."""
        # A scope is one of the fleet's tree for as long as this is used: its id is its own.
        key = (taken.role, id(scope))
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = _Maker(self._bundle, scope).make(taken)
        return found


class _Maker:
    """Makes one class."""

    def __init__(self, bundle: Bundle, scope: Scope) -> None:
        self._bundle = bundle
        self._scope = scope
        self._problems: dict[Problem, None] = {}

    def make(self, taken: Taken) -> NodeClass:
        component, variants = self._code(taken.code)
        install = self._part(self._slots(taken.install, None), _facts(_install_facts, component, variants))
        service = self._part(
            self._slots(taken.service, component), _facts(_service_facts, component, variants)
        )
        # Where a document is left out (it may not be fetched), nobody knows what it says.
        if component is not None and all(entry.ref in self._bundle.configurations for entry in taken.service):
            self._require(component, service, taken.code[0].origin)
        return NodeClass(
            component,
            taken.code,
            install,
            service,
            _names(*install.own, *service.own),
            _names(*install.placed, *service.placed),
            tuple(self._problems),
            variants,
        )

    def _problem(self, code: str, what: str, detail: str = "", origin: Origin | None = None) -> None:
        self._problems[Problem(code, what, detail, origin)] = None

    def _code(self, code: tuple[Entry, ...]) -> tuple[Component | None, tuple[Variant, ...]]:
        """The code of these entries, and where it differs by facts what there is to choose from."""
        known = self._bundle.components
        plain = tuple(entry for entry in code if not entry.when)
        rest = self._component(plain)
        variants = [
            Variant(entry.when, known[entry.ref]) for entry in code if entry.when and entry.ref in known
        ]
        if len(plain) == len(code) or not variants:
            return rest, ()
        self._agree([entry for entry in code if entry.ref in known])
        last = (Variant({}, rest),) if rest else ()
        return variants[0].component, (*variants, *last)

    def _agree(self, code: Sequence[Entry]) -> None:
        """What is asked before a host is known is the same whatever its facts are."""
        first = self._bundle.components[code[0].ref]
        for entry in code[1:]:
            other = self._bundle.components[entry.ref]
            if (first.role, first.parameters) != (other.role, other.parameters):
                what = "role" if first.role != other.role else "parameters"
                self._problem(
                    "unlike-variants",
                    f'its code differs in {what}: "{code[0].ref}" ({code[0].origin}) and "{entry.ref}"',
                    "Entries with `when` are one component for several sorts of hosts.",
                    entry.origin,
                )

    def _component(self, code: tuple[Entry, ...]) -> Component | None:
        first = {entry.ref: entry for entry in reversed(code)}
        if len(first) > 1:
            one, *others = (entry for entry in code if first[entry.ref] is entry)
            named = " and ".join(f'"{entry.ref}" ({entry.origin})' for entry in others)
            self._problem(
                "two-codes",
                f'gets more than one code reference: "{one.ref}" and {named}',
                "Exactly one may match a node: take paths away from one entry with `!pattern`, or say `when` "
                "facts of the host decide.",
                one.origin,
            )
        return self._bundle.components.get(code[0].ref) if code else None

    def _slots(self, entries: tuple[Entry, ...], component: Component | None) -> tuple[Slot, ...]:
        """Later documents over earlier ones; a name keeps its first place, bare arguments add up."""
        parameters = component.parameters if component else {}
        merged: dict[tuple[str, str | int], Slot] = {}
        for kind, setting in chain(_defaults(component), _settings(self._documents(entries))):
            template = self._template(setting)
            if template is None:
                continue
            key = (kind, setting.name or len(merged))
            before = merged[key].origins if key in merged else ()
            mode = setting.mode if isinstance(setting, FileSetting) else 0
            parameter = parameters.get(setting.name, Parameter()) if kind == "env" else Parameter()
            merged[key] = Slot(kind, setting.name, template, (*before, setting.origin), mode, parameter)
        return tuple(merged.values())

    def _documents(self, entries: Sequence[Entry]) -> list[Configuration]:
        known = self._bundle.configurations
        return [known[entry.ref] for entry in in_force(entries) if entry.ref in known]

    def _template(self, setting: Setting | FileSetting) -> Template | None:
        text = setting.content if isinstance(setting, FileSetting) else setting.value
        try:
            return handed_on(templates.parse(text), self._scope.values)
        except BadTemplateError as error:
            code = "undefined" if isinstance(error, UnknownNameError) else "bad-template"
            self._problem(code, f'value of "{setting.name}": {error}', error.hint, setting.origin)
            return None

    def _part(self, slots: tuple[Slot, ...], facts: Any) -> PartClass:
        texts = tuple(self._text(slot) for slot in slots)
        known = [_identity(slot, text) for slot, text in zip(slots, texts, strict=True)]
        said = canonical([facts, known])
        return PartClass(
            slots,
            texts,
            said,
            digest_of(said),
            tuple(slot for slot in slots if slot.template.reach is Reach.NODE),
            tuple(slot for slot in slots if slot.template.reach is Reach.PLACEMENT),
        )

    def _text(self, slot: Slot) -> str | None:
        if slot.template.reach > Reach.SCOPE:
            return None
        try:
            return render(slot, {"vars": self._scope.values})
        except UnusableValueError as error:
            self._problems[error.problem] = None
            return ""

    def _require(self, component: Component, service: PartClass, origin: Origin) -> None:
        given = {slot.name for slot in service.slots if slot.kind == "env"}
        for name, parameter in component.parameters.items():
            if parameter.required and name not in given:
                others = did_you_mean(name, given - component.parameters.keys()) if given else ""
                self._problem(
                    "missing-parameter",
                    f'{component.ref} needs a value for "{name}"',
                    f"Set it under `env:` of a service configuration. {others}".strip(),
                    origin,
                )
        for name in component.health.variables if component.health else ():
            if name not in given and not name.startswith(_OWN):
                self._problem(
                    "missing-parameter",
                    f'the health check of {component.ref} needs a value for "{name}"',
                    f"Set it under `env:` of a service configuration. {did_you_mean(name, given)}".strip(),
                    origin,
                )


def in_force(entries: Sequence[Entry]) -> list[Entry]:
    """The entries of a list whose documents apply: one that several refer to does where the last stands."""
    last = {entry.ref: entry for entry in entries}
    return [entry for entry in entries if last[entry.ref] is entry]


def digest(value: Any) -> str:
    """The identity of a plain value: equal on every machine, and for no two that differ."""
    return digest_of(canonical(value))


def canonical(value: Any) -> bytes:
    """The JSON of a plain value that is equal on every machine."""
    return _ENCODER.encode(value)


def digest_of(data: bytes) -> str:
    """The identity of bytes."""
    return hashlib.sha256(data).hexdigest()


def _identity(slot: Slot, text: str | None) -> list[Any]:
    """What all nodes have in common of a value; of a late one that it is late, and how it is made."""
    shape: list[Any] = [slot.kind, slot.name, slot.mode, slot.template.reach > Reach.NODE]
    return [*shape, slot.template.text if slot.template.reach > Reach.NODE else text]


def _names(*slots: Slot) -> frozenset[str]:
    return frozenset[str]().union(*(slot.template.names for slot in slots))


def _settings(documents: Sequence[Configuration]) -> Iterator[tuple[str, Setting | FileSetting]]:
    for kind in KINDS:
        yield from ((kind, setting) for document in documents for setting in getattr(document, kind))


def _defaults(component: Component | None) -> Iterator[tuple[str, Setting]]:
    """Defaults of parameters, in the order that a bundle keeps."""
    if component is not None:
        origin = component.origin or Origin(component.ref, 1, 1)
        for name, parameter in sorted(component.parameters.items()):
            if parameter.default is not None:
                yield "env", Setting(name, parameter.default, origin)


def _facts(
    of: Callable[[Component | None], list[Any]], component: Component | None, variants: Sequence[Variant]
) -> Any:
    if variants:
        return {"variants": [[variant.when, of(variant.component)] for variant in variants]}
    return of(component)


def _install_facts(component: Component | None) -> list[Any]:
    if component is None:
        return []
    return [component.artifact, component.install, float(component.install_timeout), component.uninstall]


def _service_facts(component: Component | None) -> list[Any]:
    # Numbers as `float`: a bundle that was sent has 10.0 where a user wrote 10.
    if component is None:
        return []
    return [
        component.artifact,
        component.role,
        component.start,
        component.start_from,
        [component.stop.signal, float(component.stop.timeout)],
        component.activate,
        component.deactivate,
        component.reload,
        float(component.grace),
        _health_facts(component.health),
    ]


def _health_facts(health: Health | None) -> Health | None:
    if health is None:
        return None
    times = {name: float(getattr(health, name)) for name in ("interval", "timeout", "start_period")}
    return structs.replace(health, **times)
