"""`ramify validate`: everything that is wrong with the project's files, or with files of no project."""

from pathlib import Path

import click

from ramify.cli import exits, lazy
from ramify.cli.checking import Report, check
from ramify.cli.diagnostics_view import counts, document, text
from ramify.cli.failures import failure
from ramify.cli.folding import fold_words
from ramify.cli.session import Session
from ramify.cli.words import counted

TEXT, JSON, SARIF, GITHUB, JUNIT = FORMATS = ("text", "json", "sarif", "github", "junit")
WORKSPACE = "GITHUB_WORKSPACE"


@lazy.command(
    "ramify validate",
    "ramify validate hierarchy.yml",
    "ramify validate --strict --format github",
    "ramify validate --format sarif > ramify.sarif",
    name="validate",
)
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), help="How to print what is found.")
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
@click.option("--online", is_flag=True, help="Follow references to the web, as plan does.")
@click.option("--signed", is_flag=True, help="Count it as an error when not all is signed by those who may.")
def command(
    session: Session,
    files: tuple[Path, ...],
    form: str | None,
    strict: bool,
    online: bool,
    signed: bool,
) -> int:
    """Check the project's files; contacts nobody unless told to. With FILE, tell only what is wrong there.

    Every problem is told at once, as file:line:column: error[code]: summary. docs/errors.md explains codes.
    Where there is no project, each FILE is checked alone: its name or its keys say what it is.
    """
    form = _format(session, form)
    for file in files:
        _must_exist(file)
    report = check(session.folder, files, online=online, signed=signed)
    report = report.strict() if strict else report
    _print(session, report, form)
    return exits.ERROR if report.failed else exits.DONE


def _format(session: Session, form: str | None) -> str:
    if session.json and form not in {None, JSON}:
        raise failure("usage", f"--json and --format {form} ask for two things", "Leave one of them out.")
    session.json = session.json or form == JSON
    return form or (JSON if session.json else TEXT)


def _must_exist(file: Path) -> None:
    if not file.is_file():
        raise failure("missing-file", f"no file {file}", "FILE is a path from where you are.")


def _print(session: Session, report: Report, form: str) -> None:
    if form == JSON:
        session.document({"diagnostics": document(report.told)})
    elif form == TEXT:
        _print_text(session, report)
    else:
        _print_for_tools(session, report.rebased(_base(session)), form)


def _base(session: Session) -> Path:
    """What names in reports count from: a checkout's root where one is known, else where we are."""
    workspace, here = session.environ.get(WORKSPACE), Path.cwd()
    return Path(workspace) if workspace and here.is_relative_to(workspace) else here


def _print_for_tools(session: Session, report: Report, form: str) -> None:
    if form == SARIF:
        from ramify.cli import codes, sarif_view  # noqa: PLC0415 - each format is loaded for those who want it

        session.document(sarif_view.document(report.told, codes.known()))
    elif form == JUNIT:
        from ramify.cli import junit_view  # noqa: PLC0415

        session.say(junit_view.text(report.told, report.files))
    else:
        from ramify.cli import github_view  # noqa: PLC0415

        session.say("\n".join(filter(None, (github_view.text(report.told), counts(report.told)))))


def _print_text(session: Session, report: Report) -> None:
    if not report.told:
        session.say(session.paint("good", "Valid: no errors, no warnings."))
    else:
        session.say(text(report.told, session.paint))
        session.say(f"\n{counts(report.told)}")
    if report.left_out:
        many = counted(len(report.left_out), "reference")
        session.note(f"{many} to the web never fetched, so not followed; --online follows them.")
    if report.unseen:
        nodes = fold_words(report.unseen) or counted(len(report.unseen), "node")
        session.note(f"{nodes}: planned there, by its initiator; what is below was not checked.")
