"""How far a plan's steps can be told: on what else they depend, and which run programs nobody knows of."""

from functools import lru_cache

from ramify.compile.classes import NodeClass
from ramify.compile.fleet import Fleet
from ramify.compile.templates import Reach
from ramify.model.component import Component
from ramify.model.record import NodeRecord
from ramify.stub.tables import (
    ACTIVATE,
    CONFIGURE,
    CONFIGURE_ENV,
    DEACTIVATE,
    DEPLOY,
    RELOAD,
    RESTART,
    START,
    UNINSTALL,
)

INTERRUPTED = "an earlier run was interrupted: what is found decides"
LATE_CODE = "facts of the host decide on the code"
LATE_VALUES = "some values are known on the host only"
UNKNOWN_CODE = frozenset({UNINSTALL, START, RESTART, ACTIVATE, DEACTIVATE})
"""What may run something when nobody knows the component any more."""

_GIVING = frozenset({DEPLOY, CONFIGURE_ENV, CONFIGURE, RELOAD})
"""What brings something new to a host; all else is about what it has."""


def conditional(made: NodeClass, record: NodeRecord | None) -> str:
    """On what else it depends what is done to nodes of a class; nothing where that is certain."""
    return INTERRUPTED if record is not None and record.open else _of_class(made)[0]


def opaque(made: NodeClass, steps: tuple[str, ...]) -> tuple[str, ...]:
    """Those steps that run a program of the component's own."""
    run = _of_class(made)[1]
    return tuple(step for step in steps if step in run) if run else ()


# Thousands of nodes have few classes.
@lru_cache(maxsize=256)
def _of_class(made: NodeClass) -> tuple[str, frozenset[str]]:
    """What makes all nodes of a class conditional, and the commands that run programs of their components."""
    components = [variant.component for variant in made.variants] or list(filter(None, (made.component,)))
    run = frozenset[str]().union(*map(_run, components))
    slots = (*made.install.slots, *made.service.slots)
    late = LATE_VALUES if any(slot.template.reach is Reach.FACTS for slot in slots) else ""
    return (LATE_CODE if made.varies else late), run


def of_deployed(fleet: Fleet, record: NodeRecord, steps: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """On what the steps of a node that is deployed depend, and which of them run programs.

    They are those of the component that it was deployed with, which is known if it is still in use; what is
    given to the host is of the hierarchy's.
    """
    node = fleet.by_path.get(record.path)
    made = fleet.class_of(node) if node is not None else None
    components = (fleet.realm_of(node).bundle if node is not None else fleet.bundle).components
    component = components.get(record.values.get("code", ""))
    same = component and component.artifact.startswith(record.values.get("code.digest", "?"))
    run = _run(component) if component and same else UNKNOWN_CODE
    given = made if made is not None and not _GIVING.isdisjoint(steps) else None
    run |= _of_class(given)[1] if given else frozenset()
    late = _of_class(given)[0] if given else ""
    found = tuple(step for step in steps if step in run) if run else ()
    return (INTERRUPTED if record.open else late), found


def _run(component: Component) -> frozenset[str]:
    found = {UNINSTALL} if component.uninstall else set[str]()
    if component.install:
        found |= {DEPLOY, CONFIGURE_ENV}
    if component.start_from == "installer":
        found |= {START, RESTART}
    if component.activate.argv:
        found.add(ACTIVATE)
    if component.deactivate.argv:
        found.add(DEACTIVATE)
    if component.reload.argv:
        found.add(RELOAD)
    return frozenset(found)
