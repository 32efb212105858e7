"""Which rollout a command speaks of."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import click

from ramify.cli.failures import failure
from ramify.cli.session import Session
from ramify.directory.sqlite import Directory
from ramify.initiator.interrupted import settle
from ramify.initiator.operator import directory_file
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.standing import Standing, State
from ramify.repository import project

run_argument = click.argument("run", metavar="[RUN]", required=False, default="")


@contextmanager
def directory(session: Session) -> Iterator[Directory]:
    """The directory of the project, whatever else of it is wrong."""
    found = project.known(session.folder)
    if found.project is None:
        raise DiagnosticsError(found.diagnostics)
    opened = Directory(directory_file(found))
    try:
        settle(opened)
        yield opened
    finally:
        opened.close()


def find(place: Directory, run: str, states: Collection[State]) -> Standing:
    """The rollout of a run, or the last one in any of some states.

    Raises:
        DiagnosticsError: there is none.
    """
    everything = place.rollouts.all()
    if run:
        fitting = [one for one in everything if one.run.startswith(run)]
        if len(fitting) != 1:
            known = ", ".join(one.run for one in everything[:5]) or "none"
            word = "several runs begin" if fitting else "no run begins"
            raise failure("unknown-run", f'{word} with "{run}"', f"Known: {known}.")
        if fitting[0].state not in states:
            raise failure("wrong-state", f"run {fitting[0].run} is {fitting[0].state.value}", _can(states))
        return fitting[0]
    found = next((one for one in everything if one.state in states), None)
    if found is None:
        raise failure("unknown-run", "there is no such rollout", _can(states))
    return found


def _can(states: Collection[State]) -> str:
    words = " or ".join(sorted(state.value for state in states))
    return f"It takes one that is {words}; `ramify rollout status` shows the last one."
