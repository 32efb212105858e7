"""`ramify apply`: bring nodes to what the project says of them."""

from functools import partial

import click

from ramify.cli import exits, lazy, plan_view, report_view
from ramify.cli.accounts import counts, exit_code
from ramify.cli.arguments import locked_option, paths_argument
from ramify.cli.carrying import Carried, carry
from ramify.cli.failures import failure
from ramify.cli.folding import fold
from ramify.cli.labs import follow, must_be_up
from ramify.cli.project import component, hosts, opened
from ramify.cli.session import Session
from ramify.cli.there import whole_plan
from ramify.model.plan import Plan
from ramify.model.record import NodeResult, Outcome

QUESTION = """
Do you want to perform these actions?
  Only "yes" will be accepted to approve.

  Enter a value: """


@lazy.command(
    "ramify apply",
    "ramify apply -y '/region1/zone[1-3]'",
    "ramify apply -y --json > report.json",
    name="apply",
)
@paths_argument
@locked_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(session: Session, selection: tuple[str, ...], locked: bool, yes: bool) -> int:
    """Bring the nodes at PATH and below to what the project says of them; all without a PATH.

    Shows the plan, asks, and carries it out: each initiator deploys its own children. Exits with 2 when
    nodes failed or nobody knows what became of them, 4 when all that is missing is on hosts that could not
    be reached.
    """
    if not yes and not session.interactive:
        raise failure("approval", "nobody is there to approve the plan", "`-y` applies without asking.")
    with opened(session, locked=locked) as space:
        plan = whole_plan(session, space, selection)
        describe = partial(component, space.fleet)
        if plan.anything:
            must_be_up(space, plan)
        session.say(plan_view.text(plan, describe, session.paint, full=session.verbose))
        if not plan.anything:
            return _ended(session, plan, Carried(_unchanged(plan)), quiet=True)
        if not yes and not _approved(session):
            session.note("Apply cancelled: nothing was done.")
            return exits.ERROR
        follow(space)
        return _ended(session, plan, carry(session, space, plan, "apply"))


def _approved(session: Session) -> bool:
    return session.ask(QUESTION).strip() == "yes"


def _unchanged(plan: Plan) -> tuple[NodeResult, ...]:
    return tuple(NodeResult(node.path, Outcome.UNCHANGED) for node in plan.nodes)


def _ended(session: Session, plan: Plan, carried: Carried, *, quiet: bool = False) -> int:
    found = counts(carried.results)
    if session.json:
        session.document(
            {"plan": plan.summary, "counts": found, "results": carried.results, "others": carried.others}
        )
    elif not quiet:
        if carried.others:
            session.say(f"\nNot planned, but found on the way: {', '.join(_others(carried))}")
        told = report_view.text(carried.results, hosts(plan), session.paint, full=session.verbose)
        session.say(f"\n{told}")
    return exits.INTERRUPTED if carried.interrupted else exit_code(found)


def _others(carried: Carried) -> list[str]:
    return [f"{name}" for name in fold(result.path for result in carried.others)][:4]
