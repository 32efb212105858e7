"""The operation `commands`: Table 1 on one node, with its conditions, its lock and its journal."""

from __future__ import annotations

import os

from ramify.stub import environment, journal, layout, orders, releases, service, status, stopping, tables
from ramify.stub.wire import FAILED, MALFORMED, MISSING, REFUSED, StubError
from ramify.stub.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Optional

    from ramify.stub.wire import Header

# What carries out each transition. `deploy` and `remove` of the service are made of nothing but the journal.
ACTIONS: Dict[tables.Step, Callable[[Work], None]] = {
    (tables.ENVIRONMENT, tables.LOAD): environment.load,
    (tables.ENVIRONMENT, tables.CONFIGURE): environment.configure,
    (tables.ENVIRONMENT, tables.INSTALL): environment.install,
    (tables.ENVIRONMENT, tables.UNINSTALL): environment.uninstall,
    (tables.SERVICE, tables.CONFIGURE): service.configure,
    (tables.SERVICE, tables.START): service.start,
    (tables.SERVICE, tables.SHUTDOWN): service.shutdown,
    (tables.SERVICE, tables.ACTIVATE): service.activate,
    (tables.SERVICE, tables.DEACTIVATE): service.deactivate,
    (tables.SERVICE, tables.RELOAD): service.reload,
}

# What a node can be held as, on purpose; nothing lets it go.
_HELD = ("", "stopped", "paused")


def run(root: layout.Root, header: Header) -> Header:
    """Carry out the commands of a request, up to the first that is refused or fails."""
    path = layout.check_path(header.get("path"))
    held = _held(header.get("held"))
    names = _names(header.get("commands"), some=held is None)
    order = None if header.get("order") is None else orders.check(header["order"], path)
    if order is None and any(tables.COMMANDS[name].needs_order for name in names):
        raise StubError(MALFORMED, f"{', '.join(names)} for {path} without an order")
    if order is not None and os.path.lexists(root.trust):
        __import__("ramify.stub.trust", fromlist=["check"]).check(root, order, header.get("signed"))
    if order is not None:
        _require(root, names, order)
    work = Work(root, path, order)
    try:
        if work.record["pending"] is None and header.get("confirm") is None:
            return _run(work, names, held)
        pending = __import__("ramify.stub.pending", fromlist=["guarded"])
        result: Header = pending.guarded(work, names, header.get("confirm"), lambda: _run(work, names, held))
        return result
    finally:
        work.close()


def _held(value: object) -> Optional[str]:
    """What shall be noted of the node from now on; None leaves it as it is."""
    if value is not None and value not in _HELD:
        raise StubError(MALFORMED, f"held is none of {', '.join(filter(None, _HELD))}")
    return value if isinstance(value, str) else None


def _names(value: object, some: bool) -> List[str]:
    if not isinstance(value, list) or (some and not value):
        raise StubError(MALFORMED, "commands is not a list of commands")
    for name in value:
        if not isinstance(name, str) or name not in tables.COMMANDS:
            known = ", ".join(tables.COMMANDS)
            raise StubError(MALFORMED, f"no command {layout.shorten(name)}: there are {known}")
    return value


def _require(root: layout.Root, names: List[str], order: orders.Order) -> None:
    """Find out before anything is stopped that an artifact was not sent."""
    if tables.DEPLOY not in names and tables.CONFIGURE_ENV not in names:
        return
    root.hold()
    root.used.update(orders.needs(order))
    missing = [digest for digest in orders.needs(order) if not os.path.isfile(f"{root.packs}/{digest}")]
    if missing:
        raise StubError(MISSING, "artifacts are not here: send them, then repeat", "\n".join(missing))


def _run(work: Work, names: List[str], held: Optional[str]) -> Header:
    done: List[str] = []
    status.observe(work.record)
    try:
        if held is not None and (not held or _is_deployed_first(work, names)):
            # First: a service that shall run and does not start is one that failed, not one that is held,
            # and one that is deployed to be held as stopped is never started.
            _note(work, held)
        for name in names:
            work.open(name)
            _one(work, name)
            done.append(name)
        if held:
            _hold(work, held)
    except StubError as error:
        return _stopped(work, done, error)
    except OSError as error:  # the journal itself could not be written
        work.reread()
        return _stopped(work, done, StubError(FAILED, f"{work.command} of {work.path}: {error}"))
    return {"done": done, "state": status.describe(work.record, work.node)}


def _is_deployed_first(work: Work, names: List[str]) -> bool:
    return names[:1] == [tables.DEPLOY] and journal.state(work.record) == tables.INITIAL


def _hold(work: Work, held: str) -> None:
    if work.record["environment"] != tables.INSTALLED:
        raise StubError(REFUSED, f"{work.path}: nothing is installed that could be held")
    _note(work, held)


def _note(work: Work, held: str) -> None:
    if work.record["held"] != held:
        work.record["held"] = held
        work.write()


def _stopped(work: Work, done: List[str], error: StubError) -> Header:
    found = status.describe(work.record, work.node)
    error.fields.update(command=work.command, found=found)
    return dict(error.header(), done=done, state=found)


def _one(work: Work, name: str) -> None:
    """One command: its condition, then its steps, each journalled before and after."""
    reason = tables.condition(name, journal.state(work.record))
    if reason:
        raise StubError(REFUSED, f"{work.record['path']}: {reason}")
    recover(work)
    load = work.order is None or work.record["code"] != orders.code(work.order)
    for step in tables.steps(name, load, start=work.record["held"] != "stopped"):
        if stopping.asked(work.root):
            work.end()
            raise stopping.stopped(f"{name} of {work.path}")
        work.begin(step)
        try:
            ACTIONS[step](work)
        except StubError:
            work.end()
            raise
        except OSError as error:
            work.end()
            raise StubError(FAILED, f"{name}: {step[1]} of the {step[0]}: {error}") from None
        journal.advance(work.record, step)
    if tables.COMMANDS[name].needs_order:
        work.record["reverted"] = None
    work.end()


def recover(work: Work) -> None:
    """Clear away what a stub that was killed had begun: its processes, and a switch not yet journalled."""
    record = work.record
    if record["worker"]:
        environment.end_worker(work)
    if record["service"] not in tables.RUNNING and (record["pids"] or record["supervisor"]):
        service.halt(work)
    releases.restore_current(work.node, record)
