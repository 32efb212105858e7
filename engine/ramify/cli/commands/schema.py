"""`ramify schema`: the schemas of documents, for editors and other tools."""

from pathlib import Path

import click

from ramify.cli import lazy
from ramify.cli.failures import failure
from ramify.cli.session import Session
from ramify.cli.tables import table
from ramify.documents.exported import Exported, schemas
from ramify.model.diagnostics import did_you_mean


@lazy.command(
    "ramify schema --list",
    "ramify schema hierarchy > hierarchy.json",
    "ramify schema --write schemas",
    name="schema",
)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--list", "listing", is_flag=True, help="List all schemas.")
@click.option(
    "--write", metavar="DIR", type=click.Path(path_type=Path), help="Write all schemas to a folder."
)
def command(session: Session, name: str | None, listing: bool, write: Path | None) -> None:
    """Print a schema: JSON Schema (2020-12) for YAML documents, XML Schema for those that may be XML.

    An editor finds it by a first line such as "# yaml-language-server: $schema=schemas/hierarchy.json".
    """
    if sum([name is not None, listing, write is not None]) != 1:
        raise failure(
            "usage", "expected a NAME, --list or --write DIR", "`ramify schema --list` shows the names."
        )
    if name is not None:
        _print(session, _named(name))
    elif write is not None:
        _write(session, session.folder / write)
    else:
        _list(session)


def _named(name: str) -> Exported:
    known = schemas()
    found = known.get(name.removesuffix(".json"))
    if found is None:
        raise failure("no-such-schema", f'no schema "{name}"', did_you_mean(name, known))
    return found


def _print(session: Session, schema: Exported) -> None:
    if session.json:
        session.document({"name": schema.name, "file": schema.file, "schema": schema.text})
    else:
        session.say(schema.text.rstrip("\n"))


def _list(session: Session) -> None:
    entries = schemas().values()
    if session.json:
        session.document(
            {"schemas": [{"name": one.name, "file": one.file, "about": one.about} for one in entries]}
        )
    else:
        session.say("\n".join(table([(one.name, one.about) for one in entries])))


def _write(session: Session, folder: Path) -> None:
    files = written(folder)
    if session.json:
        session.document({"folder": str(folder.absolute()), "files": [file.name for file in files]})
    else:
        session.say(f"Wrote {len(files)} schemas to {folder}.")


def written(folder: Path) -> list[Path]:
    """Write all schemas to a folder; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / one.file: one for one in schemas().values()}
    for file, one in files.items():
        file.write_text(one.text, encoding="utf-8")
    return list(files)
