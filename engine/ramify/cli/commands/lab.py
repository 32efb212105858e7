"""`ramify lab`: hosts to try things on, for ordinary users."""

import click

from ramify.cli import labs, lazy
from ramify.cli.failures import failure
from ramify.cli.lazy import examples
from ramify.cli.project import opened
from ramify.cli.session import Session
from ramify.cli.tables import table
from ramify.cli.words import counted
from ramify.repository.project import PROJECT, Reading, load
from ramify.transport import labstate
from ramify.transport.labstate import LabStatus


@lazy.with_global_options
@click.group(name="lab", epilog=examples("ramify lab up", "ramify lab status", "ramify lab down"))
def command() -> None:
    """The embedded lab: an SSH server on this machine that plays every host of a lab inventory.

    Each host has a port on loopback, a host key and a home folder of its own below .ramify/lab. What runs
    there is what runs on real hosts: the same client, the same stub, the same bytes.
    """


@lazy.command("ramify lab up", name="up")
def up(session: Session) -> None:
    """Start the hosts of the inventory that have `transport: lab`; adds new ones to a lab that runs.

    As on well-kept networks a host lets in only those who have work there: the operator to hosts of top
    nodes, and to every other host that of the parent of a node on it.
    """
    from ramify.transport import lab  # noqa: PLC0415 - what starts processes; looking at a lab needs none

    with opened(session, signed=False) as space:
        wanted = labs.access(space.fleet, space.records())
    if not wanted:
        raise failure(
            "no-lab", "no host of the inventory has `transport: lab`", "Write it under `defaults:`."
        )
    lab.up(labs.place(session.folder), wanted)
    _show(session)


@lazy.command("ramify lab down", "ramify lab down --keep", name="down")
@click.option("--keep", is_flag=True, help="Keep the hosts' files, for the next `lab up`.")
def down(session: Session, keep: bool) -> None:
    """Stop all services on the lab's hosts, then the hosts, and take their files away."""
    from ramify.transport import lab  # noqa: PLC0415 - as above

    _must_be_project(session)
    before = labstate.state(labs.place(session.folder))
    lab.down(labs.place(session.folder), keep=keep)
    if before is not None and not keep:
        labs.forget(load(session.folder, reading=Reading(ask=False)), before.hosts)
    _show(session)


@lazy.command("ramify lab status", name="status")
def status(session: Session) -> None:
    """Show whether the lab runs, and its hosts."""
    _must_be_project(session)
    _show(session)


for _command in (up, down, status):
    command.add_command(_command)


def _must_be_project(session: Session) -> None:
    if not (session.folder / PROJECT).is_file():
        raise failure(
            "no-project",
            f"there is no {PROJECT} in {session.folder.absolute()}",
            "`-C DIR` names another folder.",
        )


def _show(session: Session) -> None:
    found = labstate.status(labs.place(session.folder))
    if session.json:
        session.document({"running": found.running, "pid": found.pid, "hosts": _hosts(found)})
        return
    if session.verbose and found.state:
        hosts = found.state.hosts.items()
        rows = [(name, f"{labstate.ADDRESS}:{host.port}", host.home) for name, host in hosts]
        session.say("\n".join(table(rows, ("HOST", "ADDRESS", "HOME"))))
    session.say(_line(session, found))


def _hosts(found: LabStatus) -> list[dict[str, object]]:
    hosts = found.state.hosts if found.state else {}
    return [
        {
            "name": name,
            "port": host.port,
            "service_port": host.service_port,
            "user": host.user,
            "home": host.home,
        }
        for name, host in hosts.items()
    ]


def _line(session: Session, found: LabStatus) -> str:
    hosts = counted(len(_hosts(found)), "host")
    if found.running:
        return f"{session.paint('good', 'The lab is up')}: {hosts}, process {found.pid}."
    return f"The lab is down; the files of {hosts} are kept." if found.state else "The lab is down."
