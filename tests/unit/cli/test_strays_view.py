"""Nodes that nobody knows, as people read of them."""

from collections.abc import Callable

from ramify.cli import strays_view
from ramify.model.events import Stray

Golden = Callable[[str, str], None]


def test_some_are_told_with_their_places_and_what_to_do(golden: Golden) -> None:
    strays = [Stray(f"/old/sensor{n}", f"box{n}", "installed", "active", (4700 + n,)) for n in range(1, 11)]
    strays[1] = Stray("/other/thing", "box1", "configured", "non-existent")
    golden("cli/strays.txt", strays_view.text(strays) + "\n")
    assert "more" not in strays_view.text(strays, full=True)
