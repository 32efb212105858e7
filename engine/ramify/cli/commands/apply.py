"""`ramify apply`: bring nodes to what the project, or a saved plan, says of them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import click

from ramify.cli import exits, lazy, refreshing, saved_plans
from ramify.cli.arguments import locked_option, paths_or_plan_argument, wait_option
from ramify.cli.carrying import Carried, carry
from ramify.cli.confirming import confirm_options
from ramify.cli.failures import failure
from ramify.cli.folding import fold, shortened
from ramify.cli.following import follow_option, must_be_there
from ramify.cli.labs import follow, must_be_up
from ramify.cli.limits import Allowed, limit_options
from ramify.cli.only import ended_so, only_option
from ramify.cli.past import ROLLBACK
from ramify.cli.performing import (
    LAST_QUESTION,
    ended,
    leaves_nothing,
    must_be_approvable,
    perform,
    show,
    unchanged,
)
from ramify.cli.project import opened, resumed
from ramify.cli.recalling import ROTATED, recall
from ramify.cli.session import Session
from ramify.cli.there import whole_plan
from ramify.compile import holding
from ramify.model.plan import Plan
from ramify.model.record import NodeResult, Outcome
from ramify.model.saved import Saved

DONE_ALREADY = "Nothing to do. All that this plan says is done."
_MOVED = "they moved on after this was planned"
_ROTATED = "secrets that they are given have changed after this was planned"


@lazy.command(
    "ramify apply",
    "ramify apply -y '/region1/zone[1-3]'",
    "ramify plan -o change.plan && ramify apply change.plan",
    "ramify apply -y --max-fail 5 --max-offline 10%",
    "ramify apply -y --fix-drift /region1",
    "ramify apply --only failed",
    "ramify apply -y --follow /region1/zone3/app7",
    "ramify apply -y --json > report.json",
    name="apply",
)
@paths_or_plan_argument
@locked_option
@wait_option
@follow_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@refreshing.refresh_option
@refreshing.fix_drift_option
@limit_options
@only_option
@click.option("--strict", is_flag=True, help="Look first, and refuse a saved plan if any node moved on.")
@confirm_options
def command(  # noqa: PLR0913 - as many as there are options
    session: Session,
    selection: tuple[str, ...],
    *,
    locked: bool,
    yes: bool,
    refresh: bool,
    fix_drift: bool,
    only: str | None,
    strict: bool,
    allowed: Allowed,
) -> int:
    """Bring the nodes at PATH and below to what the project says of them; all without a PATH.

    Shows the plan, asks, and carries it out: each initiator deploys its own children. What was stopped or
    paused on purpose stays so: `ramify start` and `activate` end that. Exits with 2 when nodes failed or
    nobody knows what became of them, 4 when all that is missing is on hosts that could not be reached, 5 when
    a limit was reached and the rollout was taken back, as `on_failure: rollback` says.

    A change of a service that runs must be confirmed over a new connection: one that fails, or cuts its host
    off, is taken back by the host itself. When all that failed was taken back, it exits with 5.

    Instead of paths it takes the file of a plan that `ramify plan -o FILE` saved. It does just what that
    says, without asking, be it an apply, a rollback or a lifecycle command; nodes that are not any more as
    they were then are left alone, and it exits with 3.
    """
    file = saved_plans.named(selection)
    if file is not None and only:
        raise failure("usage", "a saved plan says itself which nodes it is for", "Leave --only out.")
    if file is not None and fix_drift:
        raise failure("usage", "a saved plan says itself what it fixes", "`plan --fix-drift -o FILE`.")
    if file is not None:
        return _saved(session, saved_plans.read(file), allowed, strict=strict)
    if strict:
        raise failure("usage", "--strict is for saved plans", "`ramify plan -o FILE` saves one.")
    must_be_approvable(session, yes)
    with opened(session, locked=locked) as space:
        must_be_there(session, space)
        selection = ended_so(space, selection, only)
        if refresh:
            refreshing.look(session, space, selection)
        plan = whole_plan(session, space, selection, fix_drift=fix_drift)
        limited = replace(space, most=allowed.of(plan))
        return perform(session, limited, plan, yes=yes)


def _saved(session: Session, saved: Saved, allowed: Allowed, *, strict: bool) -> int:
    """Carry out just what a saved plan says, as long as no more is lost than is allowed."""
    with resumed(session, saved) as found:
        space = replace(found, most=allowed.of(saved.plan))
        must_be_there(session, space, saved.plan)
        if saved.plan.anything:
            must_be_up(space, saved.plan)
        if strict:
            refreshing.look(session, space, saved.plan.selection)
        held, stale = recall(session, space, saved)
        if strict and stale:
            return _refused(session, held.plan, stale)
        if not held.plan.anything and not held.stale:
            session.say(session.paint("good", DONE_ALREADY))
            return ended(session, held.plan, Carried(unchanged(held.plan)), quiet=True)
        told = holding.without(held.plan, stale)
        if told.anything:
            show(session, space, told)
        if stale:
            session.say(("\n" if told.anything else "") + "\n".join(_left_alone(stale)))
        if leaves_nothing(space, told) and session.ask(LAST_QUESTION).strip() != "yes":
            session.note("Uninstall cancelled: nothing was done.")
            return exits.ERROR
        follow(space)
        report = carry(session, space, held.plan, "apply", held)
        name = ROLLBACK.capitalize() if saved.cause.kind == ROLLBACK else ""
        return ended(session, told, report, space, name=name)


def _left_alone(stale: Mapping[str, str]) -> Iterator[str]:
    rotated = {path for path, why in stale.items() if why == ROTATED}
    for paths, why in ((stale.keys() - rotated, _MOVED), (rotated, _ROTATED)):
        if paths:
            names, left = shortened(fold(paths), 4)
            yield f"Left alone, since {why}: {', '.join(names)}{f' and {left:,} more' if left else ''}."


def _refused(session: Session, plan: Plan, stale: dict[str, str]) -> int:
    """Nothing is done, since some nodes moved on."""
    why = "other nodes of the plan moved on, and it was to be carried out whole"
    results = tuple(
        NodeResult(node.path, Outcome.SKIPPED, stale.get(node.path, why), stale=node.path in stale)
        if node.path in stale or node.action.acts
        else NodeResult(node.path, Outcome.UNCHANGED)
        for node in plan.nodes
    )
    return ended(session, plan, Carried(results))
