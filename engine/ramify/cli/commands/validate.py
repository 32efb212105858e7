"""`ramify validate`: everything that is wrong with the project's files."""

from collections.abc import Sequence
from pathlib import Path

import click

from ramify.cli import exits, lazy
from ramify.cli.diagnostics_view import counts, document, text
from ramify.cli.failures import failure
from ramify.cli.project import loaded
from ramify.cli.session import Session
from ramify.compile.fleet import compile_fleet
from ramify.model.diagnostics import Diagnostic, Diagnostics


@lazy.command(
    "ramify validate",
    "ramify validate hierarchy.yml",
    "ramify validate --format json | jq '.diagnostics[].code'",
    name="validate",
)
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), help="How to print what is found.")
def command(session: Session, files: tuple[Path, ...], form: str | None) -> int:
    """Check the project's files; contacts nobody. With FILE, tell only what is wrong there.

    Every problem is told at once, as file:line:column: error[code]: summary. docs/errors.md explains codes.
    """
    session.json = session.json or form == "json"
    for file in files:
        _must_exist(file)
    found = _everything(session)
    told = [item for item in found if not files or _speaks_of(item, session.folder, files)]
    if session.json:
        session.document({"diagnostics": document(told)})
    else:
        _print(session, told)
    return exits.ERROR if Diagnostics(told).failed else exits.DONE


def _must_exist(file: Path) -> None:
    if not file.is_file():
        raise failure("missing-file", f"no file {file}", "FILE is a path from where you are.")


def _everything(session: Session) -> Diagnostics:
    project = loaded(session)
    found = Diagnostics(project.diagnostics)
    if project.bundle is not None:
        found.extend(compile_fleet(project.bundle).diagnostics)
    return found


def _speaks_of(item: Diagnostic, folder: Path, files: Sequence[Path]) -> bool:
    if item.origin is None:
        return True
    return (folder / item.origin.file).resolve() in {file.resolve() for file in files}


def _print(session: Session, told: Sequence[Diagnostic]) -> None:
    if not told:
        session.say(session.paint("good", "Valid: no errors, no warnings."))
        return
    session.say(text(told, session.paint))
    session.say(f"\n{counts(told)}")
