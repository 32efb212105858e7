"""Profiles: all values of one node, rendered, with their origins; made on demand."""

from collections.abc import Mapping
from typing import Any

from ramify.compile.classes import PartClass, Slot, render
from ramify.compile.fleet import Fleet
from ramify.compile.templates import Reach
from ramify.compile.tree import Node
from ramify.model.profile import LATE, Part, Profile, Value


def profile(fleet: Fleet, node: Node, facts: Mapping[str, Any] | None = None) -> Profile:
    """The profile of a node; values that need facts stay open unless the facts are given.

    The fleet must be free of errors.
    """
    made = fleet.class_of(node)
    host = fleet.host_of(node.path)
    if made.component is None or host is None:
        raise RuntimeError(f"{node.path} was compiled with errors")
    digests = fleet.digests[node.path]
    context = fleet.context(node, dict(facts) if facts is not None else None)
    return Profile(
        path=node.path,
        host=host.name,
        component=made.component,
        install=_part(fleet, made.install, context, node),
        service=_part(fleet, made.service, context, node),
        environment_digest=digests.environment,
        service_digest=digests.service,
        digest=digests.node,
        subtree=digests.subtree,
        binding=digests.binding,
        children=tuple(child.path for child in fleet.tree.below(node)),
        code_origin=made.code[0].origin,
        vars=node.scope.values,
        var_origins=node.scope.origins,
    )


def _part(fleet: Fleet, part: PartClass, context: dict[str, Any], node: Node) -> Part:
    values: dict[str, list[Value]] = {"env": [], "args": [], "files": []}
    for slot in part.slots:
        values[slot.kind].append(_value(fleet, slot, context, node))
    return Part(tuple(values["env"]), tuple(values["args"]), tuple(values["files"]))


def _value(fleet: Fleet, slot: Slot, context: dict[str, Any], node: Node) -> Value:
    reach = slot.template.reach
    known = reach is not Reach.FACTS or "facts" in context
    return Value(
        name=slot.name,
        text=render(slot, context, node.path, fleet.diagnostics) if known else None,
        origins=slot.origins,
        template=slot.template.text if reach is not Reach.CONSTANT else "",
        late=reach >= Reach.PLACEMENT,
        mode=slot.mode,
    )


def values(made: Profile) -> dict[str, str]:
    """A profile's values by flat names (`service.env.PORT`), as records keep them and plans compare them."""
    flat = {"code": made.component.ref, "code.digest": made.component.artifact[:12]}
    for part_name, part in (("install", made.install), ("service", made.service)):
        for kind, items in (("env", part.env), ("args", part.args), ("files", part.files)):
            for at, value in enumerate(items):
                text = LATE if value.text is None else value.text
                flat[f"{part_name}.{kind}.{value.name or at}"] = text
    return flat
