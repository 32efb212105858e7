"""Secrets in values: `{{ secrets.NAME }}`. All that is planned and shown has marks in their places.

The values themselves are put in by whoever drives a node, just before its order is made (`profiles.profile`).
A mark is made of a keyed digest of the value, so that a change of it is a change of the node's binding.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ramify.compile.problems import Problem, Problems
from ramify.compile.slots import Slot
from ramify.compile.templates import SECRETS
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import did_you_mean
from ramify.model.vaulted import PREFIX

if TYPE_CHECKING:
    from ramify.compile.classes import NodeClass
    from ramify.compile.fleet import Fleet
    from ramify.compile.tree import Node

MARK = "secret"
_SHOWN = 12  # letters of a digest of 256 bits whose key nobody else has
_PRIVATE = 0o077


def marks(fingerprints: Mapping[str, str]) -> dict[str, str]:
    """What stands for secrets wherever they are looked at."""
    return {
        name: f"({MARK} {found[:_SHOWN]})" if found else f"({MARK})" for name, found in fingerprints.items()
    }


def has_marks(texts: Iterable[str]) -> bool:
    """Whether values, as they are recorded, have secrets in them."""
    return any(f"({MARK}" in text for text in texts)


def used(fleet: "Fleet", node: "Node") -> frozenset[str]:
    """The names of the secrets that a node is given."""
    made = fleet.class_of(node)
    return frozenset(name for slot in _slots(made) for name in _names(slot))


def used_below(fleet: "Fleet", path: str) -> frozenset[str]:
    """The names of the secrets that the children of a path are given: what its initiator needs to know."""
    return frozenset[str]().union(*(used(fleet, node) for node in fleet.below(path)))


def _slots(made: "NodeClass") -> Iterator[Slot]:
    """The values of a class that have a secret in them."""
    slots = (*made.install.slots, *made.service.slots)
    return (slot for slot in slots if SECRETS in slot.template.names)


def _names(slot: Slot) -> Iterator[str]:
    for part in slot.template.parts or ():
        if isinstance(part, tuple) and part[0] == SECRETS:
            yield ".".join(part[1:])


def check(fleet: "Fleet", problems: Problems) -> None:
    """Secrets are the project's own, are declared, and stand only where nobody else sees them."""
    told: dict[int, list[Problem]] = {}
    for node in fleet.within(fleet.scope):
        made, realm = fleet.class_of(node), fleet.realm_of(node)
        if id(made) not in told:
            own = realm.bundle if realm is fleet.realms.root else None
            told[id(made)] = [problem for slot in _slots(made) for problem in _problems(slot, made, own)]
        for problem in told[id(made)]:
            problems.add(node.path, problem)
        if told[id(made)]:
            # Once is enough: nobody needs to hear that these are not defined, too.
            for name in used(fleet, node):
                fleet.marks.setdefault(name, f"({MARK})")


def _problems(slot: Slot, made: "NodeClass", own: Bundle | None) -> Iterator[Problem]:
    origin, name = slot.origins[-1], slot.name or "an argument"
    if own is None:
        way_out = "A domain cannot ask for secrets of the project around it."
        yield Problem("secret-elsewhere", f'"{name}" of a domain has a secret in it', way_out, origin)
        return
    if slot.kind == "args":
        way_out = "Everybody on the host can see arguments: give it as a variable or as a file."
        yield Problem(
            "secret-seen", f'"{name}" would show a secret in its host\'s list of processes', way_out, origin
        )
    elif slot.name in _checked(made) and slot.kind == "env":
        way_out = "The check's command line shows it to everybody on the host: let it read a file."
        yield Problem("secret-seen", f'the health check would show the secret in "{name}"', way_out, origin)
    if slot.kind == "files" and slot.mode & _PRIVATE:
        way_out = (
            f"Others on the host could read it with mode {slot.mode:04o}: leave the mode away, or write 0600."
        )
        yield Problem("secret-seen", f'file "{name}" has a secret in it', way_out, origin)
    if slot.template.parts is None or "facts" in slot.template.names:
        way_out = (
            "Beside {{ secrets.NAME }} only plain references may stand, such as {{ node.name }}; no facts."
        )
        yield Problem("secret-expression", f'"{name}" calculates with a secret', way_out, origin)
        return
    for wanted in _names(slot):
        if wanted not in own.secrets:
            known = [one for one in own.secrets if not one.startswith(PREFIX)]
            way_out = f"Declare it below `secrets:` in ramify.yml. {did_you_mean(wanted, known)}".strip()
            yield Problem(
                "unknown-secret", f'value of "{name}": there is no secret "{wanted}"', way_out, origin
            )


def _checked(made: "NodeClass") -> frozenset[str]:
    health = made.component.health if made.component else None
    return frozenset(health.variables) if health else frozenset()
