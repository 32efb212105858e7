"""The answers of a repository (HPL 2.2, 4.2, 5.3): which references of its three lists a path gets. Pure."""

from collections.abc import Callable, Iterable
from itertools import accumulate

from ramify.documents.brp import TYPES, List, Ref, Reply, Request
from ramify.model.patterns import Matcher, selected
from ramify.model.repository import Entry, Repository

# A matcher remembers every name that it met: strangers could make it grow without end.
_FORGET_AFTER = 2_000

Locate = Callable[[str], str]
"""Makes an absolute URL of a reference as it is written."""


def answer(repository: Repository, request: Request, locate: Locate = str) -> Reply:
    """The reply to one request; many to one repository are answered faster by one `Answers`."""
    return Answers(repository).reply(request, locate)


class Answers:
    """Answers requests to one repository."""

    def __init__(self, repository: Repository) -> None:
        lists = {
            List.CODE: repository.code,
            List.INSTALL: repository.install,
            List.SERVICE: repository.service,
        }
        self._entries = [(which, entry) for which, entries in lists.items() for entry in entries]
        counts = [len(entry.patterns) for _, entry in self._entries]
        self._starts = [0, *accumulate(counts)]
        self._owners = [at for at, count in enumerate(counts) for _ in range(count)]
        self._patterns = [pattern for _, entry in self._entries for pattern in entry.patterns]
        self._matcher = Matcher(self._patterns)
        self._asked = 0

    def reply(self, request: Request, locate: Locate = str) -> Reply:
        """The references of all entries that match, in file order, of each though two name the same."""
        wanted = TYPES[request.type]
        taken = ((which, entry) for which, entry in self.matching(request.path) if which in wanted)
        return Reply(request.type, request.id, tuple(Ref(which, locate(entry.ref)) for which, entry in taken))

    def matching(self, path: str) -> Iterable[tuple[List, Entry]]:
        """The entries of all lists that take a path, in file order."""
        self._asked += 1
        if self._asked % _FORGET_AFTER == 0:
            self._matcher = Matcher(self._patterns)
        matched = self._matcher.matches(path)
        touched = sorted({self._owners[pattern] for pattern in matched})
        return [self._entries[at] for at in touched if self._takes(at, matched)]

    def _takes(self, at: int, matched: frozenset[int]) -> bool:
        first = self._starts[at]
        patterns = self._entries[at][1].patterns
        return selected(patterns, frozenset(n - first for n in matched if first <= n < first + len(patterns)))
