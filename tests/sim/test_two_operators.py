"""Operators at work on one tree at the same time, whatever they want and whatever goes wrong.

Two of them share a directory, as two terminals of one project do; the third has a clone of its own. Random
runs, plans saved earlier, and crashes, interleaved at random.
"""

import asyncio
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ramify.initiator import leases
from ramify.initiator.job import Job
from ramify.initiator.leases import LockedError
from ramify.model.events import Report
from ramify.model.paths import within
from ramify.model.plan import Goal
from ramify.model.record import Outcome
from sim.operators import Operator, outcomes, quick
from sim.stage import Stage
from sim.test_locks import Other

TREE: dict[str, Any] = {
    "gw[1-2]": {
        "vars": {"word": "hello"},
        "children": {"zone[1-2]": {"children": {"app[1-2]": {}}}, "app1": {}},
    }
}
SELECTIONS = (
    "/", "/gw1", "/gw2", "/gw1/zone1", "/gw*/zone2", "/**/app1", "/gw1/zone1/app2", "/gw2/zone[1-2]/.",
)  # fmt: skip
GOALS: tuple[Goal, ...] = ("restart", "stop", "start", "configure", "configure-env")
LEAVES = [f"/gw{n}/zone{m}/app{k}" for n in (1, 2) for m in (1, 2) for k in (1, 2)]
INITIATORS = ("/gw1", "/gw2", "/gw1/zone1", "/gw2/zone2")
NAMED = re.compile(r"run (\w+) \(")


class Locked(Operator):
    """Holds its lease in its directory, as the command line does."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.name = name
        super().__init__(stage.world, stage.spec.store)

    async def _run(self, job: Job) -> Report:
        lease = leases.lease_of(job, "2026-01-01T00:00:00+00:00")
        held, wait = self.directory.leases, job.options.wait
        async with leases.held(held, lease, wait, lambda _: None, lambda _: None):
            return await super()._run(job)


class Elsewhere(Other, Locked):
    """The same on another machine."""


class Drama:
    """What happens, and what was seen of it."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.dice = random.Random(seed)
        self.operators = [Locked(stage, "ada"), Locked(stage, "eve"), Elsewhere(stage, "bob")]
        self.bundles = [stage.spec.bundle(TREE, env={"WORD": word}) for word in ("one", "two", "three")]
        self.saved: list[Any] = []
        self.acts: list[asyncio.Task[None]] = []
        self.broken: list[str] = []
        stage.world.touched = self.see

    def see(self, path: str) -> None:
        """A node is being given commands: of all runs just one may be at work on it."""
        for host in self.stage.world.hosts.values():
            for initiator in host.initiators.values():
                actives = [] if initiator.dead else initiator.service.actives
                held = [one.lease for one in actives if one.job.kind == "apply"]
                on_it = [lease.run for lease in held if any(within(path, top) for top in lease.paths)]
                if len(on_it) > 1:
                    self.broken.append(f"{initiator.path} has {on_it} at work on {path}")

    # What is done.

    async def act(self) -> None:
        operator, dice = self.dice.choice(self.operators), self.dice
        bundle, selection = dice.choice(self.bundles), dice.choice(SELECTIONS)
        options = quick(wait=0) if dice.random() < 0.7 else quick()
        match dice.randrange(5):
            case 0:
                self.saved.append(operator.save(bundle, selection))
                return
            case 1 if self.saved:
                work = operator.apply_saved(dice.choice(self.saved), options)
            case 2:
                work = operator.command(bundle, dice.choice(GOALS), selection, options=options)
            case _:
                work = operator.apply(bundle, selection, options=options)
        self.acts.append(asyncio.create_task(self.watched(operator, work)))

    async def watched(self, operator: Operator, work: Any) -> None:
        try:
            report: Report = await work
        except LockedError:
            return
        outcomes(report)  # each exactly once
        for result in report.results:
            if "locked: " in result.message:
                assert (result.outcome, result.stale) == (Outcome.SKIPPED, True), result
                run = NAMED.search(result.message)
                assert run is not None, result
                assert run[1] != report.run, result

    async def something(self) -> None:
        """What goes wrong, or gets free again."""
        world, dice = self.stage.world, self.dice
        match dice.randrange(6):
            case 0 | 1 | 2:
                self.free(dice.random)
                self.hold_up()
            case 3:
                world.cut_at[dice.choice(INITIATORS)] = dice.randrange(3, 12)
            case 4:
                world.kill_at[dice.choice(INITIATORS)] = dice.randrange(3, 12)
            case 5 if self.acts:
                dice.choice(self.acts).cancel()
            case _:
                held, _ = await dice.choice(self.operators).holders(self.bundles[0])
                if held:
                    await dice.choice(self.operators).holders(self.bundles[0], dice.choice(held).lease.run)

    def hold_up(self) -> None:
        """Many a leaf takes its time."""
        for path in LEAVES:
            if self.dice.random() < 0.4:
                host = self.stage.world.host(path[1:].replace("/", "."))
                host.installs.setdefault(path, asyncio.Event())

    def free(self, chance: Any = lambda: 0) -> None:
        for host in self.stage.world.hosts.values():
            for path, gate in list(host.installs.items()):
                if chance() < 0.3:
                    gate.set()
                    del host.installs[path]

    async def play(self) -> None:
        await self.operators[0].apply(self.bundles[0])
        for operator in self.operators:
            await operator.refresh(self.bundles[0])
        self.hold_up()
        for _ in range(16):
            await (self.act() if self.dice.random() < 0.75 else self.something())
            for _ in range(self.dice.randrange(1500)):
                await asyncio.sleep(0)
        while not all(act.done() for act in self.acts):
            self.free()
            await asyncio.sleep(0.001)
        for act in self.acts:
            if not act.cancelled():
                act.result()

    async def ends_well(self) -> None:
        """Nothing was lost: everything can be brought to what anybody wishes, and all know it."""
        world, bundle = self.stage.world, self.bundles[1]
        world.mend()
        self.free()
        await world.quiet()
        ada, _, bob = self.operators
        for _ in range(2):  # the first looks at what nobody was sure of
            await ada.refresh(bundle)
            await ada.command(bundle, "start", "/")
        assert set(outcomes(await ada.apply(bundle)).values()) <= {"done", "unchanged"}
        assert not ada.plan(bundle).anything
        assert len(world.up()) == 2 + 4 + 8 + 2
        await bob.refresh(bundle)
        assert not bob.plan(bundle).anything


@contextmanager
def drama(stage: Stage, seed: int) -> Iterator[Drama]:
    made = Drama(stage, seed)
    try:
        yield made
    finally:
        for operator in made.operators:
            operator.directory.close()


@pytest.mark.parametrize("seed", range(8))
async def test_no_two_runs_are_at_work_on_a_node_and_nothing_is_lost(stage: Stage, seed: int) -> None:
    with drama(stage, seed) as made:
        try:
            async with asyncio.timeout(60):
                await made.play()
                await made.ends_well()
            assert made.broken == []
        finally:
            await stage.world.end()
