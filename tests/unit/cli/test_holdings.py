"""What is shown of locks that initiators hold."""

import os
import re
import socket
import time
from collections.abc import Callable

from msgspec import structs

from ramify.cli import holdings
from ramify.cli.holdings import Answers
from ramify.initiator.messages import Unasked
from ramify.model.history import Holding, Lease

Golden = Callable[[str, str], None]
STARTED = "2026-03-01T08:00:00+00:00"


def held(run: str, at: str, *paths: str, left: float | None = None, age: float = 40, by: str = "") -> Holding:
    lease = Lease(run=run, kind="apply", paths=paths, who=f"{run}@pc7", started=STARTED, released=by)
    return Holding(at, lease, age, left)


def mine(run: str, *, pid: int) -> Lease:
    return Lease(
        run=run, kind="apply", paths=("/r1",), who="ada@pc1", started=STARTED,
        machine=socket.gethostname(), pid=pid, expires=time.time() + 60,
    )  # fmt: skip


TOLD = Answers(
    (
        held("ada", "/r1", "/r1/zone1"),
        held("bob", "/r2", "/r2/zone1", "/r2/zone2"),
        held("bob", "/r2/zone1", "/r2/zone1/app1", left=10),
        held("eve", "/r3", "/r3/app[1-2]", left=850, age=7300),
        held("kim", "/r4", "/r4", by="ada@pc1"),
    ),
    (Unasked("/r5", "no route to host"), Unasked("/r6", "no route to host")),
)


def test_each_run_is_told_once_where_the_topmost_initiator_holds_it_and_for_how_long(golden: Golden) -> None:
    found = holdings.text((mine("ada", pid=os.getpid()),), TOLD)
    golden("cli/lock-list-refresh.txt", re.sub(r"\d+ d", "N d", re.sub(r" {2,}|, pid \d+", "  ", found)))
    assert holdings.not_asked(TOLD) == "Not asked: /r[5-6]: no route to host"


def test_what_a_dead_process_has_left_below_is_told_beside_its_lock() -> None:
    dead = mine("ada", pid=2**22 + 1)
    assert [one.lease.run for one in TOLD.others((dead,))] == ["ada", "bob", "eve", "kim"]
    assert "left behind" in holdings.text((dead,), None)
    assert holdings.text((), Answers()) == "No locks."


def test_it_is_told_what_releasing_breaks(golden: Golden) -> None:
    told = [holdings.breaks_there(one) for one in TOLD.holdings[-2:]]
    told += [holdings.breaks(structs.replace(mine("ada", pid=os.getpid()), pid=0, machine="pc1"))]
    golden("cli/lock-breaks.txt", re.sub(r"for \d+ d", "for N d", "\n".join(told)))
