"""Options of what is confirmed: how long hosts wait before they take a change back by themselves."""

from collections.abc import Callable
from typing import Any

import click

from ramify.cli.session import Session
from ramify.initiator.messages import Options

MOST = 3600


def _seconds(context: click.Context, _: click.Parameter, seconds: float) -> None:
    session = context.find_object(Session)
    if session is not None:
        kept = context.params.pop("kept", False)
        session.confirm = 0 if kept else seconds


def confirm_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--confirm-timeout` and `--no-magic-rollback`, kept in the session."""
    timeout = click.option(
        "--confirm-timeout",
        type=click.FloatRange(1, MOST),
        default=Options().confirm_timeout,
        show_default=True,
        metavar="SECONDS",
        expose_value=False,
        callback=_seconds,
        help="Hosts take a change of what runs back unless it is confirmed by then over a new connection.",
    )
    never = click.option(
        "--no-magic-rollback",
        "kept",
        is_flag=True,
        is_eager=True,  # so that it is known when the other one is read
        help="Leave changes as they are, also those that fail or cut a host off.",
    )
    return timeout(never(command))
