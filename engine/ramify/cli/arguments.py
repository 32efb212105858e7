"""Arguments that several commands take: paths, completed from the compiled tree."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ramify.cli.session import Session

STDIN = "-"
MAX_STDIN = 64 << 20

_LAST = re.compile(r"(?:.*[,!&^\s])?", re.DOTALL)


class PathExpression(click.ParamType[str]):
    """A path, or an expression that takes many: `/region1/zone[1-3]!/**/db`."""

    name = "path"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click hands it over
        incomplete: str,
    ) -> list[CompletionItem]:
        """The children of the path typed last; nothing where the project has errors."""
        session = ctx.find_object(Session) or Session(folder=Path())
        found = _LAST.match(incomplete)
        before = found[0] if found else ""
        path = incomplete[len(before) :] or "/"
        try:
            from ramify.cli.looking import paths_below  # noqa: PLC0415 - the command itself may need less

            session.folder = session.folder.expanduser()
            names = paths_below(session, path.rpartition("/")[0] or "/")
        except Exception:  # noqa: BLE001 - somebody who presses TAB is not told of errors
            return []
        return [CompletionItem(before + name) for name in names if name.startswith(path)]


class PathOrPlan(PathExpression):
    """The same, or the file of a saved plan."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Files where no path was begun."""
        if incomplete and not incomplete.startswith(("/", "!")):
            return [CompletionItem(incomplete, type="file")]
        return super().shell_complete(ctx, param, incomplete)


def _read(context: click.Context, _: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The expressions, with those of stdin where "-" stands for them."""
    if STDIN not in texts or context.resilient_parsing:  # who presses TAB has nothing on stdin
        return texts
    lines = tuple(_lines())
    if not lines:
        from ramify.cli.failures import failure  # noqa: PLC0415 - only where something went wrong

        raise failure("empty-selection", '"-" reads paths from stdin, and none came', "Nothing was done.")
    at = texts.index(STDIN)
    return (*texts[:at], *lines, *(text for text in texts[at:] if text != STDIN))


def _lines() -> Iterator[str]:
    data = sys.stdin.buffer.read(MAX_STDIN + 1)
    if len(data) > MAX_STDIN:
        from ramify.cli.failures import failure  # noqa: PLC0415 - only where something went wrong

        summary = f'"-" reads paths from stdin, and more than {MAX_STDIN >> 20} MiB came'
        raise failure("too-large", summary, "Fold them: `ramify select` writes many paths as one.")
    for line in data.decode(errors="replace").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            yield text


paths_argument = click.argument(
    "selection", metavar="[PATH]...", nargs=-1, type=PathExpression(), callback=_read
)
paths_required = click.argument(
    "selection", metavar="PATH...", nargs=-1, required=True, type=PathExpression(), callback=_read
)
paths_or_plan_argument = click.argument(
    "selection", metavar="[PATH|FILE]...", nargs=-1, type=PathOrPlan(), callback=_read
)
locked_option = click.option(
    "--locked", is_flag=True, help="Refuse what is not in the repository's lock, or differs from it."
)


def _wait(context: click.Context, _: click.Parameter, value: float) -> None:
    session = context.find_object(Session)
    if session is not None:
        session.wait = None if value < 0 else value


wait_option = click.option(
    "--wait", metavar="[=SECONDS]", type=float, is_flag=False, flag_value=-1.0, default=0.0,
    expose_value=False, callback=_wait,
    help="Wait for the end of another run that holds what is to be done, instead of giving up.",
)  # fmt: skip
saving_option = click.option(
    "-o", "--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Save the plan and do nothing: `ramify apply FILE` does just that.",
)  # fmt: skip
node_argument = click.argument("path", metavar="PATH", type=PathExpression())
