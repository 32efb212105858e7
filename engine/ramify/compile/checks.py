"""What only the whole fleet can tell: roles and assertions."""

from typing import TYPE_CHECKING

from ramify.compile import templates
from ramify.compile.problems import Problem, Problems
from ramify.compile.references import BadTemplateError, UnknownNameError
from ramify.compile.templates import Reach, Template
from ramify.compile.tree import Node
from ramify.model.diagnostics import Diagnostics
from ramify.model.hierarchy import Assertion

if TYPE_CHECKING:
    from ramify.compile.fleet import Fleet


def roles(fleet: "Fleet", problems: Problems) -> None:
    """Every node needs code, and values that fit it; one with children needs an initiator's (A4)."""
    for node in fleet.within(fleet.scope):
        made = fleet.class_of(node)
        for problem in made.problems:
            problems.add(node.path, problem)
        if not made.code:
            problems.add(node.path, _no_code(node))
        elif made.component and not made.component.deploys and (fleet.tree.below(node) or node.spec.domain):
            problems.add(
                node.path,
                Problem(
                    "not-an-initiator",
                    f'has children, but its code "{made.code[0].ref}" is no initiator',
                    'Give it "collection:ramify.core.initiator", or a component that extends it.',
                    made.code[0].origin,
                ),
            )


def _no_code(node: Node) -> Problem:
    return Problem(
        "no-code",
        "no code reference matches",
        "Add an entry to the repository's code list whose pattern takes it.",
        node.spec.origin,
    )


def assertions(fleet: "Fleet", problems: Problems, diagnostics: Diagnostics) -> None:
    """Every predicate of the hierarchy holds for every node that it speaks of."""
    conditions = {
        id(assertion): condition
        for realm in fleet.realms
        for assertion in realm.bundle.hierarchy.assertions
        if (condition := _condition(assertion, diagnostics)) is not None
    }
    # One answer per variables when nothing else is asked: thousands of nodes share few of them.
    answers: dict[tuple[int, int], Problem | None] = {}
    for node in fleet.within(fleet.scope) if conditions else ():
        for assertion in fleet.taken(node).assertions:
            condition = conditions.get(id(assertion))
            if condition is None:
                continue
            shared = condition.reach <= Reach.SCOPE
            key = (id(assertion), id(node.scope) if shared else -1 - node.number)
            if key not in answers:
                answers[key] = _answer(fleet, node, assertion, condition)
            problem = answers[key]
            if problem is not None:
                problems.add(node.path, problem)


def _condition(assertion: Assertion, diagnostics: Diagnostics) -> Template | None:
    try:
        return templates.parse_condition(assertion.that)
    except BadTemplateError as error:
        code = "assert-error" if isinstance(error, UnknownNameError) else "bad-template"
        diagnostics.error(code, f'assertion "{assertion.that}": {error}', error.hint, assertion.origin)
        return None


def _answer(fleet: "Fleet", node: Node, assertion: Assertion, condition: Template) -> Problem | None:
    if condition.reach is Reach.PLACEMENT and fleet.host_of(node.path) is None:
        return None  # told where nodes are placed
    try:
        holds = condition.render(fleet.context(node, names=condition.names)) == "true"
    except BadTemplateError as error:
        what = f'assertion "{assertion.that}": {error}'
        return Problem("assert-error", what, error.hint, assertion.origin)
    if holds:
        return None
    return Problem("assert", assertion.message, f"It must hold: {assertion.that}", assertion.origin)
