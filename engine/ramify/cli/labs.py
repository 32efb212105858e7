"""The embedded lab, as the commands need it."""

from collections.abc import Callable
from pathlib import Path

from ramify.compile.fleet import Fleet
from ramify.model.inventory import Inventory
from ramify.model.plan import Plan


def overlay(folder: Path) -> Callable[[Inventory], Inventory] | None:
    """What a running lab knows of its hosts; None when none runs."""
    return None


def must_be_up(fleet: Fleet, plan: Plan, folder: Path) -> None:
    """Refuse to go on without the lab that the plan's hosts are in."""
