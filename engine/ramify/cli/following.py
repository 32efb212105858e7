"""`--follow PATH`: which nodes are followed while a run goes on, and how long (`follower.py` says how)."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import click

from ramify.cli.arguments import PathExpression
from ramify.cli.failures import failure
from ramify.cli.follower import Following, Say
from ramify.cli.log_view import Followed
from ramify.cli.looking import chosen
from ramify.cli.session import Session
from ramify.initiator.operator import Workspace
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.events import Event
from ramify.model.plan import Plan

MOST = 200
"""Nodes that are followed at once: each is a session on its host."""


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
