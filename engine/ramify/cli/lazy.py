"""Commands that are imported when they are run, and the options that all of them take."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from ramify.cli.session import Session


class Told(NamedTuple):
    """A command that is not imported yet: its module, its line in the help, and its name in the module."""

    module: str
    help: str
    name: str = "command"


class LazyGroup(click.Group):
    """A group whose commands are modules, each with a `command`."""

    def __init__(self, *args: Any, told: Mapping[str, Told], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._told = told

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click asks so
        return list(self._told)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        told = self._told.get(cmd_name)
        if told is None:
            return None
        command: click.Command = getattr(import_module(told.module), told.name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self._told and not args[0].startswith("-"):
            close = get_close_matches(args[0], self._told, n=1)
            hint = f'; did you mean "{close[0]}"?' if close else ""
            ctx.fail(f'no command "{args[0]}"{hint}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, told.help) for name, told in self._told.items()])


def _folder(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        session = context.find_object(Session)
        assert session is not None  # noqa: S101 - `run` gives one to every command line
        session.folder = session.folder / value


def _flag(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def store(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            setattr(context.find_object(Session), name, True)

    return store


def _global() -> list[click.Parameter]:
    return [
        click.Option(
            ["-C", "project"], metavar="DIR", type=click.Path(path_type=Path), callback=_folder,
            expose_value=False, help="Work on the project in this folder.",
        ),
        click.Option(
            ["--json"], is_flag=True, is_eager=True, callback=_flag("json"), expose_value=False,
            help="Print JSON, and nothing else, to stdout.",
        ),
        click.Option(
            ["--no-color"], is_flag=True, is_eager=True, callback=_flag("no_color"), expose_value=False,
            help="No colours (NO_COLOR and CLICOLOR=0 do the same).",
        ),
        click.Option(
            ["-v", "--verbose"], is_flag=True, is_eager=True, callback=_flag("verbose"), expose_value=False,
            help="Show everything in full, tracebacks of internal errors too.",
        ),
    ]  # fmt: skip


Made = TypeVar("Made", bound=click.Command)


def with_global_options(made: Made) -> Made:
    """Add the options of every command; they may stand before the command's name and after it."""
    made.params.extend(_global())
    return made


def examples(*lines: str) -> str:
    """An epilog with examples, kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def command(*lines: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with its examples, the global options, and the session as its first argument."""

    def make(function: Callable[..., Any]) -> click.Command:
        made = click.command(cls=click.Command, epilog=examples(*lines), **attributes)(
            click.pass_obj(function)
        )
        return with_global_options(made)

    return make
