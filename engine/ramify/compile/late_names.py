"""A lint on values that only a host can make: the names in them that are known now."""

from ramify.compile import templates
from ramify.compile.classes import NodeClass
from ramify.compile.fleet import Fleet
from ramify.compile.problems import first_of
from ramify.compile.slots import Slot
from ramify.compile.templates import Reach
from ramify.model.diagnostics import Diagnostics, Origin


def undefined(fleet: Fleet, found: Diagnostics) -> None:
    """Tell names that are not there, in values which are not rendered before facts are known.

    Only plain references are looked at: an expression may well ask whether a name is there.
    """
    if fleet.diagnostics.failed:
        return  # a node without a host has no names of its host either
    late: dict[int, list[Slot]] = {}
    lacking: dict[tuple[str, str, Origin], list[str]] = {}
    for node in fleet.tree.nodes:
        made = fleet.class_of(node)
        slots = late.get(id(made))
        if slots is None:
            slots = late[id(made)] = _late(made)
        for slot in slots:
            context = fleet.context(node, names=slot.template.names)
            for reference in templates.missing(slot.template, context):
                key = (slot.name, ".".join(reference), slot.origins[-1])
                lacking.setdefault(key, []).append(node.path)
    for (name, word, origin), nodes in lacking.items():
        summary = f'{first_of(nodes)}: value of "{name}": "{word}" is not defined'
        way_out = "It stands beside facts, so that only a host would have found out."
        found.error("undefined", summary, way_out, origin)


def _late(made: NodeClass) -> list[Slot]:
    slots = (*made.install.slots, *made.service.slots)
    return [slot for slot in slots if slot.template.reach is Reach.FACTS]
