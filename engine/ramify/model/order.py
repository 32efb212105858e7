"""In which order siblings come up: every `after` takes one, and nothing waits in a circle.

A node does not wait for itself: `app[1-9]: {after: app1}` is eight that wait for one, and
`last: {after: "*"}` waits for all others. Used twice, as `siblings` is.
"""

from collections.abc import Sequence

from ramify.model.circles import arrows, circles
from ramify.model.diagnostics import Diagnostics, Origin, did_you_mean
from ramify.model.hierarchy import NodeSpec
from ramify.model.patterns import Step
from ramify.model.ranges import expand


def check_order(specs: Sequence[NodeSpec], found: Diagnostics) -> None:
    """Tell every `after` that takes no sibling, and circles."""
    if not any(spec.after for spec in specs):
        return
    owners = {name: spec.name for spec in specs for name in _expanded(spec.name)}
    takes: dict[str, set[str]] = {}
    for spec in specs:
        for word in spec.after:
            takes[word] = _taken(word, owners)
            _check_word(spec, word, (takes[word], owners), found)
    _check_circles(specs, owners, takes, found)


def _expanded(name: str) -> list[str]:
    try:
        return [one for one, _ in expand(name)]
    except ValueError:  # told where names are checked
        return []


def _taken(word: str, owners: dict[str, str]) -> set[str]:
    if not any(sign in word for sign in "*?["):
        return {word} & owners.keys()
    try:
        step = Step(word)
    except ValueError:
        return set()
    return {name for name in owners if step.fits(name)}


def _check_word(
    spec: NodeSpec, word: str, siblings: tuple[set[str], dict[str, str]], found: Diagnostics
) -> None:
    taken, owners = siblings
    if not taken:
        others = {owner for owner in owners.values() if owner != spec.name}
        close = did_you_mean(word, others.union(name for name in owners if owners[name] in others))
        way_out = close if close.startswith("Did") else did_you_mean(word, others) or "It has no siblings."
        summary = f'`after` of "{spec.name}" names no sibling: "{word}"'
        found.error("unknown-sibling", summary, way_out, _place(spec))
    elif taken == {spec.name}:
        found.error("after-cycle", f'"{word}" waits for itself', "Remove it.", _place(spec))


def _check_circles(
    specs: Sequence[NodeSpec], owners: dict[str, str], takes: dict[str, set[str]], found: Diagnostics
) -> None:
    by_name = {spec.name: spec for spec in specs}
    for circle in circles(_waiting(by_name, owners, takes)):
        first = by_name[owners[circle[0]]]
        summary = f"`after` goes in a circle: {arrows(circle)}"
        found.error("after-cycle", summary, "Each waits for the next: take one `after` out.", _place(first))


def _waiting(
    specs: dict[str, NodeSpec], owners: dict[str, str], takes: dict[str, set[str]]
) -> dict[str, list[str]]:
    """Who waits for whom.

    Names of one spec that the same words take behave alike, so one speaks for all; where those wait for
    their own kind, a second one shows that two of them wait for each other.
    """
    words: dict[str, list[str]] = {name: [] for name in owners}
    for word, taken in takes.items():
        for name in taken:
            words[name].append(word)
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, owner in owners.items():
        alike.setdefault((owner, *words[name]), []).append(name)
    spokesmen: dict[str, list[str]] = {word: [] for word in takes}
    for (_, *taken_by), names in alike.items():
        for word in taken_by:
            spokesmen[word] += names[:2]
    return {
        name: [other for word in specs[owner].after for other in spokesmen[word] if other != name]
        for (owner, *_), names in alike.items()
        for name in names[:2]
    }


def _place(spec: NodeSpec) -> Origin:
    return spec.origins.get("after", spec.origin)
