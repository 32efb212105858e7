"""The run that is going on at an initiator, and who listens to it."""

import asyncio
import time
from pathlib import Path

from msgspec import structs

from ramify.initiator.job import Job
from ramify.initiator.messages import Ask, Balance, Grant, Halt, Need, RunRequest, Stop
from ramify.initiator.parent import Parent, ParentLostError, Word
from ramify.initiator.ring import NoSecretError
from ramify.initiator.risk import Risk
from ramify.initiator.supply import MissingArtifactError
from ramify.initiator.tenure import Tenure
from ramify.model.events import Event, Finished, Found, Halted, Note, Planned, Unheard
from ramify.model.history import Holding, Lease, spell
from ramify.repository.store import Store


class Active:
    """One run. It belongs to the service, not to a link: for a while it goes on without any parent."""

    def __init__(self, request: RunRequest, parent: Parent, store: Store, job: Job, lease: Lease) -> None:
        """`lease` says what it works on, alone."""
        self.request = request
        self.job = job
        self.lease = lease
        limits, on_failure = job.limits
        self.over = asyncio.Event()
        self.failure = ""
        self._listeners = [parent]
        self._store = store
        self._begun = time.monotonic()
        self._tenure = Tenure(request.options.lease)
        self._finished: dict[str, Finished] = {}
        self._said: list[Planned | Unheard | Halted] = []
        self.risk = Risk(
            request.path, limits, on_failure, above=self, tickets=request.tickets, tell=self.emit
        )
        parent.follow(self._hear, self._left)
        self._tenure.attend(here=not parent.gone)

    @property
    def holding(self) -> Holding:
        """What it holds, and for how long if nobody comes."""
        age = time.monotonic() - self._begun
        return Holding(self.request.path, self.lease, age, self._tenure.left)

    async def expire(self) -> None:
        """Begin nothing more once nobody above has been heard of for too long."""
        await self._tenure.over()
        lasts = spell(self._tenure.lasts)
        self.risk.halt(Halted(self.request.path, f"nobody above has been heard of for {lasts}"))

    def release(self, who: str) -> None:
        """Have it begin nothing more, as somebody wants who was told what that breaks."""
        self.lease = structs.replace(self.lease, released=who)
        self.risk.halt(Halted(self.request.path, f"its lock on {self.request.path} was released by {who}"))

    def emit(self, event: Event) -> None:
        """Tell everybody who listens."""
        if isinstance(event, Finished):
            self._finished[event.result.path] = Finished(event.result)
        if isinstance(event, Planned | Unheard | Halted):
            self._said.append(event)
        for parent in self._listeners:
            parent.emit(event)

    def join(self, parent: Parent, found: Found | None, tickets: int | None) -> None:
        """Have one more listen: it hears how things are recorded now, and what has become of nodes so far."""
        parent.emit(Note(self.request.path, f"joins run {self.request.run}, which does the same"))
        if found is not None:
            parent.emit(found)
        for event in (*self._finished.values(), *self._said):
            parent.emit(event)
        self._listeners.append(parent)
        self._tenure.attend(here=True)
        parent.follow(self._hear, self._left)
        self.risk.grant(tickets or 0)

    # Tickets, and an end before the end, are matters of whichever parent is here.

    @property
    def gone(self) -> bool:
        """Whether all parents are."""
        return all(parent.gone for parent in self._listeners)

    def _left(self) -> None:
        self._tenure.attend(here=not self.gone)
        self.risk.look()

    def tell_above(self, balance: Balance) -> None:
        """Tell the first parent that is here."""
        parent = next((parent for parent in self._listeners if not parent.gone), None)
        if parent is not None:
            parent.tell(balance)

    def _hear(self, word: Word) -> None:
        match word:
            case Grant():
                self.risk.grant(word.tickets)
            case Halt():
                self.risk.halt(Halted(self.request.path, word.reason), told=True)
            case Stop():
                self.risk.stop(word)

    def is_for(self, request: RunRequest) -> bool:
        """Whether a request asks for just this work."""
        mine = self.request
        if (mine.tickets is None) != (request.tickets is None) or self.risk.halted is not None:
            return False
        return (
            mine.kind,
            mine.goal,
            mine.bundle,
            mine.path,
            mine.selection,
            mine.mounts,
            mine.observed,
        ) == (
            request.kind,
            request.goal,
            request.bundle,
            request.path,
            request.selection,
            request.mounts,
            request.observed,
        )

    async def box(self, ask: Ask) -> bytes:
        """Have secrets sealed by way of a parent, whichever is here.

        Raises:
            NoSecretError: they are not to be had, or nobody is here any more.
        """
        asked: list[Parent] = []
        while parent := next((one for one in self._listeners if one not in asked), None):
            asked.append(parent)
            try:
                return await parent.box(ask)
            except ParentLostError:
                continue
        way_out = "Apply again: secrets are nowhere but with the operator."
        raise NoSecretError(f"secrets of {ask.path} cannot be asked for: the parent has left", way_out)

    async def pack(self, digest: str) -> Path:
        """Have an artifact sent by a parent, whichever is here.

        Raises:
            MissingArtifactError: none has it, or none is here any more.
        """
        target = self._store.path(digest)
        asked: list[Parent] = []
        # Another may join while one is asked, and goes on where that one left.
        while parent := next((one for one in self._listeners if one not in asked), None):
            asked.append(parent)
            try:
                return await parent.fetch(Need("pack", digest), target)
            except ParentLostError:
                continue
        raise MissingArtifactError(f"artifact {digest[:12]} cannot be asked for: the parent has left")
