"""The embedded lab, as the commands need it."""

from collections.abc import Callable
from pathlib import Path

from ramify.model.inventory import Inventory


def overlay(folder: Path) -> Callable[[Inventory], Inventory] | None:
    """What a running lab knows of its hosts; None when none runs."""
    return None
