"""A wave that has been taken is watched before the next one: time, health, and the gate."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from ramify.initiator import gates
from ramify.initiator.drive import Driver
from ramify.initiator.endings import ending
from ramify.initiator.gates import ShutError
from ramify.initiator.job import Job, Place
from ramify.initiator.ledger import Ledger
from ramify.initiator.risk import HaltedError, Risk
from ramify.initiator.stakes import Stake
from ramify.initiator.waves import Waves
from ramify.model.events import Note
from ramify.model.inventory import Host
from ramify.model.record import NodeResult, Outcome
from ramify.stub.tables import RUNNING


class Watch:
    """What one run does between its waves."""

    def __init__(self, job: Job, place: Place, ledger: Ledger, risk: Risk) -> None:
        self._job = job
        self._place = place
        self._ledger = ledger
        self._risk = risk
        self._driver = Driver(job.fleet, place.supply, job.options, job.above)

    async def over(self, waves: Waves) -> None:
        """See whether the wave that is over leaves the way open.

        Raises:
            ShutError: the gate does not open.
            HaltedError: the run was halted meanwhile.
        """
        rollout, path, nodes = self._job.rollout, self._job.fleet.scope, waves.current
        if rollout.bake:
            text = f"wave {waves.number} of {waves.count} is over, and watched for {rollout.bake:g} s"
            self._ledger.tell(Note(path, text))
            await self._pause(rollout.bake)
        if rollout.bake or rollout.gate:
            await self._look_after(nodes)
        if rollout.gate and rollout.gate.command:
            told = gates.environment(self._job.run, path, (waves.number, waves.count), nodes)
            command = gates.pass_through(rollout.gate.command, told, self._job.options.command_timeout)
            await self._unless_halted(command)
        self._risk.must_go_on()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                halted = await self._risk.has_halted()
        except TimeoutError:
            return
        raise HaltedError(halted.reason)

    async def _unless_halted(self, work: Coroutine[Any, Any, None]) -> None:
        halted = asyncio.ensure_future(self._risk.has_halted())
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait((halted, working), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            for task in (halted, working):
                task.cancel()
            await asyncio.gather(halted, working, return_exceptions=True)

    async def _look_after(self, nodes: tuple[str, ...]) -> None:
        """Look at all that came up: whoever does not run any more has failed after all."""
        up = [path for path in nodes if self._ledger.outcome(path) is Outcome.DONE]
        slots = asyncio.Semaphore(self._job.options.parallel)

        async def look(path: str, host: Host) -> None:
            async with slots:
                await self._look(path, host)

        async with asyncio.TaskGroup() as group:
            for path in up:
                host = self._job.fleet.host_of(path)
                if host is not None and path in self._job.fleet.by_path:
                    group.create_task(look(path, host))
        gate = self._job.rollout.gate
        ill = [path for path in up if self._ledger.outcome(path) is not Outcome.DONE]
        if gate is not None and not gate.command and ill:
            raise ShutError(f"{ill[0]} has not stayed up" + (f", and {len(ill) - 1} more" if ill[1:] else ""))

    async def _look(self, path: str, host: Host) -> None:
        stake = Stake(self._risk)
        try:
            await stake.take()
            async with self._place.hosts.session(host) as stub:
                state = await self._driver.look(stub, path)
            if state.service not in RUNNING:
                message = f"it was up, and did not stay: {state.service}"
                before = self._ledger.before.get(path)
                record = self._driver.record(path, state, before, host.name)
                self._ledger.end(NodeResult(path, Outcome.FAILED, message), record)
        except HaltedError:
            return
        except Exception as error:  # noqa: BLE001 - one node's misfortune is not the others'
            why = ending(error)
            outcome = Outcome.UNKNOWN if why.outcome is Outcome.OFFLINE else why.outcome
            self._ledger.end(NodeResult(path, outcome, f"it was up, and cannot be looked at: {why.message}"))
        finally:
            stake.settle(self._ledger.outcome(path), lost=False)
