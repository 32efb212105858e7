"""`--max-fail` and `--max-offline`: what may be lost in one run, whatever the hierarchy says of it."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click
from msgspec import Struct

from ramify.model.plan import Plan
from ramify.model.rollout import Amount, Limits, Rollout

_WRITTEN = re.compile(r"([0-9]{1,9})\Z|(100|[0-9]{1,2})%\Z")

R = TypeVar("R")


class AmountType(click.ParamType[Amount]):
    """A count or a share."""

    name = "amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Amount:
        """`5` or `5%`."""
        if isinstance(value, Amount):
            return value
        match = _WRITTEN.match(str(value))
        if match is None:
            self.fail(f'"{value}" is neither a count such as 5 nor a share such as 5%', param, ctx)
        return Amount(int(match[1] or match[2]), share=match[1] is None)


class Allowed(Struct, frozen=True):
    """What may be lost, as it was typed."""

    fail: Amount | None = None
    offline: Amount | None = None

    def of(self, plan: Plan) -> Limits:
        """The same of a plan: a share is one of the nodes that are to be changed."""
        changed = sum(node.action.acts for node in plan.nodes)
        return Rollout(max_fail=self.fail, max_offline=self.offline).limits(changed)


def limit_options(command: Callable[..., R]) -> Callable[..., R]:
    """Both options, as one argument `allowed`."""

    @wraps(command)
    def wrapped(*args: Any, max_fail: Amount | None, max_offline: Amount | None, **more: Any) -> R:
        return command(*args, allowed=Allowed(max_fail, max_offline), **more)

    made: Callable[..., R] = wrapped
    for name, words in (("--max-offline", "could not be reached"), ("--max-fail", "failed or were lost")):
        text = f"Stop after so many nodes {words}, or such a share: 5, 10%."
        made = click.option(name, type=AmountType(), metavar="N|P%", help=text)(made)
    return made
