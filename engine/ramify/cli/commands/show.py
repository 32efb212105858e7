"""`ramify show`: a saved plan, as it was when it was made."""

from functools import partial
from pathlib import Path

import click

from ramify.cli import exits, lazy, plan_view, rollout_view, saved_plans
from ramify.cli.project import component
from ramify.cli.session import Session
from ramify.model.diagnostics import DiagnosticsError

ANOTHER_VERSION = (
    "Ramify {} made it, and this one cannot read all that it carries: components and values are not shown.\n"
    "It cannot be applied here; `ramify plan -o FILE` makes a new one."
)


@lazy.command(
    "ramify show change.plan",
    "ramify show change.plan -v",
    "ramify show change.plan --json | jq .plan.summary",
    name="show",
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
def command(session: Session, file: Path) -> int:
    """Show the plan that `ramify plan -o FILE` saved; it needs no project, and contacts nobody.

    It is shown as it was made. `ramify apply FILE` tells what of it still stands, and does that.
    """
    saved = saved_plans.read(file)
    if session.json:
        session.document(
            {"project": saved.project, "made": saved.made, "ramify": saved.ramify, "plan": saved.plan}
        )
        return exits.DONE
    session.say(session.paint("faint", f'Plan of "{saved.project}", made at {saved.made}.'))
    try:
        fleet = saved_plans.fleet(saved)
    except DiagnosticsError:
        session.note(session.paint_notes("warning", ANOTHER_VERSION.format(saved.ramify or "another")))
        session.say(plan_view.text(saved.plan, lambda _: "", session.paint, full=session.verbose))
        return exits.DONE
    plan = plan_view.detailed(fleet, saved.plan, full=session.verbose)
    how = rollout_view.text(fleet, plan, paint=session.paint)
    session.say(plan_view.text(plan, partial(component, fleet), session.paint, full=session.verbose, how=how))
    return exits.DONE
