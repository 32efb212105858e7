"""`--only failed`: the nodes that ended so in the last run that touched them."""

import click

from ramify.cli.failures import failure
from ramify.compile.selection import each, select
from ramify.directory.history import History
from ramify.initiator.operator import Workspace
from ramify.model.diagnostics import DiagnosticsError
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
    known = tuple(dict.fromkeys((*space.fleet.by_path, *space.records())))
    chosen, problems = select(selection, known)
    if problems.failed:
        raise DiagnosticsError(problems)
    last = last_outcomes(space.directory.history)
    found = [path for path in known if last.get(path) == only and (chosen is None or path in chosen)]
    if not found:
        summary = f"no node that is selected ended as {only} when it was last touched"
        raise failure("empty-selection", summary, "`ramify history` tells how runs ended.")
    return tuple(each(found, known))


def last_outcomes(history: History) -> dict[str, str]:
    """How each node ended in the last run that came to it; one that was passed by tells nothing new."""
    found: dict[str, str] = {}
    for ran in history.runs():
        for change in history.changes(ran.run):
            if change.outcome not in (Outcome.SKIPPED, Outcome.UNCHANGED):
                found.setdefault(change.path, change.outcome.value)
    return found
