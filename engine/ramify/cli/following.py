"""`--follow PATH`: what nodes say while a run goes on.

Rule 1: all that they say from the beginning of the run to its end is told, each line once, whatever links
break meanwhile: where it was left off is known, and it goes on there.
Rule 2: a log that cannot be read is a note, told once, and nothing to the run.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import click

from ramify.cli.arguments import PathExpression
from ramify.cli.failures import failure
from ramify.cli.folding import fold
from ramify.cli.log_view import Followed
from ramify.cli.looking import chosen
from ramify.cli.session import Session
from ramify.initiator.messages import LogRequest, Over, Said, Spot
from ramify.initiator.operator import Workspace
from ramify.model import paths
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.events import Event, Finished, Started
from ramify.model.plan import Plan

if TYPE_CHECKING:
    from ramify.initiator.overhearing import Listen

MOST = 200
"""Nodes that are followed at once: each is a session on its host."""
BEFORE, AFTER = 3.0, 3.0
"""Seconds for which a run waits until followers are there, and its end for the last that is said."""

Say = Callable[[str], None]


def _store(context: click.Context, _: click.Parameter, value: tuple[str, ...]) -> None:
    session = context.find_object(Session)
    if session is not None:
        session.follow = value


follow_option = click.option(
    "--follow", metavar="PATH", multiple=True, type=PathExpression(), expose_value=False, callback=_store,
    help="Show what the nodes at PATH and below say while the run goes on.",
)  # fmt: skip


def must_be_there(session: Session, space: Workspace, plan: Plan | None = None) -> tuple[str, ...]:
    """The nodes that shall be followed: those that are deployed, and those that a plan deploys.

    Raises:
        DiagnosticsError: there is none such, or there are too many.
    """
    if not session.follow:
        return ()
    selected, records = chosen(space, session.follow), space.records()
    acted = {node.path for node in plan.nodes if node.action.acts} if plan is not None else set(selected)
    nodes = tuple(path for path in selected if path in records or path in acted)
    if not nodes:
        summary = f"{selected[0]} has not been deployed, and this does not do it"
        raise failure("not-deployed", summary, "`ramify status` tells what is deployed.")
    if len(nodes) > MOST:
        summary = f"{len(nodes):,} nodes are too many to be followed"
        raise failure("too-many-nodes", summary, f"At most {MOST} can be.")
    return nodes


def _still_there(session: Session, space: Workspace, plan: Plan) -> tuple[str, ...]:
    """The same of a run that nobody is asked about any more, as the way back from another one."""
    try:
        return must_be_there(session, space, plan)
    except DiagnosticsError:
        return ()


class Following:
    """Follows nodes with `bring`, each as soon as there is something to read; `say` is where it is told."""

    def __init__(self, nodes: Iterable[str], view: Followed, bring: "Listen", say: Say) -> None:
        self._nodes = frozenset(nodes)
        self._view = view
        self._bring = bring
        self._say = say
        self._at: dict[str, dict[str, Spot]] = {}
        self._reading: set[str] = set()
        self._due: set[str] = set()
        self._begun: set[str] = set()
        self._heard: set[str] = set()
        self._fresh: set[str] = set()
        self._news = asyncio.Event()
        self._problems: dict[str, str] = {}
        self._told: set[str] = set()
        self._stopped = False
        self._gone: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, there: Collection[str]) -> None:
        """Follow those that are `there` already, and return when what they say from now on will be told."""
        self._at = {path: {} for path in self._nodes if path not in there}
        begun = self._nodes.intersection(there)
        self._start(begun)
        try:
            async with asyncio.timeout(BEFORE):
                while not begun <= self._heard:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass

    def event(self, event: Event) -> None:
        """Something happened: perhaps a node is there now that was not, or can be reached again."""
        if isinstance(event, Finished) and event.gone:
            self._gone.add(event.result.path)
        if isinstance(event, Started | Finished):
            path = event.path if isinstance(event, Started) else event.result.path
            if path in self._nodes and path not in self._reading:
                self._want(path)

    def _want(self, path: str) -> None:
        self._begun.add(path)
        if not self._due:
            asyncio.get_running_loop().call_soon(self._start_due)
        self._due.add(path)

    def _start_due(self) -> None:
        """Many begin at once: they are asked for together."""
        due, self._due = self._due, set()
        self._start(due - self._reading)

    def _start(self, nodes: Iterable[str]) -> None:
        together = tuple(sorted(nodes))
        if together and not self._stopped:
            self._begun.update(together)
            self._reading.update(together)
            self._fresh.difference_update(together)
            task = asyncio.create_task(self._read(together, follow=True))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read(self, nodes: tuple[str, ...], *, follow: bool) -> None:
        at = {path: self._at[path] for path in nodes if path in self._at}
        try:
            await self._bring(LogRequest(paths.ROOT, nodes, 0, follow, install=None, at=at), self._hear)
        except Exception as error:  # noqa: BLE001 - a log that cannot be read is nothing to the run
            for path in nodes:
                await self._hear(Over(path, str(error)))

    async def _hear(self, message: Said | Over) -> None:
        self._heard.add(message.path)
        self._news.set()
        if isinstance(message, Over):
            self._reading.discard(message.path)
            self._problem(message)
            return
        self._fresh.add(message.path)
        places = self._at.setdefault(message.path, {})
        if message.at is not None:
            places[message.process] = message.at
        await self._view.hear(message)

    def _problem(self, over: Over) -> None:
        """A link that broke is made anew; those that cannot be read for the same reason are told together."""
        if over.problem and over.path in self._fresh:
            self._want(over.path)
        elif over.problem and over.path not in self._told:
            if not self._problems:
                asyncio.get_running_loop().call_soon(self._tell_problems)
            self._problems[over.path] = over.problem

    def _tell_problems(self) -> None:
        alike: dict[str, list[str]] = {}
        for path, problem in self._problems.items():
            if path not in self._gone:
                alike.setdefault(problem, []).append(path)
        self._told.update(*alike.values())
        self._problems.clear()
        for problem, nodes in alike.items():
            self._say(f"{', '.join(fold(nodes))}: not followed: {problem}")

    async def stop(self) -> None:
        """Follow nobody any more."""
        self._stopped = True
        running = list(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def end(self) -> None:
        """Tell what was said until now, of all that have begun, and follow them no more."""
        await self.stop()
        self._fresh.clear()
        begun = tuple(sorted(self._begun - self._gone - self._told))
        try:
            async with asyncio.timeout(AFTER):
                await self._read(begun, follow=False)
        except TimeoutError:
            self._say("What those said last that are followed could not be read in time.")
        self._tell_problems()


@asynccontextmanager
async def following(
    session: Session, space: Workspace, plan: Plan, say: Say, hurried: Callable[[], bool]
) -> AsyncIterator[Callable[[Event], None]]:
    """Follow the nodes of `--follow` while the block lasts, which hands over what happens; `say` tells lines.

    Who is `hurried` does not wait for the last that they say.
    """
    nodes = _still_there(session, space, plan)
    if not nodes:
        yield lambda _: None
        return
    from ramify.initiator.overhearing import listening  # noqa: PLC0415 - who connects imports it anyway

    async with AsyncExitStack() as stack:
        try:
            bring = await stack.enter_async_context(listening(space, nodes))
        except Exception as error:  # noqa: BLE001 - as above
            say(f"Nobody is followed: {error}")
            yield lambda _: None
            return
        view = Followed(session, nodes, say, session.paint_notes)
        follower = Following(nodes, view, bring, say)
        try:
            await follower.begin(space.records())
            yield follower.event
            if not hurried():
                await follower.end()
        finally:
            await follower.stop()
