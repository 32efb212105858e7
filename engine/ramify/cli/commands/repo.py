"""`ramify repo`: the project's repository: its lock, its server, and what is kept of it."""

import click

from ramify.cli import lazy
from ramify.cli.lazy import LazyGroup, Told, examples

COMMANDS = {
    "lock": Told("ramify.cli.commands.repo_lock", "Write down what all references lead to."),
    "serve": Told("ramify.cli.commands.serve", "Serve the repository: BRP and HTTP."),
    "snapshot": Told("ramify.cli.commands.snapshot", "Write what is served to a folder, with its server."),
    "gc": Told("ramify.cli.commands.repo_gc", "Take away what is kept and not needed any more."),
}


@lazy.with_global_options
@click.group(
    name="repo",
    cls=LazyGroup,
    told=COMMANDS,
    epilog=examples("ramify repo lock && git add repository.lock", "ramify repo gc --dry-run"),
)
def command() -> None:
    """The repository: lock what its references lead to, serve it, clear away what is not needed any more."""
