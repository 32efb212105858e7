"""Who holds what: the locks of this directory, those that initiators tell of, and how both are shown."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from msgspec import structs

from ramify.cli import labs, past
from ramify.cli.folding import fold, shortened
from ramify.cli.project import ASKING_NOBODY
from ramify.cli.session import Session
from ramify.cli.tables import table
from ramify.initiator import earlier, leases
from ramify.initiator.holders import Holders
from ramify.initiator.messages import Holds, LockRequest, Unasked
from ramify.initiator.operator import Workspace, own_place, workspace
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.history import Holding, Lease, spell
from ramify.repository import project

HERE = "here"
NOBODY_ASKED = "No initiator is asked: the project has errors, and nothing that was applied is remembered."
MOST = 3
_HEADING = ("RUN", "WHAT", "PATHS", "OWNER", "SINCE (UTC)", "AGE", "STATE")


_GOES_ON = (
    "  It begins nothing more as soon as it sees that, finishes what it is at work on, and ends.\n"
    "  Nobody else begins there before."
)


class Answers(NamedTuple):
    """What initiators hold, and who could not be asked."""

    holdings: tuple[Holding, ...] = ()
    unasked: tuple[Unasked, ...] = ()

    def others(self, here: Iterable[Lease]) -> list[Holding]:
        """Of each run that does not live here, what it holds at the topmost initiators that know of it."""
        known = {lease.run for lease in here if not leases.is_dead(lease)}
        by_run: dict[str, list[Holding]] = {}
        for one in self.holdings:
            if one.lease.run not in known:
                by_run.setdefault(one.lease.run, []).append(one)
        return [
            one for found in by_run.values() for one in found if one.at in leases.tops(x.at for x in found)
        ]


def _topmost(found: list[Holding]) -> list[Holding]:
    tops = leases.tops(one.at for one in found)
    return [one for one in found if one.at in tops]


@contextmanager
def project_or_past(session: Session) -> Iterator[Workspace | None]:
    """The project as it is, or, while its files have errors, as it was applied last.

    None, which is told, when it has errors, and no bundle is kept that this Ramify can read.
    """
    overlay = labs.overlay(session.folder)
    found = project.load(session.folder, overlay=overlay, reading=ASKING_NOBODY, runtimes=False)
    with ExitStack() as stack:
        try:
            space = stack.enter_context(workspace(found, signed=False))
        except DiagnosticsError:
            with past.directory(session) as held:
                last = earlier.latest(held)
            if last is None:
                session.note(session.paint_notes("warning", NOBODY_ASKED))
                yield None
                return
            last = structs.replace(last, inventory=overlay(last.inventory))
            again = project.resumed(session.folder, last)
            space = stack.enter_context(workspace(again, signed=False))
        yield space


def ask(space: Workspace, request: LockRequest) -> Answers:
    """Ask the initiators, and have them end the runs that are named."""
    holdings: list[Holding] = []
    unasked: list[Unasked] = []

    async def hear(told: Holds | Unasked) -> None:
        if isinstance(told, Holds):
            holdings.extend(told.holdings)
        else:
            unasked.append(told)

    async def ask_all() -> None:
        async with own_place(space) as place:
            await Holders(space.fleet, space.records(), place.hosts, hear).ask(request)

    asyncio.run(ask_all())
    found = sorted(holdings, key=lambda one: (one.at, one.lease.run))
    return Answers(tuple(found), tuple(sorted(unasked, key=lambda one: one.path)))


def text(here: tuple[Lease, ...], answers: Answers | None) -> str:
    """All locks as a table; those of one run once."""
    rows = [_row(lease, leases.age(lease), _state(lease)) for lease in here]
    if answers is None:
        return "\n".join(table(rows, _HEADING)) if rows else "No locks."
    rows = [(*row, HERE) for row in rows]
    rows += [(*_row(one.lease, one.age, left(one)), one.at) for one in answers.others(here)]
    return "\n".join(table(rows, (*_HEADING, "HELD AT"))) if rows else "No locks."


def _row(lease: Lease, age: float | None, state: str) -> tuple[str, ...]:
    since = lease.started[:19].replace("T", " ")
    names, more = shortened(fold(lease.paths), MOST)
    where = ", ".join(names) + (" …" if more else "")
    return lease.run, lease.kind, where, lease.owner, since, "" if age is None else spell(age), state


def _state(lease: Lease) -> str:
    if leases.is_dead(lease):
        return "left behind"
    return f"ends, released by {lease.released}" if lease.released else "held"


def left(holding: Holding) -> str:
    """How long an initiator still holds it."""
    if holding.lease.released:
        return f"ends, released by {holding.lease.released}"
    return "held" if holding.left is None else f"alone, ends in {spell(holding.left)}"


def not_asked(answers: Answers) -> str:
    """Who could not be asked, and why; nothing if all were."""
    by_why: dict[str, list[str]] = {}
    for one in answers.unasked:
        by_why.setdefault(one.why, []).append(one.path)
    return "\n".join(f"Not asked: {', '.join(fold(found))}: {why}" for why, found in by_why.items())


def breaks(lease: Lease) -> str:
    """What it means to take a lock away that lies here."""
    if leases.is_dead(lease):
        return f"Run {lease.run} of {lease.owner} left its lock behind: nothing is broken."
    return f"{_sentence(leases.told(lease))}\n{_GOES_ON}"


def breaks_there(holding: Holding) -> str:
    """The same of one that an initiator holds."""
    told = f"At the initiator of {holding.at}: {leases.told(holding.lease).removeprefix('locked: ')}"
    if holding.left is None:
        return f"{told}\n{_GOES_ON}"
    alone = f"  Nobody above it is there any more; it would end by itself in {spell(holding.left)}."
    return f"{told}\n{alone}\n{_GOES_ON}"


def _sentence(told: str) -> str:
    words = told.removeprefix("locked: ")
    return words[0].upper() + words[1:]
