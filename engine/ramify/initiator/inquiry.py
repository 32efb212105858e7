"""An inquiry: what is planned below nodes whose domains only their initiators can ask for.

It goes the way that a run goes, child by child, and changes nothing: no marks, no records, no history. Of
each such node either a plan is told, or why there is none.
"""

import asyncio

from ramify.initiator.endings import ending
from ramify.initiator.job import Job, Place
from ramify.initiator.ledger import Emit
from ramify.initiator.link import Link
from ramify.initiator.ports import Session
from ramify.initiator.work import Branch, branches
from ramify.model.events import Event, Unheard
from ramify.model.inventory import Host
from ramify.model.record import NodeRecord, Outcome
from ramify.stub.tables import RUNNING
from ramify.stub.wire import NOT_ACTIVE
from ramify.transport.replies import StubError


class Inquiry:
    """Asks the initiators on the way to a job's mounts."""

    def __init__(self, job: Job, place: Place, emit: Emit) -> None:
        self._job = job
        self._place = place
        self._emit = emit
        self._slots = asyncio.Semaphore(job.options.parallel)

    async def carry_out(self) -> None:
        """Ask them all; whatever happens on the way to one, the others are asked."""
        job = self._job
        records = self._place.directory.records(job.fleet.scope)
        asked = branches(job.fleet, job.plan, records, mounts=job.mounts)
        async with asyncio.TaskGroup() as group:
            for branch in asked:
                if branch.mounts:
                    group.create_task(self._branch(branch, records), name=branch.path)

    async def _branch(self, branch: Branch, records: dict[str, NodeRecord]) -> None:
        record = records.get(branch.path)
        if record is None or record.service not in RUNNING:
            self._give_up(branch, Outcome.SKIPPED, "")
            return
        if branch.found is None:
            self._give_up(branch, Outcome.FAILED, f'host "{record.host}" is not in the inventory any more')
            return
        try:
            async with self._slots:
                await self._ask(branch, branch.found, records)
        except StubError as error:
            self._give_up(branch, Outcome.SKIPPED, "" if error.code == NOT_ACTIVE else str(error))
        except Exception as error:  # noqa: BLE001 - one branch's misfortune is not the others'
            why = ending(error)
            self._give_up(branch, why.outcome, why.message)

    async def _ask(self, branch: Branch, host: Host, records: dict[str, NodeRecord]) -> None:
        below = [record for path, record in records.items() if path.startswith(f"{branch.path}/")]
        async with self._place.hosts.session(host, agent=branch.needs_agent) as stub:
            await self._run(stub, branch, host, below)

    async def _run(self, stub: Session, branch: Branch, host: Host, below: list[NodeRecord]) -> None:
        job = self._job
        request = job.request(branch, below, (await stub.greeted()).agent)
        channel = await stub.attach(branch.path, wait=job.options.attach_timeout)
        await Link(channel, host.name, self._place.supply, job.bundle).run(request, below, self._hear)

    def _hear(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._emit(event)

    def _give_up(self, branch: Branch, outcome: Outcome, why: str) -> None:
        # Of those that have told their plans already, that is what counts.
        for mount in branch.mounts:
            self._emit(Unheard(mount, outcome, why))
