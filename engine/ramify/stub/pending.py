"""Changes that are taken back unless whoever asked for them comes again and confirms them.

Rule 1: a watchdog stands, and the journal names it, before the first command of a change.
Rule 2: a command that fails takes the change back at once; the end of the stub, or nobody who confirms in
time, has the watchdog do it.
Rule 3: whoever finds a pending change without its watchdog (killed, or the host rebooted) takes it back.
Rule 4: taking back can begin again at any time: what it goes back to stays untouched until the end.
"""

from __future__ import annotations

import os
import time

from ramify.stub import (
    commands,
    environment,
    files,
    journal,
    layout,
    process,
    releases,
    service,
    status,
    supervisor,
    tables,
)
from ramify.stub.wire import FAILED, LOCKED, MALFORMED, REFUSED, REVERTED, StubError, decode
from ramify.stub.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from ramify.stub.journal import Record
    from ramify.stub.wire import Header
else:
    import _signal as signals  # `signal` builds enumerations when it is imported

COMMAND = "revert"  # in the journal's `open`
_GO = b"g"
_MOST = 3600
# What a journal says of a release and of its service.
_DIGESTS = ("digest", "environment_digest", "service_digest", "binding")
_TOLD = ("release", "code", "line", "order", "attempted", "service", *_DIGESTS)


def guarded(work: Work, names: List[str], asked: Optional[object], carry: Callable[[], Header]) -> Header:
    """Carry commands out so that they are taken back unless they succeed and are confirmed.

    A change that was not confirmed yet makes room for this one; both go back to the same. Where nothing
    runs yet there is nothing to go back to.
    """
    token, seconds = _asked(asked)
    status.observe(work.record)
    if not names or tables.condition(names[0], journal.state(work.record)):
        return carry()  # nothing changes
    back = _point(work)
    _dismiss(work.record)
    if asked is None or back is None:
        return carry()
    watchdog, leash = _watchdog(work, token, seconds)
    try:
        told = {"token": token, "seconds": seconds, "back": back, "watchdog": watchdog, "why": ""}
        work.record["pending"] = told
        work.record["reverted"] = None
        work.write()
        reply = carry()
        if "error" in reply:
            return _taken_back(work, reply)
        os.write(leash, _GO)
        return reply
    finally:
        os.close(leash)


def _asked(value: object) -> Tuple[str, float]:
    if value is None:
        return "", 0
    fields: Any = value if isinstance(value, dict) else {}
    token, seconds = fields.get("token"), fields.get("seconds")
    if not layout.is_word(token):
        raise StubError(MALFORMED, "confirm.token is not a word")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= _MOST:
        raise StubError(MALFORMED, f"confirm.seconds is not a number up to {_MOST}")
    return token, seconds


def _point(work: Work) -> Optional[Dict[str, Any]]:
    """What there is to go back to."""
    record = work.record
    if record["pending"] is not None:
        known: Dict[str, Any] = record["pending"]["back"]
        return known
    if record["environment"] != tables.INSTALLED or record["service"] not in tables.RUNNING:
        return None
    config = releases.configuration(releases.folder(work.node, record["release"]))
    return {"config": config, **{name: record[name] for name in _TOLD}}


def _dismiss(record: Record) -> None:
    """Nothing is pending any more; the journal says so with its next entry."""
    pending, record["pending"] = record["pending"], None
    if pending is not None and process.alive(pending["watchdog"]):
        os.kill(pending["watchdog"][0], signals.SIGTERM)


def _taken_back(work: Work, reply: Header) -> Header:
    """The reply to commands that failed: everything is as it was before them, if that is possible."""
    error = reply["error"]
    revert(work, error["message"])
    state = status.describe(work.record, work.node)
    problem = work.record["reverted"]["problem"]
    error.update(code=REVERTED, found=state)
    if problem:
        error.update(
            code=FAILED, message=f"{error['message']}; going back to what was there failed, too: {problem}"
        )
    return dict(reply, state=state)


def revert(work: Work, why: str) -> None:
    """Take the pending change back, and say so."""
    record = work.record
    pending = record["pending"]
    pending["why"] = why
    work.command, problem = COMMAND, ""
    work.write()
    try:
        problem = _go_back(work, pending["back"])
    except (StubError, OSError) as error:
        problem = str(error)
    done = {"release": record["release"], "at": round(time.time(), 3), "problem": problem}
    record["reverted"] = dict(done, token=pending["token"], why=why)
    record["pending"] = record["open"] = None
    work.write()
    if pending["watchdog"][0] != os.getpid() and process.alive(pending["watchdog"]):
        os.kill(pending["watchdog"][0], signals.SIGTERM)


def _go_back(work: Work, back: Dict[str, Any]) -> str:
    """Have what was there run again; what could not be done about it, if there is anything."""
    record = work.record
    commands.recover(work)
    if record["service"] in tables.RUNNING:
        _step(work, (tables.SERVICE, tables.SHUTDOWN), service.shutdown)
    config = _config(work.node, back)
    order = decode(files.read(f"{config}/order.json"))
    problem = ""
    # What the other installer did outside of its release is undone by nobody but its predecessor.
    again = order["install"]["argv"] and record["attempted"] != back["attempted"]
    if again:
        problem = _install_again(work, order)
    if not again or problem:
        _switch_back(work, back, config)
    record.update({name: back[name] for name in _DIGESTS})
    work.begin((tables.SERVICE, tables.START))
    ill = service.start_again(work)
    journal.advance(work.record, (tables.SERVICE, tables.START))
    if back["service"] == tables.PASSIVE:
        _step(work, (tables.SERVICE, tables.DEACTIVATE), service.deactivate)
    return problem or ill


def _config(node: str, back: Dict[str, Any]) -> str:
    """The folder of the order and the configuration files that were in force."""
    return f"{releases.folder(node, back['release'])}/orders/{back['config']}"


def _step(work: Work, step: tables.Step, action: Callable[[Work], None]) -> None:
    work.begin(step)
    action(work)
    journal.advance(work.record, step)


def _install_again(work: Work, order: Any) -> str:
    """Install the earlier code into a release of its own, as an installer wants it; why that failed."""
    work.order = order
    work.root.hold()
    try:
        _step(work, (tables.ENVIRONMENT, tables.LOAD), _load)
        _step(work, (tables.ENVIRONMENT, tables.CONFIGURE), environment.configure)
        _step(work, (tables.ENVIRONMENT, tables.INSTALL), environment.install)
        journal.advance(work.record, (tables.SERVICE, tables.CONFIGURE))
    except (StubError, OSError) as error:
        return f"the earlier release was not installed anew: {error}"
    return ""


def _load(work: Work) -> None:
    releases.build(work.root, work.node, work.record, work.needed_order())


def _switch_back(work: Work, back: Dict[str, Any], config: str) -> None:
    """Have the earlier release be the current one: no row of Table 1, for what it says is there already."""
    record, node = work.record, work.node
    release = releases.folder(node, back["release"])
    number, building = back["release"], record["building"]
    if building and not releases.is_installed(record, building):
        files.remove_tree(releases.folder(node, building))
        record["artifacts"].pop(str(building), None)
    releases.switch(f"{release}/now", f"orders/{os.path.basename(config)}")
    releases.switch(f"{node}/current", f"releases/{number}")
    record.update(release=number, building=0)
    record.update({name: back[name] for name in ("attempted", "code", "line", "order")})
    record.update(environment=tables.INSTALLED, service=tables.CONFIGURED)


# The watchdog.


def _watchdog(work: Work, token: str, seconds: float) -> Tuple[process.Identity, int]:
    """Fork a process that outlives this session, and the end of a pipe: by its closing it sees us die."""
    entry, leash = os.pipe()
    pid = os.fork()
    if pid:
        os.close(entry)
        return process.identity(pid), leash
    try:
        os.setsid()
        supervisor.detach((entry,))
        for name in ("SIGHUP", "SIGINT"):
            signals.signal(getattr(signals, name), signals.SIG_IGN)
        signals.signal(signals.SIGTERM, signals.SIG_DFL)
        _watch(entry, work, token, seconds)
    finally:
        os._exit(0)


def _watch(entry: int, work: Work, token: str, seconds: float) -> None:
    if os.read(entry, 1) == _GO:
        time.sleep(seconds)
        why = f"not confirmed within {seconds:g} s"
    else:
        why = f"the stub that changed {work.path} was killed"
    root = layout.Root(work.root.path)
    root.umask = work.root.umask
    again = _patiently(root, work.path)
    if again.record["pending"] is not None and again.record["pending"]["token"] == token:
        signals.signal(signals.SIGTERM, signals.SIG_IGN)  # it has begun: nobody can confirm it any more
        revert(again, why)
    again.close()
    if root.collect_at_end:
        files.touch(root.due)


def _patiently(root: layout.Root, path: str) -> Work:
    """The node, whoever holds it now."""
    work = None
    while work is None:
        work = _now(root, path)
    return work


def _now(root: layout.Root, path: str) -> Optional[Work]:
    """The node, unless somebody else goes on working on it."""
    try:
        return Work(root, path, None)
    except StubError as error:
        if error.code != LOCKED:
            raise
        return None


def settled(root: layout.Root, record: Record) -> Record:
    """A record with something pending, as it is after somebody has looked after that."""
    if process.alive(record["pending"]["watchdog"]):
        return record
    work = _now(root, record["path"])
    if work is None:
        return record
    try:
        pending = work.record["pending"]
        if pending is not None and not process.alive(pending["watchdog"]):
            revert(work, pending["why"] or "its watchdog was killed, or the host rebooted")
        return work.record
    finally:
        work.close()


def confirm(root: layout.Root, header: Header) -> Header:
    """The operation `confirm`: the change with this token stays."""
    path, token = layout.check_path(header.get("path")), header.get("token")
    work = Work(root, path, None)
    try:
        pending, reverted = work.record["pending"], work.record["reverted"]
        if pending is not None and pending["token"] == token and not pending["why"]:
            _dismiss(work.record)
            work.record["confirmed"] = token
            work.write()
        elif work.record["confirmed"] != token or not token:
            mine = reverted is not None and reverted["token"] == token
            why = reverted["why"] if mine else "no such change is pending"
            found = status.describe(work.record, work.node)
            raise StubError(REVERTED if mine else REFUSED, f"{path}: {why}", found=found)
        return {"state": status.describe(work.record, work.node)}
    finally:
        work.close()
