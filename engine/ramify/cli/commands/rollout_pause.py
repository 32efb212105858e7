"""`ramify rollout pause`: have a run begin nothing new."""

from ramify.cli import lazy
from ramify.cli.session import Session
from ramify.cli.standings import directory, find, run_argument
from ramify.initiator.operator import who
from ramify.model.standing import PAUSE, State


@lazy.command("ramify rollout pause", name="pause")
@run_argument
def command(session: Session, run: str) -> None:
    """Have a run that goes on begin nothing new, here and below; without RUN the last one.

    What is in flight ends. `ramify rollout resume` goes on with the rest.
    """
    with directory(session) as place:
        standing = find(place, run, (State.RUNNING,))
        place.rollouts.wish(standing.run, PAUSE, who())
        session.say(f"Run {standing.run} begins nothing new from now on; what is in flight ends.")
