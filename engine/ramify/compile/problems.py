"""Problems of nodes: those that many nodes have for one reason are told once."""

from collections.abc import Sequence

from msgspec import Struct

from ramify.model.diagnostics import Diagnostics, Origin


class Problem(Struct, frozen=True):
    """What is wrong with a node, in words that do not name it: equal for all nodes with one cause."""

    code: str
    what: str
    detail: str = ""
    origin: Origin | None = None


class Problems:
    """Collects problems node by node; `tell` makes one diagnostic of each."""

    def __init__(self) -> None:
        self._paths: dict[Problem, list[str]] = {}

    def add(self, path: str, problem: Problem) -> None:
        """A node has a problem."""
        self._paths.setdefault(problem, []).append(path)

    def tell(self, diagnostics: Diagnostics) -> None:
        """Turn all that was collected into diagnostics, in the order of their first nodes."""
        for problem, nodes in self._paths.items():
            summary = f"{first_of(nodes)}: {problem.what}"
            diagnostics.error(problem.code, summary, problem.detail, problem.origin)
        self._paths.clear()


def first_of(nodes: Sequence[str]) -> str:
    """The first path and how many more there are."""
    return f"{nodes[0]} and {len(nodes) - 1:,} more" if len(nodes) > 1 else nodes[0]
