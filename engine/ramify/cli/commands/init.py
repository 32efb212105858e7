"""`ramify init`: a small project that works, and explains itself."""

from collections.abc import Iterator
from pathlib import Path

import click

from ramify.cli import lazy
from ramify.cli.commands.schema import written as written_schemas
from ramify.cli.failures import failure
from ramify.cli.session import Session
from ramify.model.paths import valid_name

STARTER = Path(__file__).parent.parent / "starter"
NAME = "PROJECT"
SCHEMAS = "schemas"

NEXT = """\
Wrote {count} files to {folder}: a hierarchy of 1 + 2 + 4 nodes, and a lab to run it on. Next:

  cd {folder}
  ramify lab up       # seven hosts on this machine, each with its own SSH port; no root needed
  ramify plan         # what would happen
  ramify apply        # shows it again, asks, does it
  ramify status       # what runs where
  ramify lab down     # stops the hosts and all that runs on them

Then change `interval` in hierarchy.yml and look at `ramify plan`: only what the change touches moves."""


@lazy.command("ramify init try", "ramify init try --json", name="init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def command(session: Session, folder: Path) -> None:
    """Write a small project to DIR, a new or empty folder.

    It has 1 + 2 + 4 nodes, a service of a few lines of shell, and an inventory of the embedded lab, so that
    `lab up`, `plan`, `apply`, `status` and `lab down` work at once. Its comments tell what is what, and name
    the schemas beside them, by which an editor completes, explains and checks while you type.
    """
    place = session.folder / folder
    _must_be_free(place)
    written = [file.relative_to(place).as_posix() for file in _written(place)]
    if session.json:
        session.document({"folder": str(place.absolute()), "files": written})
    else:
        session.say(NEXT.format(count=len(written), folder=place))


def _must_be_free(place: Path) -> None:
    if place.exists() and not place.is_dir():
        raise failure("not-empty", f"{place} is a file", "Name a folder that is new, or empty.")
    if place.is_dir() and any(place.iterdir()):
        raise failure("not-empty", f"{place} is not empty", "Name a folder that is new, or empty.")


def _written(place: Path) -> Iterator[Path]:
    name = place.resolve().name
    for source in sorted(STARTER.rglob("*")):
        if not source.is_file() or "__pycache__" in source.parts:
            continue
        relative = source.relative_to(STARTER)
        target = place / relative.with_name(relative.name.replace("dot.", "."))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text().replace(NAME, name if valid_name(name) else "example"))
        yield target
    yield from written_schemas(place / SCHEMAS)
