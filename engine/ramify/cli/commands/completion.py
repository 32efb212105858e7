"""`ramify completion`: the script that completes words in a shell."""

import click
from click.shell_completion import get_completion_class

from ramify.cli import lazy
from ramify.cli.session import Session

VARIABLE = "_RAMIFY_COMPLETE"


@lazy.command(
    'eval "$(ramify completion bash)"                                # in ~/.bashrc',
    'eval "$(ramify completion zsh)"                                 # in ~/.zshrc',
    "ramify completion fish > ~/.config/fish/completions/ramify.fish",
    name="completion",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(session: Session, shell: str) -> None:
    """Print the script that completes commands, options and paths in a SHELL."""
    root = click.get_current_context().find_root().command
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"no completion for {shell}")
    script = made(root, {}, "ramify", VARIABLE).source()
    if session.json:
        session.document({"shell": shell, "script": script})
    else:
        session.say(script)
