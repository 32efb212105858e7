"""`ramify rollout status`: how a rollout stands."""

from ramify.cli import lazy, not_back, rollout_view
from ramify.cli.not_back import NotBack
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
        undone = standing.state is State.NOT_ROLLED_BACK
        left = not_back.after(place, standing.run) if undone else NotBack()
        if session.json:
            session.document({"rollout": standing, "touched": len(changes), "not_back": left.all})
            return
        session.say(rollout_view.status(standing, len(changes), session.paint))
        if undone:
            session.say("\n".join(f"  {line}" for line in not_back.lines(left, place.records())))
