"""Names of nodes that share a parent.

Used twice: on the children that a document writes, and, once templates are merged, on what a parent has.
"""

from collections.abc import Iterable

from ramify.model.diagnostics import Diagnostics
from ramify.model.hierarchy import NodeSpec
from ramify.model.paths import MAX_NAME, valid_name
from ramify.model.ranges import expand


def check_names(specs: Iterable[NodeSpec], found: Diagnostics) -> None:
    """Tell bad ranges, names that no path can hold, and names that two siblings have."""
    owners: dict[str, NodeSpec] = {}
    for spec in specs:
        names = _names(spec, found)
        bad = next((name for name in names if not valid_name(name)), None)
        if bad is not None:
            way_out = f"Up to {MAX_NAME} letters, digits, `.`, `_` and `-`, beginning with a letter or digit."
            found.error("bad-name", f'"{bad[:80]}" cannot be the name of a node', way_out, spec.origin)
        twice = next((name for name in names if owners.setdefault(name, spec) is not spec), None)
        if twice is None and len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
        if twice is not None:
            other = owners[twice]
            way_out = f'"{other.name}" in line {other.origin.line} already stands for it.'
            found.error("duplicate-name", f'two siblings are called "{twice}"', way_out, spec.origin)


def _names(spec: NodeSpec, found: Diagnostics) -> list[str]:
    try:
        return [name for name, _ in expand(spec.name)]
    except ValueError as error:
        found.error(
            "bad-range", str(error), "A name holds at most one range, such as app[01-08].", spec.origin
        )
        return []
