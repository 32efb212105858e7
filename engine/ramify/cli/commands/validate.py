"""`ramify validate`: everything that is wrong with the project's files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from ramify.cli import exits, lazy
from ramify.cli.diagnostics_view import counts, document, text
from ramify.cli.failures import failure
from ramify.cli.project import loaded
from ramify.cli.session import Session
from ramify.compile.fleet import compile_fleet
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostic, Diagnostics, Severity
from ramify.repository.project import PROJECT, Loaded


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
    project = loaded(session)
    found = _everything(project)
    told = [item for item in found if not files or _speaks_of(item, session.folder, files)]
    told += _not_read(project, files)
    if session.json:
        session.document({"diagnostics": document(told)})
    else:
        _print(session, told)
    return exits.ERROR if Diagnostics(told).failed else exits.DONE


def _must_exist(file: Path) -> None:
    if not file.is_file():
        raise failure("missing-file", f"no file {file}", "FILE is a path from where you are.")


def _everything(project: Loaded) -> Diagnostics:
    found = Diagnostics(project.diagnostics)
    if project.bundle is not None:
        found.extend(compile_fleet(project.bundle).diagnostics)
    return found


def _speaks_of(item: Diagnostic, folder: Path, files: Sequence[Path]) -> bool:
    if item.origin is None:
        return True
    return (folder / item.origin.file).resolve() in {file.resolve() for file in files}


def _not_read(project: Loaded, files: Sequence[Path]) -> list[Diagnostic]:
    """A warning for each file that is no part of the project: that nothing is wrong there means nothing."""
    if project.bundle is None:
        return []
    read = {(project.folder / name).resolve() for name in _read_files(project.bundle)}
    return [
        Diagnostic(
            Severity.WARNING, "not-read", f"{file} is not read by the project", "Nothing was checked in it."
        )
        for file in files
        if file.resolve() not in read
    ]


def _read_files(bundle: Bundle) -> Iterator[str]:
    yield PROJECT
    yield from {spec.origin.file for spec in bundle.hierarchy.tree}
    yield from {spec.origin.file for spec in bundle.inventory.hosts}
    for entries in (bundle.repository.code, bundle.repository.install, bundle.repository.service):
        yield from {entry.origin.file for entry in entries}
    for made in bundle.configurations.values():
        yield from {setting.origin.file for setting in (*made.env, *made.args)}
        yield from {file.origin.file for file in made.files}
    yield from {made.origin.file for made in bundle.components.values() if made.origin}


def _print(session: Session, told: Sequence[Diagnostic]) -> None:
    if not told:
        session.say(session.paint("good", "Valid: no errors, no warnings."))
        return
    session.say(text(told, session.paint))
    session.say(f"\n{counts(told)}")
