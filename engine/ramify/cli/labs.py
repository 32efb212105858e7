"""The embedded lab as the commands need it: where its hosts are, who may log in to them, whether it runs."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from ramify.cli.failures import failure
from ramify.cli.folding import fold_words
from ramify.compile.fleet import Fleet
from ramify.directory.sqlite import Directory
from ramify.initiator.operator import Workspace, directory_file
from ramify.model import paths
from ramify.model.inventory import Inventory
from ramify.model.plan import Plan
from ramify.model.record import NodeRecord
from ramify.repository.project import CACHE, Loaded
from ramify.transport import labstate

LAB = "lab"

Access = dict[str, set[str]]
"""For each host, the names of the hosts that may log in there; `/` for the operator."""


def place(project: Path) -> Path:
    """Where the lab of a project lives."""
    return project / CACHE / LAB


def overlay(project: Path) -> Callable[[Inventory], Inventory]:
    """What the lab knows of its hosts' addresses; provisional ones while there is none."""
    return partial(labstate.overlay, lab=labstate.state(place(project)))


def access(fleet: Fleet, records: Mapping[str, NodeRecord]) -> Access:
    """Who may log in where: to the hosts of a node the host of its parent, to a top node's the operator.

    Nodes that moved or left the hierarchy are still taken from the hosts where they were recorded.
    """
    found: Access = {name: set() for name, host in fleet.hosts.items() if host.transport == LAB}
    placed = {node.path: _carriers(fleet, records, node.path) for node in fleet.tree.nodes}
    placed |= {path: _carriers(fleet, records, path) for path in records}
    for path, carriers in placed.items():
        above = paths.parent(path)
        masters = {paths.ROOT} if above == paths.ROOT else placed.get(above, set())
        for carrier in carriers & found.keys():
            found[carrier] |= masters
    return found


def _carriers(fleet: Fleet, records: Mapping[str, NodeRecord], path: str) -> set[str]:
    host, record = fleet.host_of(path), records.get(path)
    return {name for name in (host.name if host else "", record.host if record else "") if name}


def must_be_up(space: Workspace, plan: Plan) -> None:
    """Refuse to go on while hosts of the plan are those of a lab that does not run, or does not have them.

    Raises:
        DiagnosticsError: it says which command helps.
    """
    hosts = space.fleet.hosts
    wanted = {node.host for node in plan.nodes if node.host in hosts and hosts[node.host].transport == LAB}
    if not wanted:
        return
    running, _, state = labstate.status(place(space.loaded.folder))
    if not running or state is None:
        raise failure("lab-down", "the lab is not up", "`ramify lab up` starts its hosts.")
    missing = wanted - state.hosts.keys()
    if missing:
        names = fold_words(missing) or f"{len(missing)} hosts"
        raise failure("lab-down", f"the lab does not have {names} yet", "`ramify lab up` adds new hosts.")


def follow(space: Workspace) -> None:
    """Have a running lab let in those whom the hierarchy as it is now gives work there."""
    running, _, state = labstate.status(place(space.loaded.folder))
    if not running or state is None:
        return
    wanted = access(space.fleet, space.records())
    if wanted.keys() == state.hosts.keys():
        from ramify.transport import lab  # noqa: PLC0415 - only for those who use it

        lab.up(place(space.loaded.folder), wanted)


def forget(loaded: Loaded, names: Iterable[str]) -> None:
    """Take what was on hosts that are gone out of the project's records."""
    gone = set(names)
    if not gone or loaded.project is None or not directory_file(loaded).exists():
        return
    directory = Directory(directory_file(loaded))
    try:
        directory.write((), [path for path, record in directory.records().items() if record.host in gone])
        for name in gone:
            directory.forget_host(name)
    finally:
        directory.close()
