"""`ramify logs`: what services and installers said."""

import asyncio

import click

from ramify.cli import exits, lazy
from ramify.cli.arguments import PathExpression
from ramify.cli.failures import failure
from ramify.cli.following import MOST
from ramify.cli.log_view import Followed, Gathered
from ramify.cli.looking import chosen
from ramify.cli.project import opened
from ramify.cli.session import Session
from ramify.initiator.messages import LogRequest
from ramify.initiator.operator import Workspace
from ramify.initiator.overhearing import listening
from ramify.model import paths

FEW, USUAL = 10, 100


@lazy.command(
    "ramify logs /region1/zone3/app7",
    "ramify logs -f '/region1/zone[1-3]/app*/.'",
    "ramify logs --install -n 20 /region1/zone3/app7",
    name="logs",
)
@click.argument("selection", metavar="PATH...", nargs=-1, required=True, type=PathExpression())
@click.option(
    "-n", "--lines", type=click.IntRange(0, 1_000_000),
    help=f"So many of the last lines of each process: {USUAL} of one node, {FEW} of several without this.",
)  # fmt: skip
@click.option("-f", "--follow", is_flag=True, help="Go on with what is said from now on, until Ctrl-C.")
@click.option("--previous", is_flag=True, help="Those of the run before the last start.")
@click.option("--install", is_flag=True, help="Those of installers, not of the service.")
def command(
    session: Session,
    selection: tuple[str, ...],
    *,
    lines: int | None,
    follow: bool,
    previous: bool,
    install: bool,
) -> int:
    """Show what the services at PATH and below said since they were started last.

    It comes through the initiators above them, also while something is being applied. Lines of several nodes
    begin with the node's path; nodes that say the very same are told together.
    """
    if follow and previous:
        raise failure("usage", "--follow goes on, and --previous is over", "Take one of them.")
    with opened(session, signed=False) as space:
        nodes = _nodes(space, selection)
        if follow and len(nodes) > MOST:
            hint = f"At most {MOST} can be."
            raise failure("too-many-nodes", f"{len(nodes):,} nodes are too many to be followed", hint)
        count = (USUAL if len(nodes) == 1 else FEW) if lines is None else lines
        request = LogRequest(paths.ROOT, nodes, count, follow, previous, install)
        view = (Followed if follow else Gathered)(session, nodes)
        asyncio.run(_bring(space, request, view))
        return exits.ERROR if view.end() else exits.DONE


async def _bring(space: Workspace, request: LogRequest, view: Followed | Gathered) -> None:
    async with listening(space, request.paths) as bring:
        await bring(request, view.hear)


def _nodes(space: Workspace, selection: tuple[str, ...]) -> tuple[str, ...]:
    """The deployed nodes that are selected; all that were named, if none of them is."""
    records, selected = space.records(), chosen(space, selection)
    deployed = [path for path in selected if path in records]
    if not deployed:
        hint = "`ramify status` tells what is deployed."
        raise failure("not-deployed", f"{selected[0]} has not been deployed", hint)
    return tuple(deployed)
