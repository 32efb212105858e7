"""`ramify history`: the runs that there were."""

import click

from ramify.cli import history_view, lazy, past
from ramify.cli.arguments import paths_argument
from ramify.cli.history_view import Past
from ramify.cli.session import Session
from ramify.directory.sqlite import Directory
from ramify.initiator.earlier import REFRESH
from ramify.initiator.interrupted import going_on


@lazy.command(
    "ramify history",
    "ramify history /region1/zone2/app1   # each run that changed it",
    "ramify history --json | jq '.runs[0].counts'",
    name="history",
)
@paths_argument
@click.option("-n", "--limit", metavar="N", type=click.IntRange(1), default=20, help="How many runs to show.")
def command(session: Session, selection: tuple[str, ...], limit: int) -> None:
    """Show the runs that there were, newest first: who, when, what, from which bundle, and how it ended.

    With PATH only those that changed nodes there, and what each did to them. How many are remembered is said
    in ramify.yml: `history: {keep: 50}`.
    """
    with past.directory(session) as held:
        found = _found(held, selection)
    if session.json:
        session.document({"runs": [_told(one) for one in found[:limit]], "more": max(0, len(found) - limit)})
        return
    detailed = bool(selection)
    session.say(history_view.text(found[:limit], session.paint, full=session.verbose, detailed=detailed))
    if len(found) > limit:
        session.note(f"{len(found) - limit:,} earlier; `-n` shows more.")


def _found(held: Directory, selection: tuple[str, ...]) -> list[Past]:
    selected = past.chosen(held, selection)
    alive = going_on(held)
    runs = []
    for run in held.history.runs():
        changes = history_view.selected(held.history.changes(run.run), selected)
        if changes or (not selection and run.kind != REFRESH):
            runs.append(Past(run, changes, run.run in alive and not run.finished))
    return runs


def _told(one: Past) -> dict[str, object]:
    import msgspec  # noqa: PLC0415 - for programs only

    told: dict[str, object] = msgspec.to_builtins(one.run)
    return {**told, "running": one.running, "changes": one.changes}
