"""`ramify rollout resume`: go on with a run that was paused."""

from dataclasses import replace

from msgspec import structs

from ramify.cli import lazy
from ramify.cli.confirming import confirm_options
from ramify.cli.failures import failure
from ramify.cli.following import follow_option, must_be_there
from ramify.cli.goal_words import GIVING
from ramify.cli.performing import perform
from ramify.cli.project import warn
from ramify.cli.session import Session
from ramify.cli.standings import directory, find, run_argument
from ramify.compile.selection import each
from ramify.compile.steps import AIMS
from ramify.directory.sqlite import Directory
from ramify.initiator.operator import Workspace, workspace
from ramify.model import bundle as bundles
from ramify.model.bundle import UnusableBundleError
from ramify.model.history import Cause, Ran
from ramify.model.plan import Goal
from ramify.model.standing import RESUMABLE, Standing, State
from ramify.repository import project


@lazy.command("ramify rollout resume", "ramify rollout resume 3f2a", name="resume")
@run_argument
@confirm_options
@follow_option
def command(session: Session, run: str) -> int:
    """Go on with what a paused run has left, as it was planned then; without RUN with the last one.

    What the project's files say by now does not count. Waves and limits begin anew for what is left. A
    restart, or `configure`, goes on with those nodes only that it had not begun.
    """
    with directory(session) as place:
        standing = find(place, run, RESUMABLE)
        ran = next((one for one in place.history.runs() if one.run == standing.run), None)
        data = place.bundles.get(ran.bundle) if ran else None
    if ran is None or data is None:
        raise failure("unknown-run", f"the bundle of run {standing.run} is not kept", "Apply again.")
    try:
        found = project.resumed(session.folder, bundles.decode(data, ran.bundle))
    except UnusableBundleError as error:
        raise failure(
            "unknown-run", f"run {standing.run} cannot be resumed: {error}", "Apply again."
        ) from error
    goal = goal_of(ran)
    with workspace(found, signed=goal in GIVING, data=data, cause=_cause(ran)) as opened:
        warn(session, list(opened.diagnostics))
        must_be_there(session, opened)
        space = replace(opened, most=standing.most)
        plan = space.plan(_selection(space, ran, standing), goal=goal)
        code = perform(session, space, plan, yes=True, name="Rollback" if ran.back_to else "")
        _remember(space.directory, standing.run, done=not plan.anything)
        return code


def goal_of(ran: Ran) -> Goal:
    """What a run was for: a rollback, too, brings nodes to what its bundle says."""
    return next((goal for goal in AIMS if goal == ran.kind), "apply")


def _cause(ran: Ran) -> Cause:
    """A rollback goes on as one: history tells where it leads."""
    return Cause(kind=ran.kind, back_to=ran.back_to) if ran.back_to else Cause()


def _selection(space: Workspace, ran: Ran, standing: Standing) -> tuple[str, ...]:
    """What the run was for; of a restart and its like what it left, since no state tells the rest apart."""
    if not AIMS[goal_of(ran)].anew or not standing.left:
        return ran.selection
    return tuple(each(standing.left, tuple(dict.fromkeys((*space.fleet.by_path, *space.records())))))


def _remember(place: Directory, run: str, *, done: bool) -> None:
    """The run that goes on has taken the place of the one that had stopped; say how that came."""
    standing = place.rollouts.get(run)
    if standing is not None and (done or standing.next):
        state = State.DONE if done else State.RESUMED
        place.rollouts.put(structs.replace(standing, state=state))
