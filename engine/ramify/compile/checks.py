"""What only the whole fleet can tell: roles, dead patterns, parameters, assertions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ramify.compile import templates
from ramify.compile.classes import NodeClass, Slot
from ramify.compile.templates import Reach
from ramify.model import paths
from ramify.model.component import Component, Parameter
from ramify.model.diagnostics import Diagnostics, did_you_mean
from ramify.model.hierarchy import Assertion
from ramify.model.patterns import Kind, Matcher, Pattern

if TYPE_CHECKING:
    from ramify.compile.fleet import Fleet

__all__ = ["Pattern", "Slot", "assertions", "dead_patterns", "parameters", "roles"]


def dead_patterns(
    patterns: Sequence[Pattern], matches: Sequence[frozenset[int]], scope: str, diagnostics: Diagnostics
) -> None:
    """Warn of patterns that match no node; a part of the fleet cannot tell."""
    if scope != paths.ROOT:
        return
    live = frozenset().union(*set(matches))
    for at, pattern in enumerate(patterns):
        if at not in live:
            diagnostics.warning(
                "dead-pattern",
                f'pattern "{pattern}" matches no node',
                "`ramify tree` lists the paths that there are.",
                pattern.origin,
            )


def roles(fleet: "Fleet", diagnostics: Diagnostics) -> None:
    """Every node needs code; a node with children needs an initiator's, and nobody else deploys them (A4)."""
    codeless, childbearing = [], []
    for node in fleet.tree.nodes:
        made = fleet.class_of(node)
        if made.component is None:
            if not made.code:
                codeless.append(node)
        elif fleet.tree.children[node.number] and not made.component.deploys:
            childbearing.append(node)
    if codeless:
        diagnostics.error(
            "no-code",
            f"no code reference matches {_first(codeless)}",
            "Add an entry to the repository's code list whose pattern takes it.",
            codeless[0].spec.origin,
        )
    if childbearing:
        made = fleet.class_of(childbearing[0])
        diagnostics.error(
            "not-an-initiator",
            f'{_first(childbearing)} has children, but its code "{made.code[0].ref}" is no initiator',
            'Give it "collection:ramify.core.initiator", or a component that extends it.',
            made.code[0].origin,
        )


def _first(nodes: Sequence[object]) -> str:
    path = getattr(nodes[0], "path", "")
    return f"{path} and {len(nodes) - 1} more" if len(nodes) > 1 else path


def parameters(fleet: "Fleet", diagnostics: Diagnostics) -> None:
    """Required parameters are given, constants have the declared type."""
    done: set[int] = set()
    for node in fleet.tree.nodes:
        made = fleet.class_of(node)
        if made.component is None or id(made) in done:
            continue
        done.add(id(made))
        _parameters(made, made.component, node.path, diagnostics)


def _parameters(made: NodeClass, component: Component, path: str, diagnostics: Diagnostics) -> None:
    given = {slot.name: slot for slot in made.service.slots if slot.kind == "env"}
    for name, parameter in component.parameters.items():
        if parameter.required and name not in given:
            diagnostics.error(
                "missing-parameter",
                f'{path} needs a value for "{name}" of {component.ref}',
                f"Set it under `env:` of a service configuration. {did_you_mean(name, given)}".strip(),
                made.code[0].origin,
            )
        slot = given.get(name)
        if (
            slot is not None
            and slot.template.reach is Reach.CONSTANT
            and not _fits(slot.template.text, parameter)
        ):
            diagnostics.error(
                "wrong-type",
                f'"{name}" of {component.ref} is {parameter.type}, got "{slot.template.text}"',
                parameter.description,
                slot.origins[-1],
            )


def _fits(text: str, parameter: Parameter) -> bool:
    match parameter.type:
        case "string":
            return True
        case "boolean":
            return text in {"true", "false"}
        case "integer" | "number":
            try:
                (int if parameter.type == "integer" else float)(text)
            except ValueError:
                return False
            return True


def assertions(fleet: "Fleet", diagnostics: Diagnostics) -> None:
    """Every predicate of the hierarchy holds for every node that it speaks of."""
    for assertion in fleet.bundle.hierarchy.assertions:
        try:
            template = templates.parse_condition(assertion.that)
        except templates.BadTemplateError as error:
            diagnostics.error("bad-template", f'assertion "{assertion.that}": {error}', "", assertion.origin)
            continue
        _assert(fleet, assertion, template, diagnostics)


def _assert(
    fleet: "Fleet", assertion: Assertion, template: templates.Template, diagnostics: Diagnostics
) -> None:
    matcher = Matcher(Pattern(text, Kind.GLOB) for text in assertion.match)
    # One answer per variables when nothing else is asked: thousands of nodes share few of them.
    answers: dict[int, bool] = {}
    broken: list[str] = []
    for node in fleet.tree.nodes:
        if not matcher.matches(node.path):
            continue
        key = id(node.scope) if template.reach <= Reach.SCOPE else node.number
        if key not in answers:
            try:
                answers[key] = template.render(fleet.context(node)) == "True"
            except templates.BadTemplateError as error:
                diagnostics.error("assert-error", f"assertion for {node.path}: {error}", "", assertion.origin)
                return
        if not answers[key]:
            broken.append(node.path)
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        diagnostics.error(
            "assert",
            f"{assertion.message} ({broken[0]}{more})",
            f"It must hold: {assertion.that}",
            assertion.origin,
        )
