"""`ramify lock`: which runs hold which subtrees."""

from collections.abc import Collection, Iterable
from contextlib import ExitStack
from typing import Any

import click

from ramify.cli import exits, lazy, past
from ramify.cli.arguments import paths_required
from ramify.cli.failures import failure
from ramify.cli.holdings import Answers, ask, breaks, breaks_there, not_asked, project_or_past, text
from ramify.cli.lazy import LazyGroup, Told, examples
from ramify.cli.session import Session
from ramify.initiator import leases
from ramify.initiator.messages import LockRequest
from ramify.initiator.operator import Workspace, who
from ramify.model import paths
from ramify.model.history import Lease

COMMANDS = {
    "list": Told("ramify.cli.commands.lock", "Show which runs hold which subtrees.", "list_"),
    "release": Told("ramify.cli.commands.lock", "Take a lock away from whoever holds it.", "release"),
}

MOST_PATHS = 1000
"""So many paths are named to initiators; with more they are all asked."""

QUESTION = """
Do you really want to take {number} away?
  Only "yes" will be accepted to approve.

  Enter a value: """


@lazy.with_global_options
@click.group(
    name="lock",
    cls=LazyGroup,
    told=COMMANDS,
    epilog=examples("ramify lock list --refresh", "ramify lock release /region1"),
)
def command() -> None:
    """Locks: one run works on a subtree at a time, disjoint subtrees are worked on side by side."""


@lazy.command("ramify lock list", "ramify lock list --refresh", "ramify lock list --json", name="list")
@click.option("--refresh/--no-refresh", help="Ask the initiators, too: they know of other operators' runs.")
def list_(session: Session, *, refresh: bool) -> None:
    """Show which runs hold which subtrees: what they do, whose they are, and since when.

    These are the locks of this project's directory; with --refresh also those that initiators hold for
    operators on other machines, or for runs that have lost their operator.

    A lock ends with its run. Here it also ends with the run's process, or a minute after that was heard of
    last. An initiator goes on for a quarter of an hour without anybody above it, then it begins nothing more.
    """
    answers = None
    if refresh:
        with project_or_past(session) as space:
            answers = ask(space, LockRequest(paths.ROOT)) if space else Answers()
    with past.directory(session) as held:
        found = held.leases.all()
    if session.json:
        session.document({"locks": [_document(lease) for lease in found], **_told(answers)})
        return
    session.say(text(found, answers))
    if answers is not None and answers.unasked:
        session.note(not_asked(answers))


def _document(lease: Lease) -> dict[str, object]:
    import msgspec  # noqa: PLC0415 - for programs only

    told: dict[str, object] = msgspec.to_builtins(lease)
    return {**told, "held": not leases.is_dead(lease)}


def _told(answers: Answers | None) -> dict[str, Any]:
    """What initiators said, as data."""
    return {} if answers is None else {"initiators": answers.holdings, "unasked": answers.unasked}


@lazy.command("ramify lock release /region1", "ramify lock release / -y", name="release")
@paths_required
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--refresh/--no-refresh", default=True, help="Ask the initiators, too (the default).")
def release(session: Session, selection: tuple[str, ...], *, yes: bool, refresh: bool) -> int:
    """Take the locks away that hold PATH, or a part of it: here, and at the initiators there.

    Asks, and tells what it breaks: a run that goes on begins nothing more, finishes what it is at work on,
    and ends. Until then nobody else begins. What was not begun is told by that run, node by node.
    """
    if not yes and not session.interactive:
        raise failure("approval", "nobody is there to approve it", "`-y` does it without asking.")
    with ExitStack() as stack:
        space = stack.enter_context(project_or_past(session)) if refresh else None
        here, answers, request = _found(session, space, selection)
        others = answers.others(here)
        if answers.unasked:
            session.note(not_asked(answers))
        if not here and not others:
            session.say("No lock holds it." if not answers.unasked else "No lock is known to hold it.")
            _released(session, ())
            return exits.OFFLINE if answers.unasked else exits.DONE
        session.say("\n".join((*map(breaks, here), *map(breaks_there, others))))
        runs = {lease.run: None for lease in (*here, *(one.lease for one in others))}
        number = "this lock" if len(runs) == 1 else f"these {len(runs)} locks"
        if not yes and session.ask(QUESTION.format(number=number)).strip() != "yes":
            session.note("Nothing was done.")
            return exits.ERROR
        _take_away(session, here)
        if space is not None and answers.holdings:
            ask(space, LockRequest(paths.ROOT, request.paths, tuple(runs), who()))
    _released(session, runs)
    return exits.DONE


def _found(
    session: Session, space: Workspace | None, selection: tuple[str, ...]
) -> tuple[list[Lease], Answers, LockRequest]:
    """The locks that hold some nodes, here and at initiators, and how these were asked."""
    more: Collection[str] = space.fleet.by_path if space is not None else ()
    with past.directory(session) as held:
        selected = past.chosen(held, selection, more)
        here = _holding(held.leases.all(), selected)
    tops = leases.tops(selected or ())
    request = LockRequest(paths.ROOT, tops if len(tops) <= MOST_PATHS else ())
    if space is None or (selected is not None and not selected):
        return here, Answers(), request
    answers = ask(space, request)
    concerned = tuple(one for one in answers.holdings if _holding((one.lease,), selected))
    return here, Answers(concerned, answers.unasked), request


def _holding(known: Iterable[Lease], selected: Collection[str] | None) -> list[Lease]:
    """The locks that hold any of some nodes."""
    return [lease for lease in known if selected is None or _holds(lease, selected)]


def _holds(lease: Lease, selected: Collection[str]) -> bool:
    return any(paths.within(path, held) for path in selected for held in lease.paths)


def _take_away(session: Session, found: Iterable[Lease]) -> None:
    """A run that goes on lets go itself, once it is through; what was left behind goes at once."""
    with past.directory(session) as held:
        for lease in found:
            if leases.is_dead(lease):
                held.leases.release(lease.run)
            else:
                held.leases.wish(lease.run, who())


def _released(session: Session, runs: Iterable[str]) -> None:
    if session.json:
        session.document({"released": list(runs)})
