"""`ramify plan`: what an apply would do."""

from functools import partial
from pathlib import Path

import click

from ramify.cli import exits, lazy, plan_view, refreshing, rollout_view, saved_plans
from ramify.cli.arguments import locked_option, paths_argument
from ramify.cli.failures import failure
from ramify.cli.project import component, opened
from ramify.cli.session import Session
from ramify.cli.there import whole_plan
from ramify.initiator.operator import Workspace
from ramify.model.plan import Plan


@lazy.command(
    "ramify plan",
    "ramify plan '/region1/zone[1-3]' /region2",
    "ramify plan -o change.plan && ramify apply change.plan",
    "ramify plan --refresh             # look at the hosts first",
    "ramify plan --json | jq .summary",
    "ramify plan --detailed-exitcode   # 2 when there are changes",
    name="plan",
)
@paths_argument
@locked_option
@click.option("--unsigned", is_flag=True, help="Plan what is not signed, too; apply refuses it.")
@click.option(
    "-o", "--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Save the plan: `ramify apply FILE` does just that.",
)  # fmt: skip
@refreshing.refresh_option
@refreshing.fix_drift_option
@click.option("--refresh-only", is_flag=True, help="Tell what was found otherwise than recorded, no plan.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes, 0 when none.")
def command(  # noqa: PLR0913 - an argument for each option
    session: Session,
    selection: tuple[str, ...],
    *,
    locked: bool,
    unsigned: bool,
    out: Path | None,
    refresh: bool,
    fix_drift: bool,
    refresh_only: bool,
    detailed_exitcode: bool,
) -> int:
    """Show what an apply would do to the nodes at PATH and below; to all without a PATH.

    Compares the hierarchy with what is recorded, and contacts nobody, except initiators whose domains are
    `planned: there`. The same change of many nodes is shown once, its paths folded: /region[1-10]/zone[1-3].

    With -o the plan is saved, with all that it was made from: `ramify apply FILE` does just that, and leaves
    nodes alone that are not any more as they were.
    """
    if refresh_only and out is not None:
        raise failure("usage", "--refresh-only makes no plan that could be saved", "Take --refresh with -o.")
    with opened(session, locked=locked, signed=not (unsigned or refresh_only), looks=refresh_only) as space:
        if refresh_only:
            return _look_only(session, space, selection, detailed=detailed_exitcode)
        if refresh:
            refreshing.look(session, space, selection)
        plan = whole_plan(session, space, selection, fix_drift=fix_drift)
        _show(session, space, plan)
        if out is not None:
            saved_plans.write(out, space, plan)
            session.note(f"\nSaved. `ramify apply {out}` does just this.")
    return exits.CHANGES if detailed_exitcode and plan.anything else exits.DONE


def _show(session: Session, space: Workspace, plan: Plan) -> None:
    if session.json:
        session.document(plan)
        return
    shown = plan_view.detailed(space.fleet, plan, full=session.verbose)
    describe = partial(component, space.fleet)
    how = rollout_view.text(space.fleet, plan, paint=session.paint)
    session.say(plan_view.text(shown, describe, session.paint, full=session.verbose, how=how))


def _look_only(session: Session, space: Workspace, selection: tuple[str, ...], *, detailed: bool) -> int:
    looked, before = len(space.plan(selection).nodes), space.records()
    looked_at = refreshing.look(session, space, selection)
    found = list(refreshing.differences(before, space.records()))
    if session.json:
        session.document({"looked": looked, "found": found, "strays": looked_at.strays})
    else:
        session.say(refreshing.text(found, looked, session.paint, full=session.verbose))
    changes = detailed and found and looked_at.code == exits.DONE
    return exits.CHANGES if changes else looked_at.code
