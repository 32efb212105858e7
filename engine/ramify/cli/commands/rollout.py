"""`ramify rollout`: how rollouts stand, and words to those that go on or wait."""

import click

from ramify.cli import lazy
from ramify.cli.lazy import LazyGroup, Told, examples

COMMANDS = {
    "status": Told("ramify.cli.commands.rollout_status", "Show waves, limits, and what was begun."),
    "pause": Told("ramify.cli.commands.rollout_pause", "Have a run begin nothing new."),
    "resume": Told("ramify.cli.commands.rollout_resume", "Go on with a run that was paused."),
    "abort": Told("ramify.cli.commands.rollout_abort", "End a run for good."),
}


@lazy.with_global_options
@click.group(
    name="rollout",
    cls=LazyGroup,
    told=COMMANDS,
    epilog=examples("ramify rollout status", "ramify rollout pause", "ramify rollout resume"),
)
def command() -> None:
    """Rollouts: changes on their way through waves and limits, as `rollout:` in the hierarchy says."""
