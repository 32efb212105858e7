"""What the transitions of the environment do: load, configure, install, uninstall.

Each builds beside what is there and can be run again; the current release stays as it is until the
installer of the next one has succeeded.
"""

from __future__ import annotations

import os

from ramify.stub import garbage, orders, process, releases, runner
from ramify.stub.wire import FAILED, STOPPED, StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from typing import Any, List

    from ramify.stub.work import Work
else:
    import _signal as signals  # `signal` builds enumerations when it is imported

_WORKER_WAIT = 5.0


def load(work: Work) -> None:
    """Begin a new release with the order's code, or go back to one that is kept and has it all."""
    order = work.needed_order()
    if not releases.take_up(work.root, work.node, work.record, order):
        releases.build(work.root, work.node, work.record, order)


def configure(work: Work) -> None:
    """Give the release its order: a fresh one, or one that is kept, never one that an installer failed on."""
    if not releases.is_ready(work.node, work.record, work.needed_order()):
        load(work)
    work.record["order"] = releases.configure(
        work.release(), work.needed_order(), releases.wanted_back(work.record)
    )


def install(work: Work) -> None:
    """Run the installer, unless it has made this release before; then make the release the current one."""
    record = work.record
    release = work.release()
    order = releases.order_of(release)
    if releases.is_installed(record, record["building"]):
        record["line"] = record["installed"][str(record["building"])]
    else:
        _run_installer(work, release, order)
    releases.make_current(work.node, record)
    record["environment_digest"] = order["environment_digest"]
    if releases.prune(work.node, record):
        work.root.collect_at_end = True


def _run_installer(work: Work, release: str, order: orders.Order) -> None:
    record, install = work.record, order["install"]
    record["attempted"] = record["building"]
    record["line"] = ""
    if install["argv"]:
        program = _program(work, release, order, install["argv"] + install["args"])
        record["line"] = run(work, program, "install", install["timeout"])
        _note_made(work, order["code"], release)


def _note_made(work: Work, code: orders.Order, release: str) -> None:
    """What an installer made of its own code is no drift."""
    if code["artifact"] and not code["share"]:
        manifests: Any = __import__("ramify.stub.manifests", fromlist=["note_made"])
        manifests.note_made(work.root, code["artifact"], release)


def uninstall(work: Work) -> None:
    """Reverse what installers did, newest first, then leave nothing behind.

    An order that comes with the command says how: the way out when the recorded uninstaller is broken.
    """
    for release in _installed(work):
        order = releases.order_of(release)
        argv = (work.order or order)["uninstall"]["argv"]
        if argv:
            program = _program(work, release, order, argv)
            run(work, program, "uninstall", order["install"]["timeout"])
    work.bury()
    garbage.collect(work.root)


def _installed(work: Work) -> List[str]:
    """Releases whose installer has done something, in whole or in part."""
    record = work.record
    tried = record["building"] if record["attempted"] == record["building"] else 0
    numbers = dict.fromkeys((tried, record["release"]))
    found = [releases.folder(work.node, number) for number in numbers if number]
    return [release for release in found if os.path.exists(f"{release}/order.json")]


def _program(work: Work, release: str, order: orders.Order, argv: List[str]) -> process.Program:
    """A program of a release, with the configuration of the installation."""
    known = orders.places(work.root, order, release)
    env = orders.environment(order["install"]["env"], known)
    return process.Program(orders.command_line(argv, known), env, known["code"], work.root.umask)


def run(work: Work, program: process.Program, name: str, timeout: float) -> str:
    """Run a program to its end, journalled before it may begin; the last line that it printed."""

    def announce(known: process.Identity) -> None:
        work.record["worker"] = known
        work.write()

    result = runner.run(program, f"{work.node}/log/{name}.log", timeout, announce, work.root)
    work.record["worker"] = None
    if result.reason():
        code = STOPPED if result.stopped else FAILED
        raise StubError(code, f"{name} of {work.path} {result.reason()}", result.tail)
    return result.line


def end_worker(work: Work) -> None:
    """End an installer whose stub was killed."""
    process.stop([work.record["worker"]], signals.SIGTERM, _WORKER_WAIT)
    work.record["worker"] = None
