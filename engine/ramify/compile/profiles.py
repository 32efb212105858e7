"""Profiles: all values of one node, rendered, with their origins; made on demand."""

from collections.abc import Mapping
from typing import Any

from ramify.compile.classes import NodeClass, PartClass
from ramify.compile.fleet import Fleet
from ramify.compile.problems import Problem, Problems
from ramify.compile.sealed import shown as shown_variables
from ramify.compile.slots import Slot, UnusableValueError, render
from ramify.compile.templates import SECRETS, Reach
from ramify.compile.tree import Node
from ramify.model.component import Component
from ramify.model.diagnostics import Diagnostics, DiagnosticsError
from ramify.model.profile import LATE, Part, Profile, Value
from ramify.model.profile import shown as told
from ramify.model.repository import fits, shown
from ramify.model.vaulted import as_written


def profile(
    fleet: Fleet,
    node: Node,
    facts: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Profile:
    """The profile of a node; values that need facts stay open unless the facts are given.

    Without the values of its `secrets` there are marks in their places: a profile to look at.

    The fleet must be free of errors.

    Raises:
        DiagnosticsError: a value cannot be made of the facts that were given.
    """
    made = fleet.class_of(node)
    host = fleet.host_of(node.path)
    if made.component is None or host is None:
        raise RuntimeError(f"{node.path} was compiled with errors")
    component = made.component if facts is None else _fitting(made, node, facts)
    digests = fleet.digests[node.path]
    context = fleet.context(node, dict(facts) if facts is not None else None)
    if secrets is not None:
        context[SECRETS] = dict(secrets)
    problems = Problems()
    sealed = secrets is None
    install = _part(made.install, context, node.path, problems, sealed=sealed)
    service = _part(made.service, context, node.path, problems, sealed=sealed)
    _refuse(problems)
    return Profile(
        path=node.path,
        host=host.name,
        component=component,
        late_code=made.varies and facts is None,
        install=install,
        service=service,
        environment_digest=digests.environment,
        service_digest=digests.service,
        digest=digests.node,
        subtree=digests.subtree,
        binding=digests.binding,
        children=tuple(child.path for child in fleet.tree.below(node)),
        code_origin=made.code[0].origin,
        vars=shown_variables(node.scope.values),
        var_origins=node.scope.origins,
    )


def _fitting(made: NodeClass, node: Node, facts: Mapping[str, Any]) -> Component:
    """The code for a host with these facts."""
    if made.component is None or not made.varies:
        return made.component or made.variants[0].component
    for variant in made.variants:
        if fits(variant.when, facts):
            return variant.component
    problems = Problems()
    asked = "; ".join(shown(variant.when) for variant in made.variants)
    names = dict.fromkeys(name for variant in made.variants for name in variant.when)
    found = ", ".join(f"{name} {facts.get(name, 'unknown')}" for name in names)
    what = f"no code fits its host ({found})"
    problems.add(node.path, Problem("no-variant", what, f"There is code for: {asked}.", made.code[0].origin))
    _refuse(problems)
    raise AssertionError("a problem was told")


def _part(part: PartClass, context: dict[str, Any], path: str, problems: Problems, *, sealed: bool) -> Part:
    made: dict[str, list[Value]] = {"env": [], "args": [], "files": []}
    for slot, text in zip(part.slots, part.texts, strict=True):
        try:
            made[slot.kind].append(_value(slot, text, context, sealed=sealed))
        except UnusableValueError as error:
            problems.add(path, error.problem)
    return Part(tuple(made["env"]), tuple(made["args"]), tuple(made["files"]))


def _value(slot: Slot, text: str | None, context: dict[str, Any], *, sealed: bool) -> Value:
    reach, secret = slot.template.reach, SECRETS in slot.template.names
    if text is None and (reach is not Reach.FACTS or "facts" in context):
        text = render(slot, context)
    return Value(
        name=slot.name,
        text=text,
        origins=slot.origins,
        template=as_written(slot.template.text) if reach is not Reach.CONSTANT else "",
        late=reach >= Reach.PLACEMENT,
        mode=slot.mode,
        secret=secret,
        sealed=secret and sealed,
    )


def _refuse(problems: Problems) -> None:
    found = Diagnostics()
    problems.tell(found)
    if found.failed:
        raise DiagnosticsError(found)


def values(made: Profile) -> dict[str, str]:
    """A profile's values by flat names (`service.env.PORT`), as records keep them and plans compare them."""
    known = {"code": made.component.ref, "code.digest": made.component.artifact[:12]}
    flat = dict.fromkeys(known, LATE) if made.late_code else known
    for part_name, part in (("install", made.install), ("service", made.service)):
        for kind, items in (("env", part.env), ("args", part.args), ("files", part.files)):
            for at, value in enumerate(items):
                flat[f"{part_name}.{kind}.{value.name or at}"] = told(value)
    return flat
