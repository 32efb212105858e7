"""Show a plan, ask, carry it out, and tell what it came to: the same for every goal."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from ramify.cli import exits, halting, plan_view, report_view, rollout_view
from ramify.cli.accounts import all_reverted, counts, exit_code
from ramify.cli.carrying import Carried, carry
from ramify.cli.failures import failure
from ramify.cli.folding import fold
from ramify.cli.following import must_be_there
from ramify.cli.goal_words import WORDS
from ramify.cli.labs import follow, must_be_up
from ramify.cli.project import component, hosts
from ramify.cli.session import Session
from ramify.compile.steps import AIMS
from ramify.initiator.operator import Workspace
from ramify.model.events import untouched
from ramify.model.plan import Plan
from ramify.model.record import NodeResult

QUESTION = """
Do you want to perform these actions?
  Only "yes" will be accepted to approve.

  Enter a value: """

LAST_QUESTION = """
Do you really want to uninstall all that is deployed?
  Only "yes" will be accepted to approve, and -y is not.

  Enter a value: """


def must_be_approvable(session: Session, yes: bool) -> None:
    """Find out before anything else that nobody could approve.

    Raises:
        DiagnosticsError: nobody is there to answer.
    """
    if not yes and not session.interactive:
        raise failure("approval", "nobody is there to approve the plan", "`-y` does it without asking.")


def perform(  # noqa: PLR0913 - what is performed, and how
    session: Session,
    space: Workspace,
    plan: Plan,
    *,
    yes: bool,
    question: str = QUESTION,
    name: str = "",
    more: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Carry a plan out if it is approved, under its goal's `name` or another; the exit code.

    There may be `more` to tell in the JSON document.
    """
    if plan.anything:
        must_be_there(session, space, plan)
        must_be_up(space, plan)
    show(session, space, plan)
    if not plan.anything:
        return ended(session, plan, Carried(unchanged(plan)), quiet=True, more=more)
    if not yes and session.ask(question).strip() != "yes":
        session.note(f"{name or WORDS[plan.goal].name} cancelled: nothing was done.")
        return exits.ERROR
    follow(space)
    report = carry(session, space, plan, "apply")
    return ended(session, plan, report, space, name=name, more=more)


def leaves_nothing(space: Workspace, plan: Plan) -> bool:
    """Whether a plan takes away all that is deployed."""
    leaving = {node.path for node in plan.nodes if node.action.acts}
    there = {path for path, record in space.records().items() if record.exists}
    return plan.goal == "uninstall" and plan.anything and there <= leaving


def show(session: Session, space: Workspace, plan: Plan) -> None:
    """Show a plan, all of it where that is little, and how it will be rolled out."""
    shown = plan_view.detailed(space.fleet, plan, full=session.verbose)
    describe = partial(component, space.fleet)
    how = "" if AIMS[plan.goal].down else rollout_view.text(space.fleet, plan, space.most, session.paint)
    session.say(plan_view.text(shown, describe, session.paint, full=session.verbose, how=how))


def unchanged(plan: Plan) -> tuple[NodeResult, ...]:
    """What a plan comes to that has nothing to do."""
    return tuple(untouched(node, plan.goal) for node in plan.nodes)


def ended(  # noqa: PLR0913 - what ended, and how it is told
    session: Session,
    plan: Plan,
    carried: Carried,
    space: Workspace | None = None,
    *,
    quiet: bool = False,
    name: str = "",
    more: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Tell what a run came to, and take it back where it is to be taken back; the exit code."""
    found = counts(carried.results)
    if not quiet and not session.json:
        if carried.others:
            session.say(f"\nNot planned, but found on the way: {', '.join(_others(carried))}")
        run = name or WORDS[plan.goal].name
        told = report_view.text(carried.results, hosts(plan), session.paint, full=session.verbose, run=run)
        session.say(f"\n{told}")
    undone = halting.aftermath(session, space, carried) if space else None
    if session.json:
        report = {"plan": plan.summary, "counts": found, "results": carried.results, "others": carried.others}
        session.document(report | halting.document(carried, undone) | dict(more))
    if carried.interrupted or (undone and undone.interrupted):
        return exits.INTERRUPTED
    if undone is not None:
        return exits.FAILED if undone.left else exits.ROLLED_BACK
    stale = any(result.stale for result in carried.results)
    return exit_code(found, stale=stale, reverted=all_reverted(carried.results))


def _others(carried: Carried) -> list[str]:
    return [f"{name}" for name in fold(result.path for result in carried.others)][:4]
