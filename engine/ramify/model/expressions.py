"""Path expressions: what selects nodes on a command line, such as `/region[1-3]!/**/db`.

The operators are ClusterShell's: `,` adds, `!` takes away, `&` keeps what both have, `^` what only one has.
None binds stronger than another: they are read from left to right. Between brackets a comma belongs to the
range. A path stands for its node and all below it, `PATH/.` for the node alone.
"""

import re

from msgspec import Struct

from ramify.model import paths, patterns
from ramify.model.patterns import ANY, Pattern

ADD, SUBTRACT, INTERSECT, DIFFER = ",", "!", "&", "^"
ALONE = "/."
"""The end of a path that stands for its node without what is below."""

_OPERATORS = frozenset((ADD, SUBTRACT, INTERSECT, DIFFER))
_TOKEN = re.compile(r"[,!&^]|(?:\[[^\[\]]*\]|[^,!&^\s])+")

_PATH = re.compile(r"(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+(?:/\.)?\Z")


class Term(Struct, frozen=True):
    """A path or pattern as typed, and the operator before it."""

    operator: str
    text: str

    @property
    def alone(self) -> bool:
        """Whether it stands for its nodes without what is below them."""
        return self.text.rstrip("/").endswith(ALONE)

    @property
    def path(self) -> str:
        """What it says of the nodes, without the mark at its end."""
        return self.text.rstrip("/").removesuffix(ALONE)

    @property
    def plain(self) -> bool:
        """Whether it names one node, by its path."""
        return _PATH.match(self.text) is not None

    @property
    def named(self) -> Pattern:
        """The nodes that it names."""
        return Pattern(f"/{ANY}" if self.text == paths.ROOT else self.path)

    @property
    def taken(self) -> Pattern:
        """Those nodes, and what lies below them."""
        return self.named if self.alone else Pattern(f"{self.named.text}/{ANY}")

    @property
    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        return patterns.problem(self.named)


def parse(text: str) -> tuple[Term, ...]:
    """The terms of an expression; the first one's operator says what becomes of all that came before it.

    Raises:
        ValueError: a path is missing.
    """
    if _PATH.match(text):  # lists of them are long
        return (Term(ADD, text),)
    terms: list[Term] = []
    operator = ""
    for token in _TOKEN.findall(text):
        if token not in _OPERATORS:
            terms.append(Term(operator or ADD, token))
            operator = ""
        elif operator in {"", ADD} and token != operator:  # ",!" is Ansible's way to say "!"
            operator = token
        else:
            raise ValueError(f'a path is missing between "{operator}" and "{token}" in "{text}"')
    if operator:
        raise ValueError(f'a path is missing behind the last "{operator}" of "{text}"')
    if not terms:
        raise ValueError("a path cannot be empty")
    return tuple(terms)


def apply(operator: str, before: bool, hit: bool) -> bool:
    """Whether a node is selected after a term, when it was so before and the term takes it or not."""
    if operator == ADD:
        return before or hit
    if operator == SUBTRACT:
        return before and not hit
    return before and hit if operator == INTERSECT else before != hit
