"""Saved plans as files: written by `plan -o`, read by `show` and `apply`, believed by nobody."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ramify import __version__
from ramify.cli.failures import failure
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.initiator.operator import Workspace
from ramify.model import saved
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.plan import Plan
from ramify.model.saved import Saved, UnusablePlanError

WAY_OUT = "`ramify plan -o FILE` makes a new one."


def write(file: Path, space: Workspace, plan: Plan) -> None:
    """Save a plan with the bundle that it was made from; a file that is there is replaced at once."""
    made = Saved(
        plan,
        space.bundle,
        saved.observed(plan, space.records()),
        space.fleet.bundle.project,
        datetime.now(UTC).isoformat(timespec="seconds"),
        __version__,
        space.cause,
        space.vault.key_name if space.fleet.bundle.secrets else "",
    )
    fresh = file.with_name(f"{file.name}.part")
    try:
        fresh.write_bytes(saved.encode(made))
        fresh.replace(file)
    except OSError as error:
        error.filename = str(file)  # the other name is nobody's business
        raise


def read(file: Path) -> Saved:
    """Read a saved plan.

    Raises:
        DiagnosticsError: it is none, or damaged, or none that can be carried out here.
        OSError: the file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return saved.decode(stream.read(saved.MAX_FILE + 1))
    except UnusablePlanError as error:
        raise failure("bad-plan", f"{file} cannot be used: {error}", WAY_OUT) from error


def fleet(made: Saved) -> Fleet:
    """The fleet that a plan is of.

    Raises:
        DiagnosticsError: its bundle cannot be compiled by this version.
    """
    try:
        found = compile_fleet(made.opened())
    except UnusablePlanError as error:
        raise failure("bad-plan", f"the plan cannot be used: {error}", WAY_OUT) from error
    if found.diagnostics.failed:
        raise DiagnosticsError(found.diagnostics)
    return found


def named(arguments: Sequence[str]) -> Path | None:
    """The file that the arguments of a command name, if it is one of a saved plan; None for paths of nodes.

    Raises:
        DiagnosticsError: it is another file, or stands beside other arguments.
    """
    files = [Path(text) for text in arguments if _is_plan(text)]
    if files and len(arguments) > 1:
        raise failure("usage", "a saved plan is carried out whole", "Give the file alone, or paths.")
    if files:
        return files[0]
    others = [text for text in arguments if text and not text.startswith(("/", "!"))]
    if others:
        there = Path(others[0]).exists()
        summary = f"{others[0]} is no saved plan" if there else f"there is no saved plan {others[0]}"
        raise failure("bad-plan", summary, f"{WAY_OUT} Paths of nodes begin with /.")
    return None


def _is_plan(text: str) -> bool:
    try:
        with Path(text).open("rb") as file:
            return saved.is_saved(file.read(len(saved.MAGIC)))
    except (OSError, ValueError):
        return False
