"""`ramify lock`: which runs hold which subtrees."""

from collections.abc import Collection, Iterable

import click

from ramify.cli import exits, lazy, past
from ramify.cli.arguments import paths_required
from ramify.cli.failures import failure
from ramify.cli.lazy import LazyGroup, Told, examples
from ramify.cli.session import Session
from ramify.cli.tables import table
from ramify.initiator import leases
from ramify.model.history import Lease
from ramify.model.paths import within

COMMANDS = {
    "list": Told("ramify.cli.commands.lock", "Show which runs hold which subtrees.", "list_"),
    "release": Told("ramify.cli.commands.lock", "Take a lock away from whoever holds it.", "release"),
}

QUESTION = """
Do you really want to take {number} away?
  Only "yes" will be accepted to approve.

  Enter a value: """


@lazy.with_global_options
@click.group(
    name="lock",
    cls=LazyGroup,
    told=COMMANDS,
    epilog=examples("ramify lock list", "ramify lock release /region1"),
)
def command() -> None:
    """Locks: one run works on a subtree at a time, disjoint subtrees are worked on side by side."""


@lazy.command("ramify lock list", "ramify lock list --json", name="list")
def list_(session: Session) -> None:
    """Show the locks of this project's directory: run, what it does, where, whose it is, and since when.

    A lock ends with its run, with the run's process, or a minute after that was heard of last.
    """
    with past.directory(session) as held:
        found = held.leases.all()
    if session.json:
        session.document({"locks": [_document(lease) for lease in found]})
        return
    rows = [_row(lease) for lease in found]
    heading = ("RUN", "WHAT", "PATHS", "OWNER", "SINCE (UTC)", "STATE")
    session.say("\n".join(table(rows, heading)) if rows else "No locks.")


def _document(lease: Lease) -> dict[str, object]:
    import msgspec  # noqa: PLC0415 - for programs only

    told: dict[str, object] = msgspec.to_builtins(lease)
    return {**told, "held": not leases.is_dead(lease)}


def _row(lease: Lease) -> tuple[str, ...]:
    state = "left behind" if leases.is_dead(lease) else "held"
    since = lease.started[:19].replace("T", " ")
    return lease.run, lease.kind, ", ".join(lease.paths[:3]), lease.owner, since, state


@lazy.command("ramify lock release /region1", "ramify lock release / -y", name="release")
@paths_required
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def release(session: Session, selection: tuple[str, ...], *, yes: bool) -> int:
    """Take the locks away that hold PATH, or a part of it.

    Asks, and tells what it breaks: a run that goes on begins nothing more, and ends.
    """
    if not yes and not session.interactive:
        raise failure("approval", "nobody is there to approve it", "`-y` does it without asking.")
    with past.directory(session) as held:
        found = _holding(held.leases.all(), past.chosen(held, selection))
        if not found:
            session.say("No lock holds it.")
            return _released(session, found)
        session.say("\n".join(_breaks(lease) for lease in found))
        number = "this lock" if len(found) == 1 else f"these {len(found)} locks"
        if not yes and session.ask(QUESTION.format(number=number)).strip() != "yes":
            session.note("Nothing was done.")
            return exits.ERROR
        for lease in found:
            held.leases.release(lease.run)
    return _released(session, found)


def _holding(known: Iterable[Lease], selected: Collection[str] | None) -> list[Lease]:
    """The locks that hold any of some nodes."""
    return [lease for lease in known if selected is None or _holds(lease, selected)]


def _holds(lease: Lease, selected: Collection[str]) -> bool:
    return any(within(path, held) for path in selected for held in lease.paths)


def _released(session: Session, found: list[Lease]) -> int:
    if session.json:
        session.document({"released": [lease.run for lease in found]})
    return exits.DONE


def _breaks(lease: Lease) -> str:
    if leases.is_dead(lease):
        return f"Run {lease.run} of {lease.owner} left its lock behind: nothing is broken."
    return (
        f"{leases.told(lease)}\n"
        "  It begins nothing more as soon as it sees that, and ends; what it is at work on it finishes."
    )
