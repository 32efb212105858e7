"""`ramify runtime`: Ramify itself, as what initiators run on their hosts."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ramify.cli import lazy
from ramify.cli.failures import failure
from ramify.cli.lazy import examples
from ramify.cli.session import Session
from ramify.cli.tables import table
from ramify.repository.project import CACHE, PROJECT
from ramify.repository.store import Store

if TYPE_CHECKING:
    from ramify.model.bundle import Runtime
    from ramify.repository.runtime import Runtimes


@lazy.with_global_options
@click.group(name="runtime", epilog=examples("ramify runtime list", "ramify runtime add --kind KIND FOLDER"))
def command() -> None:
    """Runtimes: what initiators run on hosts that have nothing but sshd and python3.

    There is one for each kind of host, such as cp311-linux-x86_64-glibc. That of this machine's kind is built
    from what is installed here; those of other kinds from wheels.
    """


@lazy.command("ramify runtime list", name="list")
def list_(session: Session) -> None:
    """Show the runtimes that there are."""
    _show(session, _runtimes(session).known())


@lazy.command("ramify runtime build", name="build")
def build(session: Session) -> None:
    """Build the runtime of this machine's kind; a no-op when it is fresh."""
    _show(session, (_runtimes(session).own(),))


@lazy.command(
    "ramify runtime add --kind cp312-linux-aarch64-glibc wheels/",
    name="add",
)
@click.option("--kind", required=True, metavar="KIND", help="The kind of hosts; a failed `apply` names it.")
@click.argument("folder", type=click.Path(path_type=Path))
def add(session: Session, kind: str, folder: Path) -> None:
    """Build the runtime of another kind from a FOLDER of wheels, which are kept."""
    if not folder.is_dir():
        raise failure("runtime", f"no folder {folder}", "FOLDER holds the wheels of Ramify's packages.")
    _show(session, (_runtimes(session).add(kind, folder),))


for _command in (list_, build, add):
    command.add_command(_command)


def _runtimes(session: Session) -> "Runtimes":
    from ramify.repository.runtime import Runtimes  # noqa: PLC0415 - slow, and `--help` needs none

    if not (session.folder / PROJECT).is_file():
        raise failure(
            "no-project", f"there is no {PROJECT} in {session.folder.absolute()}", "`-C DIR` names a folder."
        )
    cache = session.folder / CACHE
    return Runtimes(Store(cache / "packs"), cache)


def _show(session: Session, found: "tuple[Runtime, ...]") -> None:
    if session.json:
        session.document({"runtimes": found})
        return
    rows = [(one.kind, f"{one.size / 1e6:.1f} MB", one.engine[:12], one.artifact[:12]) for one in found]
    session.say("\n".join(table(rows, ("KIND", "SIZE", "ENGINE", "ARTIFACT"))))
