"""`ramify rollback`: bring nodes back to what an earlier run had made of them."""

from collections.abc import Iterable
from pathlib import Path

import click

from ramify.cli import exits, lazy, past, saved_plans
from ramify.cli.arguments import paths_required, wait_option
from ramify.cli.folding import fold, shortened
from ramify.cli.performing import must_be_approvable, perform, show
from ramify.cli.session import Session
from ramify.cli.there import whole_plan
from ramify.cli.words import counted
from ramify.initiator.operator import Workspace
from ramify.initiator.undoing import Way
from ramify.model.plan import Action, NodePlan, Plan
from ramify.stub.tables import CONFIGURE_ENV, DEPLOY, UNINSTALL

NOT_COMPLETED = (
    "The rollback was not completed: what failed is neither as it was nor as it should be.\n"
    "`ramify rollback` with --to {run} tries again; `ramify status --refresh` tells how it is now."
)
STILL_WISHED = "\nThe project's files still say otherwise: the next `ramify apply` brings back what they say."


@lazy.command(
    "ramify rollback /region1/zone2",
    "ramify rollback '/region[1-3]' --to 3f2a9c",
    "ramify rollback / -y",
    name="rollback",
)
@paths_required
@click.option("--to", "run", metavar="RUN", default="", help="Go back to what this run made.")
@wait_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "-o", "--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Save the plan and do nothing: `ramify apply FILE` does just that.",
)  # fmt: skip
def command(session: Session, selection: tuple[str, ...], run: str, out: Path | None, *, yes: bool) -> int:
    """Bring the nodes at PATH and below back to what they were before the last run that changed them.

    Shows a plan, made from the bundle of an earlier run, asks, and carries it out as `apply` does. Hosts
    switch to the releases that they keep: no bytes are sent, and no installer runs again. Nothing outside
    PATH is touched. Exits with 2 when the rollback itself fails.
    """
    if out is None:
        must_be_approvable(session, yes)
    with past.going_back(session, selection, run) as (space, way):
        plan = whole_plan(session, space, selection)
        session.say(_headline(way))
        lost = _without_inverse(plan.nodes)
        if lost and not session.json:
            session.say("\n".join(("", session.paint("bad", "What cannot be undone:"), *lost)))
        if out is not None:
            return _saved(session, space, plan, out)
        code = perform(session, space, plan, yes=yes, name="Rollback")
        _tell_end(session, plan, way, code)
        return code


def _saved(session: Session, space: Workspace, plan: Plan, out: Path) -> int:
    show(session, space, plan)
    saved_plans.write(out, space, plan)
    session.note(f"\nSaved. `ramify apply {out}` does just this.")
    return exits.DONE


def _headline(way: Way) -> str:
    run = way.to
    when = f"{run.kind} of {run.started[:19].replace('T', ' ')} by {run.who or 'somebody'}"
    undone = f", before run {way.undone}" if way.undone else ""
    return f"Back to run {run.run}{undone}: {when}, bundle {run.bundle[:12]}."


def _tell_end(session: Session, plan: Plan, way: Way, code: int) -> None:
    if not plan.anything:
        return
    if code == exits.DONE:
        session.note(STILL_WISHED)
    elif code in {exits.FAILED, exits.OFFLINE}:
        session.note(f"\n{NOT_COMPLETED.format(run=way.to.run)}")


def _without_inverse(nodes: Iterable[NodePlan]) -> list[str]:
    """What a rollback does, or cannot do, that nothing brings back: told before it begins."""
    nodes = tuple(nodes)
    gone = [node.path for node in nodes if node.action is Action.DESTROY and UNINSTALL in node.steps]
    moved = [node.path for node in nodes if node.action is Action.REPLACE]
    again = [node.path for node in nodes if node.action is Action.CREATE and DEPLOY in node.steps]
    installed = [node.path for node in nodes if node.action is Action.UPDATE and CONFIGURE_ENV in node.steps]
    told = (
        (gone, "uninstalled with their data"),
        (moved, "moved back to another host; their data stays behind and is lost"),
        (again, "deployed anew; the data that they had is gone"),
        (installed, "what their installers did outside of their releases stays"),
    )
    return [f"  {counted(len(paths), 'node')}: {why}: {_folded(paths)}" for paths, why in told if paths]


def _folded(paths: Iterable[str]) -> str:
    names, left = shortened(fold(paths), 3)
    return ", ".join(names) + (f" and {left:,} more" if left else "")
