"""What becomes of a node's values, and where those that win were written."""

from collections.abc import Iterator, Mapping

from msgspec import structs

from ramify.compile import templates
from ramify.compile.fleet import Fleet
from ramify.compile.profiles import profile, values
from ramify.compile.slots import Slot
from ramify.compile.tree import Node
from ramify.model.diagnostics import Origin
from ramify.model.plan import Action, Change, NodePlan, Plan


def changes(fleet: Fleet, node: Node, before: Mapping[str, str]) -> tuple[Change, ...]:
    """The values of a node that are not as they were, in the order of its profile; lost ones last."""
    made = profile(fleet, node)
    after = values(made)
    names = [name for name in dict.fromkeys((*after, *before)) if before.get(name) != after.get(name)]
    if not names:
        return ()
    slots = dict(_slots(fleet, node))
    code = (made.code_origin,) if made.code_origin else ()
    return tuple(
        Change(
            name,
            before.get(name),
            after.get(name),
            _origins(slots[name], node) if name in slots else code if name in after else (),
        )
        for name in names
    )


def with_values(fleet: Fleet, plan: Plan) -> Plan:
    """A plan that tells all values of new nodes, too: for few nodes, since each takes its time."""
    return structs.replace(plan, nodes=tuple(_with_values(fleet, node) for node in plan.nodes))


def _with_values(fleet: Fleet, planned: NodePlan) -> NodePlan:
    node = fleet.by_path.get(planned.path)
    if node is None or planned.action is not Action.CREATE:
        return planned
    found = tuple(change for change in changes(fleet, node, {}) if not change.what.startswith("code"))
    return structs.replace(planned, changes=found)


def _slots(fleet: Fleet, node: Node) -> Iterator[tuple[str, Slot]]:
    """The slots of a node by the names that its values have."""
    made = fleet.class_of(node)
    for part_name, part in (("install", made.install), ("service", made.service)):
        numbers: dict[str, int] = {}
        for slot in part.slots:
            at = numbers[slot.kind] = numbers.get(slot.kind, -1) + 1
            yield f"{part_name}.{slot.kind}.{slot.name or at}", slot


def _origins(slot: Slot, node: Node) -> tuple[Origin, ...]:
    """Where a value was written: variables that it is made of, then the setting that won."""
    names = (name for name in templates.references(slot.template) if name[0] == "vars")
    read = (node.scope.origins.get(".".join(name[1:])) for name in names)
    return tuple(dict.fromkeys((*filter(None, read), *slot.origins[-1:])))
