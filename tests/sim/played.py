"""A fleet that is played with: what there is, what is recorded of it, and the laws that always hold."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from pathlib import Path
from typing import Any

from ramify.compile.selection import select
from ramify.directory.sqlite import Directory
from ramify.model import paths
from ramify.model.bundle import Bundle
from ramify.model.events import Report
from ramify.model.plan import Goal
from ramify.model.record import NodeRecord, Outcome
from ramify.model.standing import RESUMABLE
from ramify.stub.tables import INSTALLED, RUNNING
from sim import expected
from sim.expected import Node, Nodes, Wish, Wishes, above
from sim.operators import outcomes
from sim.projects import Project, bundle_of
from sim.stage import Stage
from sim.stubs import SimHost, SimNode

DONE, UNCHANGED, SKIPPED = Outcome.DONE, Outcome.UNCHANGED, Outcome.SKIPPED


class Played:
    """A world, and the model of it: `nodes` is how all are that are on hosts."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder)
        self.world, self.operator = self.stage.world, self.stage.operator
        self.project = Project()
        self.nodes: Nodes = {}
        self._strays: set[tuple[str, str]] = set()
        self.given: set[tuple[str, ...]] = set()
        self._runner = asyncio.Runner()

    def act(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done to its end."""

        async def soon() -> None:
            async with asyncio.timeout(20):
                await work

        self._runner.run(soon())

    def close(self) -> None:
        """Nothing is left running."""
        self._runner.run(self.world.end())
        self.stage.close()
        self._runner.close()

    # What is wished for.

    def say(self, path: str, word: str) -> None:
        """Have another value for all below a top node."""
        self.project = self.project.with_word(path, word)

    def said(self, **changes: Any) -> Bundle:
        """What the project says."""
        return bundle_of(self.project._replace(**changes), self.stage.spec)

    def wishes(self, bundle: Bundle) -> dict[str, Wish]:
        """What a bundle wants of every node; digests are the compiler's matter."""
        fleet = self.operator.fleet(bundle)
        found = {}
        for path, node in fleet.by_path.items():
            one, host = fleet.digests[path], fleet.host_of(path)
            top = fleet.by_path[f"/{path.split('/')[1]}"]
            mode = top.spec.on_drift or "fix"
            assert host is not None, node
            found[path] = Wish(one.environment, one.service, one.binding, host.name, mode)
        self.given |= {wish[:2] for wish in found.values()}
        return found

    def chosen(self, bundle: Bundle, selection: str) -> set[str]:
        """The paths that are meant."""
        known = {**self.operator.fleet(bundle).by_path, **self.operator.records()}
        found, _ = select((selection,), known)
        return set(known if found is None else found)

    # What there is.

    def host(self, path: str) -> SimHost:
        """Where a node is, or else would be."""
        found = self.nodes.get(path)
        return self.world.host(found.made.host if found else path[1:].replace("/", "."))

    def found(self) -> Nodes:
        """What is on all hosts, but for what was left behind when its node moved."""
        records = self.operator.records()
        found: Nodes = {}
        for host in self.world.hosts.values():
            for path in host.nodes:
                recorded = path in records and records[path].host == host.name
                if path in found and recorded:
                    self._strays.add((found[path].made.host, path))
                elif path in found:
                    self._strays.add((host.name, path))
                    continue
                if recorded or (host.name, path) not in self._strays:
                    found[path] = _node(host, host.node(path))
        return found

    def wrong(self) -> set[str]:
        """The nodes of which somebody is sure, and wrong."""
        wrong = set(self._wrong(paths.ROOT, self.operator.directory))
        for scope, directory in self.world.directories():
            wrong.update(self._wrong(scope, directory, is_new=not directory.records()))
        return wrong

    def _wrong(self, scope: str, directory: Directory, *, is_new: bool = False) -> Iterable[str]:
        """Those that are recorded otherwise than they are, or not at all, unless that one knows nothing."""
        records = directory.records()
        for path, record in records.items():
            if path != scope and not record.open and not self._is_so(record):
                yield path
        for path in self.found().keys() - records.keys():
            if path != scope and paths.within(path, scope) and not is_new:
                yield path

    def _is_so(self, record: NodeRecord) -> bool:
        host = self.world.hosts.get(record.host)
        if host is None or record.path not in host.nodes:
            return not record.exists
        node = host.node(record.path)
        told = (*node.state, node.held, node.release, node.drift, *node.digests.values())
        digests = (record.digest, record.environment_digest, record.service_digest, record.binding)
        stands = (record.environment, record.service, record.held, record.release, record.drift)
        return told == (*stands, *digests)

    def opened(self) -> set[str]:
        """The nodes that the operator is not sure of."""
        return {path for path, record in self.operator.records().items() if record.open}

    def doubt(self, sure: Collection[str] = ()) -> set[str]:
        """What the operator does not know, with all above and below it; of some nodes it finds out."""
        return self.around(
            (self.opened() - set(sure)) | set(self._wrong(paths.ROOT, self.operator.directory))
        )

    def around(self, nodes: Collection[str]) -> set[str]:
        """Some nodes, with all above and all that there is or was below them."""
        known = {*self.nodes, *self.operator.records(), *self.found()}
        below = {path for path in known if any(one in nodes for one in above(path))}
        return {*nodes, *below, *(one for path in nodes for one in above(path))}

    def orphans(self, bundle: Bundle) -> set[str]:
        """What is recorded below one that is neither there nor wished for: nobody can ask for it."""
        known = {*self.operator.records(), *self.wishes(bundle)}
        return {path for path in known if any(one not in known for one in above(path))}

    # Laws.

    async def looks(self) -> None:
        """A look finds how it is wherever somebody is there to ask, and changes nothing."""
        bundle, known = self.said(), self.operator.records()
        wishes = self.wishes(bundle)
        outcomes(await self.operator.refresh(bundle))
        assert self.found() == self.nodes
        wrong, opened = set(self._wrong(paths.ROOT, self.operator.directory)), self.opened()

        def is_there(path: str) -> bool:
            where = known[path].host if path in known else wishes[path].host if path in wishes else ""
            return path not in self.nodes or self.nodes[path].made.host == where

        for path in known.keys() | self.nodes.keys():
            runs = all(one in self.nodes and self.nodes[one].runs for one in above(path))
            if runs and all(map(is_there, (path, *above(path)))):
                assert path not in wrong | opened, path

    def planned(self, bundle: Bundle, goal: Goal, selection: str, *, fix: bool = False) -> set[str]:
        """What is said to be done."""
        made = self.operator.plan(bundle, selection, goal=goal, fix=fix)
        return {node.path for node in made.nodes if node.action.acts}

    def accounts(self, report: Report, chosen: set[str]) -> None:
        """Every node has one outcome, and they are those that were meant, or on the way to them."""
        told = outcomes(report)
        around = chosen | {one for path in chosen for one in above(path)}
        kept = {one for other in self.nodes.keys() - chosen for one in above(other)}
        assert (chosen & self.nodes.keys()) - kept <= told.keys(), (chosen, told)
        assert told.keys() <= around, (chosen, told)

    def keeps_books(self, wrong: set[str]) -> None:
        """No run leaves anybody sure of what is not so who was not before."""
        assert self.wrong() <= wrong, self.wrong() - wrong

    def tells_what_it_did(self, report: Report, wanted: Nodes, planned: set[str]) -> None:
        """Without faults, what was planned is done, nothing else is, and nobody doubts anything."""
        done = {result.path for result in report.results if result.outcome is DONE}
        changed = {path for path in wanted | self.nodes if wanted.get(path) != self.nodes.get(path)}
        woken = changed & {one for path in planned for one in above(path)}
        assert changed <= done, (changed - done, outcomes(report))
        assert done == planned | woken, (done ^ planned, outcomes(report))
        assert {one.outcome for one in report.results} <= {DONE, UNCHANGED, SKIPPED}, outcomes(report)
        assert not self.opened()

    def tells_the_truth(self, report: Report, wanted: Nodes, unsure: set[str]) -> None:
        """What is said of nodes is so, whatever went wrong."""
        found = self.found()
        for one in report.results:
            is_as_before = one.outcome in {UNCHANGED, Outcome.OFFLINE} or one.reverted
            if one.path in unsure:
                continue
            if one.outcome is DONE:
                assert found.get(one.path) == wanted.get(one.path), one
            elif is_as_before:
                assert found.get(one.path) == self.nodes.get(one.path), one

    def takes_the_place(self, planned: set[str]) -> None:
        """Nobody goes on with what another run has done meanwhile."""
        for standing in self.operator.directory.rollouts.all()[1:]:
            assert standing.state not in RESUMABLE or not planned.intersection(standing.left), standing

    def compare(
        self, wanted: Nodes, unsure: Collection[str], wishes: Wishes | None = None, goal: str = "apply"
    ) -> None:
        """All is as expected; what nobody could be sure of is at least nothing that nobody asked for."""
        found = self.found()
        for path in found.keys() | wanted.keys():
            if path in unsure and wishes is None:
                continue
            if path in unsure and wishes is not None:
                between = expected.is_between(self.nodes.get(path), found.get(path), wishes.get(path), goal)
                assert between, (path, self.nodes.get(path), found.get(path), wishes.get(path))
            else:
                assert found.get(path) == wanted.get(path), path
        self.nodes = found


def _node(host: SimHost, node: SimNode) -> Node:
    digests = node.digests
    made = Wish(digests["environment_digest"], digests["service_digest"], digests["binding"], host.name)
    return Node(made, node.state[1] in RUNNING, node.held, bool(node.drift), node.state[0] == INSTALLED)
