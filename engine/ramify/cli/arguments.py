"""Arguments that several commands take: paths, completed from the compiled tree."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ramify.cli.session import Session


class PathExpression(click.ParamType[str]):
    """A path, or a pattern that takes many: `/region1/zone[1-3]`."""

    name = "path"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click hands it over
        incomplete: str,
    ) -> list[CompletionItem]:
        """The children of what is typed so far; nothing where the project has errors."""
        session = ctx.find_object(Session) or Session(folder=Path())
        try:
            names = _below(session, incomplete.rpartition("/")[0])
        except Exception:  # noqa: BLE001 - somebody who presses TAB is not told of errors
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete or "/")]


def _below(session: Session, above: str) -> list[str]:
    from ramify.cli.project import compiled  # noqa: PLC0415 - the command itself may need less
    from ramify.repository.project import Reading  # noqa: PLC0415

    session.folder = session.folder.expanduser()
    fleet = compiled(session, Reading(ask=False))
    return [node.path for node in fleet.below(above or "/")]


paths_argument = click.argument("selection", metavar="[PATH]...", nargs=-1, type=PathExpression())
locked_option = click.option(
    "--locked", is_flag=True, help="Refuse what is not in the repository's lock, or differs from it."
)
node_argument = click.argument("path", metavar="PATH", type=PathExpression())
