"""`ramify rollout status`: how a rollout stands."""

from ramify.cli import lazy, rollout_view
from ramify.cli.session import Session
from ramify.cli.standings import directory, find, run_argument
from ramify.model.record import Outcome
from ramify.model.standing import State


@lazy.command("ramify rollout status", "ramify rollout status --json", name="status")
@run_argument
def command(session: Session, run: str) -> None:
    """Show the waves and limits of a run, what was begun, and what is left; without RUN of the last one."""
    with directory(session) as place:
        standing = find(place, run, frozenset(State))
        changes = [one for one in place.history.changes(standing.run) if one.outcome is not Outcome.SKIPPED]
        if session.json:
            session.document({"rollout": standing, "touched": len(changes)})
            return
        session.say(rollout_view.status(standing, len(changes), session.paint))
