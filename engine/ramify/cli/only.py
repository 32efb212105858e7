"""`--only failed`: the nodes that ended so in the last run that touched them."""

import click

from ramify.cli.failures import failure
from ramify.cli.looking import chosen
from ramify.compile.selection import each
from ramify.directory.history import History
from ramify.initiator.operator import Workspace
from ramify.model.record import Outcome

CHOICES = tuple(outcome.value for outcome in (Outcome.FAILED, Outcome.OFFLINE, Outcome.UNKNOWN))

only_option = click.option(
    "--only", type=click.Choice(CHOICES), help="Of these those that ended so when last touched."
)  # fmt: skip


def ended_so(space: Workspace, selection: tuple[str, ...], only: str | None) -> tuple[str, ...]:
    """A selection narrowed to the nodes that ended so; as it is without a word.

    Raises:
        DiagnosticsError: none of them did.
    """
    if only is None:
        return selection
    last = last_outcomes(space.directory.history)
    found = [path for path in chosen(space, selection) if last.get(path) == only]
    if not found:
        summary = f"no node that is selected ended as {only} when it was last touched"
        raise failure("empty-selection", summary, "`ramify history` tells how runs ended.")
    return tuple(each(found, chosen(space, ())))


def last_outcomes(history: History) -> dict[str, str]:
    """How each node ended in the last run that came to it; one that was passed by tells nothing new."""
    found: dict[str, str] = {}
    for ran in history.runs():
        for change in history.changes(ran.run):
            if change.outcome not in (Outcome.SKIPPED, Outcome.UNCHANGED):
                found.setdefault(change.path, change.outcome.value)
    return found
