"""`ramify rollout abort`: end a run for good."""

from msgspec import structs

from ramify.cli import lazy
from ramify.cli.session import Session
from ramify.cli.standings import directory, find, run_argument
from ramify.cli.words import counted
from ramify.initiator.operator import who
from ramify.model.standing import ABORT, RESUMABLE, Standing, State


@lazy.command("ramify rollout abort", name="abort")
@run_argument
def command(session: Session, run: str) -> None:
    """End a run that goes on or waits; without RUN the last one.

    What is in flight ends. What was done stays: `ramify plan` shows what is left to do.
    """
    with directory(session) as place:
        standing = find(place, run, (State.RUNNING, *RESUMABLE))
        if standing.state is not State.RUNNING:
            place.rollouts.put(structs.replace(standing, state=State.ABORTED))
            session.say(_aborted(standing))
            return
        place.rollouts.wish(standing.run, ABORT, who())
        session.say(f"Run {standing.run} begins nothing new from now on; what is in flight ends.")


def _aborted(standing: Standing) -> str:
    left = len(standing.left)
    stay = "stays as it is" if left == 1 else "stay as they are"
    told = f"Run {standing.run} is aborted: {counted(left, 'node')} {stay}."
    if standing.state is State.INTERRUPTED:
        told += "\nInitiators may still end what they were handed before it was interrupted."
    return told
