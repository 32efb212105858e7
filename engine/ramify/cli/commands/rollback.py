"""`ramify rollback`: bring nodes back to what an earlier run had made of them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from ramify.cli import exits, history_view, lazy, past, saved_plans
from ramify.cli.arguments import paths_required, saving_option, wait_option
from ramify.cli.confirming import confirm_options
from ramify.cli.folding import fold, shortened
from ramify.cli.following import follow_option, must_be_there
from ramify.cli.performing import must_be_approvable, perform, show
from ramify.cli.session import Session
from ramify.cli.there import whole_plan
from ramify.cli.words import counted
from ramify.initiator.operator import Workspace
from ramify.initiator.undoing import Way
from ramify.model.plan import Action, Plan
from ramify.model.standing import RESUMABLE
from ramify.stub.tables import CONFIGURE_ENV, DEPLOY, UNINSTALL

NOT_COMPLETED = (
    "The rollback was not completed: what failed is neither as it was nor as it should be.\n"
    "`ramify rollback` with --to {run} tries again; `ramify status --refresh` tells how it is now."
)
STILL_WISHED = "\nThe project's files still say otherwise: the next `ramify apply` brings back what they say."


class Lost(Struct, frozen=True):
    """Nodes of which a rollback loses something for good."""

    why: str
    paths: list[str]


@lazy.command(
    "ramify rollback /region1/zone2",
    "ramify rollback '/region[1-3]' --to 3f2a9c",
    "ramify rollback / -y",
    name="rollback",
)
@paths_required
@click.option("--to", "run", metavar="RUN", default="", help="Go back to what this run made.")
@wait_option
@confirm_options
@follow_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@saving_option
def command(session: Session, selection: tuple[str, ...], run: str, out: Path | None, *, yes: bool) -> int:
    """Bring the nodes at PATH and below back to what they were before the last run that changed them.

    Shows a plan, made from the bundle of an earlier run, asks, and carries it out as `apply` does. Hosts
    switch to the releases that they keep: no bytes are sent, and no installer runs again. Nothing outside
    PATH is touched. Exits with 2 when the rollback itself fails.
    """
    if out is None:
        must_be_approvable(session, yes)
    with past.going_back(session, selection, run) as (space, way, covered):
        must_be_there(session, space)
        plan = whole_plan(session, space, selection)
        lost = _without_inverse(space, plan)
        session.say("\n".join(_head(session, way, lost, covered=covered)))
        told = {"to": way.to.run, "undone": way.undone, "lost": lost}
        if out is not None:
            return _saved(session, space, plan, out, told)
        code = perform(session, space, plan, yes=yes, name="Rollback", more=told)
        if not _waits(space):
            _tell_end(session, plan, way, code)
        return code


def _saved(session: Session, space: Workspace, plan: Plan, out: Path, told: dict[str, Any]) -> int:
    show(session, space, plan)
    saved_plans.write(out, space, plan)
    if session.json:
        session.document({"plan": plan.summary, **told})
    session.note(f"\nSaved. `ramify apply {out}` does just this.")
    return exits.DONE


def _head(session: Session, way: Way, lost: Iterable[Lost], *, covered: bool) -> Iterator[str]:
    """What is to be known before the plan is read."""
    yield _headline(way)
    for warning in _warnings(way, covered=covered):
        yield session.paint("warning", warning)
    told = [_told(one) for one in lost]
    if told:
        yield from ("", session.paint("bad", "What cannot be undone:"), *told)
    yield ""


def _headline(way: Way) -> str:
    run = way.to
    when = f"{run.kind} of {run.started[:19].replace('T', ' ')} by {run.who or 'somebody'}"
    undone = f", before run {way.undone}" if way.undone else ""
    return f"Back to run {run.run}{undone}: {when}, bundle {run.bundle[:12]}."


def _warnings(way: Way, *, covered: bool) -> Iterator[str]:
    """What whoever named a run may not have known of it."""
    run = way.to
    if way.undone:
        return
    if history_view.went_wrong(run) or not run.finished:
        ended = history_view.outcome(run) if run.finished else "not finished"
        yield f"That run did not end well ({ended}): this is what it should have made."
    if not covered:
        yield (
            f"That run was for {' '.join(run.selection)} only: of other nodes this is what its bundle says, "
            "and not what it made."
        )


def _waits(space: Workspace) -> bool:
    """Whether it was paused, or interrupted: what is to be done then has been told."""
    last = next(iter(space.directory.rollouts.all()), None)
    return last is not None and last.state in RESUMABLE


def _tell_end(session: Session, plan: Plan, way: Way, code: int) -> None:
    if not plan.anything:
        return
    if code == exits.DONE:
        session.note(STILL_WISHED)
    elif code in {exits.FAILED, exits.OFFLINE}:
        session.note(f"\n{NOT_COMPLETED.format(run=way.to.run)}")


def _without_inverse(space: Workspace, plan: Plan) -> list[Lost]:
    """What a rollback does, or cannot do, that nothing brings back: told before it begins."""
    nodes = plan.nodes
    gone = [node.path for node in nodes if node.action is Action.DESTROY and UNINSTALL in node.steps]
    moved = [node.path for node in nodes if node.action is Action.REPLACE]
    again = [node.path for node in nodes if node.action is Action.CREATE and DEPLOY in node.steps]
    installed = [
        node.path
        for node in nodes
        if node.action is Action.UPDATE and CONFIGURE_ENV in node.steps and _installs(space, node.path)
    ]
    mounts = sorted({*space.fleet.unseen}.intersection({*plan.domains, *(one.path for one in plan.open)}))
    told = (
        Lost("planned there, so that what is below becomes what the domain's server says now", mounts),
        Lost("uninstalled with their data", gone),
        Lost("moved back to another host; their data stays behind and is lost", moved),
        Lost("deployed anew; the data that they had is gone", again),
        Lost("what their installers did outside of their releases stays", installed),
    )
    return [lost for lost in told if lost.paths]


def _installs(space: Workspace, path: str) -> bool:
    """Whether a node may have an installer: no initiator of Ramify's own has."""
    component = space.fleet.class_of(space.fleet.by_path[path]).component
    return component is None or component.install is not None or not component.deploys


def _told(lost: Lost) -> str:
    names, left = shortened(fold(lost.paths), 3)
    more = f" and {left:,} more" if left else ""
    return f"  {counted(len(lost.paths), 'node')}: {lost.why}: {', '.join(names)}{more}"
