"""What breaks off between initiators goes on where it broke, and is believed only when all of it is right."""

import os
from collections import Counter
from collections.abc import Callable

import pytest

from ramify.initiator import messages
from ramify.initiator.incoming import part
from ramify.initiator.messages import PIECE, Chunk
from ramify.model.bundle import Bundle
from ramify.repository.artifacts import ArtifactFile, build
from sim.operators import outcomes
from sim.spec import leaves
from sim.stage import Stage

PIECES = 5
TREE = {"gw1": {"children": {"zone1": leaves("app[1-4]")}, "vars": {"word": "hello"}}}


Then = Callable[[], None]


class Counted:
    """Counts the bytes of one pack that each initiator is sent, and does something at a piece."""

    def __init__(self, stage: Stage) -> None:
        artifact = build([ArtifactFile("run", 0o755, os.urandom((PIECES - 1) * PIECE + 1000))])
        self.digest = artifact.digest
        self.size = stage.spec.store.add(artifact).size
        self.came: Counter[str] = Counter()
        self.at: dict[tuple[str, int], Then] = {}
        self._pieces: Counter[str] = Counter()
        stage.spec.digests["large"] = artifact.digest
        stage.world.watching = self._watch

    def _watch(self, path: str, data: bytes) -> None:
        header = int.from_bytes(data[:4], "big")
        try:
            message = messages.decode_downward(data[8 : 8 + header])
        except messages.UnusableMessageError:
            return
        if isinstance(message, Chunk) and message.digest == self.digest:
            self._pieces[path] += 1
            then = self.at.pop((path, self._pieces[path]), None)
            if then is not None:
                then()  # this piece does not arrive
            else:
                self.came[path] += len(data) - 8 - header


@pytest.fixture
def counted(stage: Stage) -> Counted:
    return Counted(stage)


def bundle_of(stage: Stage) -> Bundle:
    return stage.spec.bundle(TREE, leaf="large")


@pytest.mark.parametrize("where", ["/gw1", "/gw1/zone1"])
@pytest.mark.parametrize("at", range(1, PIECES + 1))
async def test_a_link_that_breaks_at_any_piece_carries_each_byte_once(
    stage: Stage, counted: Counted, where: str, at: int
) -> None:
    counted.at[where, at] = lambda: stage.world.initiator(where).wires[-1].cut()  # noqa: PLW0108 - it does not run yet
    bundle = bundle_of(stage)
    broken = await stage.operator.apply(bundle)
    await stage.world.quiet()
    assert "done" not in {outcomes(broken)[f"/gw1/zone1/app{number}"] for number in range(1, 5)}

    again = await stage.operator.apply(bundle)

    assert set(outcomes(again).values()) <= {"done", "unchanged"}
    assert dict(counted.came) == {"/gw1": counted.size, "/gw1/zone1": counted.size}


async def test_an_initiator_that_dies_goes_on_with_what_it_had(stage: Stage, counted: Counted) -> None:
    counted.at["/gw1", 3] = lambda: stage.world.kill(stage.world.initiator("/gw1"))
    bundle = bundle_of(stage)
    await stage.operator.apply(bundle)
    assert counted.came["/gw1"] == 2 * PIECE

    again = await stage.operator.apply(bundle)

    assert set(outcomes(again).values()) <= {"done", "unchanged"}
    assert counted.came["/gw1"] == counted.size


@pytest.mark.parametrize("left", [1, PIECE, 10 * PIECE])
async def test_a_part_that_was_damaged_is_found_and_fetched_anew(
    stage: Stage, counted: Counted, left: int
) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    own = stage.world.initiator("/gw1").service._own.folder
    (own / part(counted.digest)).write_bytes(b"\xff" * left)

    report = await stage.operator.apply(bundle_of(stage))

    assert set(outcomes(report).values()) <= {"done", "unchanged"}
    assert counted.came["/gw1"] == counted.size + max(counted.size - left, 0)
    assert not list(own.glob("*.part"))


async def test_a_part_that_is_all_of_it_is_not_sent_again(stage: Stage, counted: Counted) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    own = stage.world.initiator("/gw1").service._own.folder
    (own / part(counted.digest)).write_bytes(stage.spec.store.path(counted.digest).read_bytes())

    report = await stage.operator.apply(bundle_of(stage))

    assert set(outcomes(report).values()) <= {"done", "unchanged"}
    assert counted.came["/gw1"] == 0


async def test_a_part_that_nobody_needs_any_more_is_cleared_away(stage: Stage, counted: Counted) -> None:
    await stage.operator.apply(stage.spec.bundle(TREE))
    own = stage.world.initiator("/gw1").service._own.folder
    (own / part(counted.digest)).write_bytes(b"something")

    await stage.operator.apply(stage.spec.bundle(TREE, leaf="leaf2"))

    assert not list(own.glob("*.part"))
