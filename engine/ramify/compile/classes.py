"""Node classes: nodes that the same entries match share all that does not depend on the single node.

A fleet of thousands has few classes, so merging configurations, rendering constants and hashing them is
done once per class; per node only what reaches the node itself is left.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ramify.compile import templates
from ramify.compile.templates import Reach, Template
from ramify.compile.tree import Scope
from ramify.model.bundle import Bundle
from ramify.model.component import Component
from ramify.model.configuration import Configuration, FileSetting, Setting
from ramify.model.diagnostics import Diagnostics, Origin, did_you_mean
from ramify.model.patterns import Pattern, selected
from ramify.model.repository import Entry

KINDS = ("env", "args", "files")


class Slot(Struct, frozen=True, eq=False):
    """One value to render: what it is called, its template, everything that was written about it."""

    kind: str
    name: str
    template: Template
    origins: tuple[Origin, ...]
    mode: int = 0o600


class PartClass(Struct, frozen=True, eq=False):
    """What an installer or a service of this class is given.

    `constant` are the canonical bytes of all that is equal for every node of the class; `own` are the
    slots whose value differs from node to node and belongs to the node's identity; `placed` are those
    that depend on a host that the inventory names.
    """

    slots: tuple[Slot, ...]
    constant: bytes
    own: tuple[Slot, ...]
    placed: tuple[Slot, ...]


class NodeClass(Struct, frozen=True, eq=False):
    """What all nodes of a class share; `component` is None when no code entry matches."""

    component: Component | None
    code: tuple[Entry, ...]
    install: PartClass
    service: PartClass


class Classes:
    """Resolves classes, once each.

    Indices in `matched` are positions in `patterns`: the repository's patterns, list by list, in order.
    """

    def __init__(self, bundle: Bundle, diagnostics: Diagnostics) -> None:
        self._bundle = bundle
        self._diagnostics = diagnostics
        self._lists = (bundle.repository.code, bundle.repository.install, bundle.repository.service)
        self._made: dict[tuple[frozenset[int], int], NodeClass] = {}

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """All patterns of the three lists."""
        return tuple(pattern for entries in self._lists for entry in entries for pattern in entry.patterns)

    def of(self, matched: frozenset[int], scope: Scope, path: str) -> NodeClass:
        """The class of nodes with these matches and variables; `path` is an example for messages."""
        key = (matched, id(scope))
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._make(matched, scope, path)
        return found

    def matching(self, matched: frozenset[int]) -> tuple[tuple[Entry, ...], ...]:
        """The entries of each list that apply, in file order."""
        first = 0
        result = []
        for entries in self._lists:
            taken = []
            for entry in entries:
                own = frozenset(at - first for at in matched if first <= at < first + len(entry.patterns))
                if selected(entry.patterns, own):
                    taken.append(entry)
                first += len(entry.patterns)
            result.append(tuple(taken))
        return tuple(result)

    def _make(self, matched: frozenset[int], scope: Scope, path: str) -> NodeClass:
        code, install, service = self.matching(matched)
        component = self._component(code, path)
        install_slots = self._slots(self._documents(install), ())
        service_slots = self._slots(self._documents(service), _defaults(component))
        return NodeClass(
            component,
            code,
            self._part(install_slots, _install_facts(component), scope, path),
            self._part(service_slots, _service_facts(component), scope, path),
        )

    def _component(self, code: tuple[Entry, ...], path: str) -> Component | None:
        refs = list(dict.fromkeys(entry.ref for entry in code))
        if len(refs) > 1:
            others = ", ".join(f'"{entry.ref}" ({entry.origin})' for entry in code[1:])
            self._diagnostics.error(
                "two-codes",
                f'{path} gets more than one code reference: "{refs[0]}" and {others}',
                "Exactly one may match a node; take paths away from one entry with `!pattern`.",
                code[0].origin,
            )
        return self._bundle.components.get(refs[0]) if refs else None

    def _documents(self, entries: Iterable[Entry]) -> list[Configuration]:
        known = self._bundle.configurations
        return [known[entry.ref] for entry in entries if entry.ref in known]

    def _slots(self, documents: Sequence[Configuration], defaults: Iterable[Setting]) -> tuple[Slot, ...]:
        """Later documents over earlier ones; a name keeps its first place, bare arguments add up."""
        merged: dict[tuple[str, str], Slot] = {}
        for kind, setting in _settings(documents, defaults):
            name = setting.name or f"#{len(merged)}"
            before = merged.get((kind, name))
            text = setting.content if isinstance(setting, FileSetting) else setting.value
            template = self._template(text, setting)
            if template is not None:
                origins = (*(before.origins if before else ()), setting.origin)
                mode = setting.mode if isinstance(setting, FileSetting) else 0
                merged[kind, name] = Slot(kind, setting.name, template, origins, mode)
        return tuple(merged.values())

    def _template(self, text: str, setting: Setting | FileSetting) -> Template | None:
        try:
            template = templates.parse(text)
        except templates.BadTemplateError as error:
            self._diagnostics.error("bad-template", f'value of "{setting.name}": {error}', "", setting.origin)
            return None
        unknown = sorted(template.names - templates.NAMES)
        if unknown:
            self._diagnostics.error(
                "undefined",
                f'value of "{setting.name}" uses "{unknown[0]}", which is not defined',
                did_you_mean(unknown[0], templates.NAMES),
                setting.origin,
            )
            return None
        return template

    def _part(self, slots: tuple[Slot, ...], facts: list[Any], scope: Scope, path: str) -> PartClass:
        known = [self._constant(slot, scope, path) for slot in slots]
        return PartClass(
            slots,
            msgspec.json.encode([*facts, known], order="deterministic"),
            tuple(slot for slot in slots if slot.template.reach is Reach.NODE),
            tuple(slot for slot in slots if slot.template.reach is Reach.PLACEMENT),
        )

    def _constant(self, slot: Slot, scope: Scope, path: str) -> list[Any]:
        shape = [slot.kind, slot.name, slot.mode, int(slot.template.reach)]
        if slot.template.reach > Reach.NODE:
            # Late: that it is late, and how it is made, is the identity; its value is not.
            return [*shape, slot.template.text]
        if slot.template.reach is Reach.NODE:
            return shape
        return [*shape, render(slot, {"vars": scope.values}, path, self._diagnostics)]


def render(slot: Slot, context: dict[str, Any], path: str, diagnostics: Diagnostics) -> str:
    """A slot's value; a problem becomes one diagnostic, at the place where the winning value was written."""
    try:
        return slot.template.render(context)
    except templates.BadTemplateError as error:
        diagnostics.error(
            "undefined",
            f'value of "{slot.name}" for {path}: {error}',
            "",
            slot.origins[-1] if slot.origins else None,
        )
        return ""


def _settings(
    documents: Sequence[Configuration], defaults: Iterable[Setting]
) -> Iterable[tuple[str, Setting | FileSetting]]:
    yield from (("env", setting) for setting in defaults)
    for kind in KINDS:
        yield from ((kind, setting) for document in documents for setting in getattr(document, kind))


def _defaults(component: Component | None) -> list[Setting]:
    if component is None:
        return []
    origin = component.origin or Origin(component.ref, 1, 1)
    return [
        Setting(name, parameter.default, origin)
        for name, parameter in component.parameters.items()
        if parameter.default is not None
    ]


def _install_facts(component: Component | None) -> list[Any]:
    if component is None:
        return []
    return [component.artifact, component.install, component.install_timeout, component.uninstall]


def _service_facts(component: Component | None) -> list[Any]:
    if component is None:
        return []
    return [
        component.artifact,
        component.role,
        component.start,
        component.start_from,
        component.stop,
        component.activate,
        component.deactivate,
        component.grace,
    ]
