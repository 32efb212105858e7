"""What all readers of YAML documents share: parse, hold against the schema, build, put in order."""

from collections.abc import Callable
from typing import TypeVar

from ramify.documents.node import Node
from ramify.documents.schema import check
from ramify.documents.text import in_order
from ramify.documents.vaulted import Vaulted
from ramify.documents.yaml import parse
from ramify.model.diagnostics import Diagnostics
from ramify.model.patterns import Kind, Pattern, problem

T = TypeVar("T")


def read_yaml(
    text: str | bytes,
    file: str,
    schema: str,
    build: Callable[[Node, Diagnostics], T],
    vaulted: Vaulted | None = None,
) -> tuple[T | None, Diagnostics]:
    """The value that `build` makes of a document; None when there is an error.

    Values that ansible-vault has encrypted may stand where `vaulted` says.

    `build` runs in spite of the schema's errors, so that what only it can see is told in the same go.
    """
    found = Diagnostics()
    root = parse(text, file, found, vaulted=vaulted)
    if root is None:
        return None, found
    check(root, schema, found)
    return finish(build(root, found), found)


def finish(value: T, found: Diagnostics) -> tuple[T | None, Diagnostics]:
    """What a reader returns."""
    return None if found.failed else value, in_order(found)


def pattern(node: Node, kind: Kind, found: Diagnostics) -> Pattern:
    """A pattern as a document has it, `!` in front taking paths away; tells what is wrong with it."""
    made = Pattern(node.text.removeprefix("!"), kind, negated=node.text.startswith("!"), origin=node.origin)
    tell_pattern(made, found)
    return made


def tell_pattern(made: Pattern, found: Diagnostics) -> None:
    """Tell what is wrong with a pattern, at its own place."""
    wrong = problem(made)
    if wrong:
        way_out = "Steps are names, `*`, `?` and ranges such as [1-10]; `/**` is any number of steps."
        found.error("bad-pattern", wrong, way_out if made.kind is Kind.GLOB else "", made.origin)


def tell_none(patterns: tuple[Pattern, ...], found: Diagnostics) -> None:
    """Tell when a list of patterns can take no path, since all of them take paths away."""
    if patterns and all(made.negated for made in patterns):
        summary = "only patterns with ! stand here, so nothing matches"
        found.error("no-pattern", summary, 'Add one to take from: "/**" is every path.', patterns[0].origin)
