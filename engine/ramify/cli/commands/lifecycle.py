"""`ramify start`, `stop`, `restart` and the other commands of HPL's Table 1, on nodes that are deployed."""

from dataclasses import replace
from pathlib import Path

import click

from ramify.cli import exits, lazy, saved_plans
from ramify.cli.arguments import paths_required, saving_option, wait_option
from ramify.cli.confirming import confirm_options
from ramify.cli.failures import failure
from ramify.cli.following import follow_option, must_be_there
from ramify.cli.goal_words import GIVING
from ramify.cli.limits import Allowed, limit_options
from ramify.cli.performing import LAST_QUESTION, QUESTION, leaves_nothing, must_be_approvable, perform, show
from ramify.cli.project import opened
from ramify.cli.session import Session
from ramify.cli.there import whole_plan
from ramify.model.plan import Goal

_yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


def _made(goal: Goal, told: str, *examples: str) -> click.Command:
    """The command for a goal; they differ in nothing else."""

    def command(
        session: Session, selection: tuple[str, ...], *, out: Path | None, yes: bool, allowed: Allowed
    ) -> int:
        if out is not None:
            return _save(session, selection, goal, allowed, out)
        return _carry_out(session, selection, goal, allowed, yes=yes)

    command.__doc__ = told
    confirmed = confirm_options(command) if goal in GIVING else command
    watched = follow_option(_yes_option(saving_option(limit_options(confirmed))))
    taking_paths = paths_required(wait_option(watched))
    lines = (f"ramify {goal} {example}" for example in examples)
    return lazy.command(*lines, name=goal)(taking_paths)


def _carry_out(
    session: Session, selection: tuple[str, ...], goal: Goal, allowed: Allowed, *, yes: bool
) -> int:
    if goal != "uninstall":
        must_be_approvable(session, yes)
    with opened(session, signed=goal in GIVING) as found:
        must_be_there(session, found)
        plan = whole_plan(session, found, selection, goal)
        space = replace(found, most=allowed.of(plan))
        if goal == "uninstall" and leaves_nothing(space, plan):
            # Typed, by whoever or by a pipe: a flag in some script is not enough for that.
            return perform(session, space, plan, yes=False, question=LAST_QUESTION)
        must_be_approvable(session, yes or not plan.anything)
        return perform(session, space, plan, yes=yes, question=QUESTION)


def _save(session: Session, selection: tuple[str, ...], goal: Goal, allowed: Allowed, out: Path) -> int:
    """Save the plan, and do nothing."""
    if allowed != Allowed():
        raise failure("usage", "a saved plan has no limits of its own", "Give them to `ramify apply FILE`.")
    with opened(session, signed=goal in GIVING) as space:
        plan = whole_plan(session, space, selection, goal)
        if session.json:
            session.document(plan)
        else:
            show(session, space, plan)
        saved_plans.write(out, space, plan)
        session.note(f"\nSaved. `ramify apply {out}` does just this.")
    return exits.DONE


start = _made(
    "start",
    """Start the services at PATH and below that do not run; initiators before what is below them.

    They run what was installed: `apply` brings nodes to what the hierarchy says. What was stopped on purpose
    is not held any more.
    """,
    "/region1/zone3",
    "'/**/db'",
)
stop = _made(
    "stop",
    """Stop the services at PATH and below; what is below an initiator before the initiator.

    They are held from then on: `apply` configures them where that is due, and does not start them. `start`
    and `restart` do. PATH/. stops an initiator alone: what is below it goes on, and waits for it.
    """,
    "/region1/zone3",
    "/region1/zone3/.    # the initiator alone",
)
restart = _made(
    "restart",
    """Restart the services at PATH and below, and start those that do not run; initiators first.""",
    "'/region1/zone[1-3]'",
    "-y '/**/web*'",
)
activate = _made(
    "activate",
    """Let the paused services at PATH and below go on.""",
    "/region1/zone3",
)
deactivate = _made(
    "deactivate",
    """Have the running services at PATH and below pause, as their components say; initiators go on.

    They are held from then on: `apply` leaves them paused. `activate` and `restart` end that.
    """,
    "/region1/zone3",
)
configure = _made(
    "configure",
    """Give the services at PATH and below their configuration again, what was installed stays.

    A service whose component says how it reloads goes on meanwhile, others are restarted. Those that were
    stopped or paused on purpose stay so.
    """,
    "/region1/zone3",
)
configure_env = _made(
    "configure-env",
    """Install the nodes at PATH and below again: code, its configuration, installer, then the service.

    Data stays. Those that were stopped or paused on purpose stay so.
    """,
    "/region1/zone3/app1",
)
uninstall = _made(
    "uninstall",
    """Take away all that is deployed at PATH and below, with its data; children before their parents.

    The hierarchy still has these nodes: the next `apply` deploys them anew. When nothing would be left, the
    approval must be typed: -y is not enough.
    """,
    "/region1/zone3",
    "/    # everything",
)
