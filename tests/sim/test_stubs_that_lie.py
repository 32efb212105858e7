"""A stub is not believed: what it says is of the node that was asked for, and as it should be, or refused."""

from typing import Any

import pytest

from ramify.initiator.drive import Driver
from ramify.initiator.failing import NodeFailedError
from ramify.initiator.supply import Supply
from ramify.transport.channel import Channel
from ramify.transport.replies import Hello, NodeState, Problem, Reply, StubError
from sim.operators import QUICK
from sim.spec import leaves
from sim.stage import Stage
from sim.stubs import HELLO

RUNS: dict[str, Any] = {"environment": "installed", "service": "active"}


class Liar:
    """Answers everything with one reply (implements Session)."""

    def __init__(self, *replies: Reply | StubError) -> None:
        self._replies = list(replies)

    async def greeted(self) -> Hello:
        return HELLO

    async def request(self, op: str, body: bytes = b"", **fields: Any) -> Reply:
        reply = self._replies.pop(0)
        if isinstance(reply, StubError):
            raise reply
        return reply

    async def stop(self) -> None:
        pass

    async def put(self, artifact: str, pack: object, have: int | None = None) -> None:
        pass

    async def attach(self, path: str, wait: float = 10) -> Channel:
        raise AssertionError(path)


def error(code: str, message: str = "no", found: NodeState | None = None) -> StubError:
    problem = Problem(code, message, found=found)
    return StubError(Reply(1, ok=False, error=problem), problem)


DONE = Reply(1, ok=True)


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        (
            [DONE, Reply(1, ok=True, state=NodeState("/lone", **RUNS))],
            "told success, and shutdown is still due",
        ),
        ([DONE, Reply(1, ok=True, state=NodeState("/other", **RUNS))], "told no state of /lone"),
        ([DONE, Reply(1, ok=True)], "told no state of /lone"),
        ([DONE, error("refused"), Reply(1, ok=True)], "told no state of /lone"),
        ([DONE, error("refused"), Reply(1, ok=True, nodes=(NodeState("/other"),))], "told no state of /lone"),
        ([DONE, error("failed", "broken")], "broken"),
    ],
)
async def test_what_does_not_fit_fails_the_node(
    stage: Stage, replies: list[Reply | StubError], message: str
) -> None:
    fleet = stage.operator.fleet(stage.spec.bundle({"lone": leaves()}))
    driver = Driver(fleet, Supply((stage.spec.store,)), QUICK)

    with pytest.raises(NodeFailedError, match=message):
        await driver.up(Liar(*replies), fleet.by_path["/lone"], None, lambda: None)


async def test_a_failure_in_the_state_of_another_node_tells_no_state(stage: Stage) -> None:
    fleet = stage.operator.fleet(stage.spec.bundle({"lone": leaves()}))
    driver = Driver(fleet, Supply((stage.spec.store,)), QUICK)
    liar = Liar(DONE, error("failed", found=NodeState("/other", **RUNS)))

    with pytest.raises(NodeFailedError) as failed:
        await driver.up(liar, fleet.by_path["/lone"], None, lambda: None)

    assert failed.value.state is None


async def test_what_was_wrong_with_the_code_is_told_rather_than_that_there_is_none(stage: Stage) -> None:
    fleet = stage.operator.fleet(stage.spec.bundle({"lone": leaves()}))
    driver = Driver(fleet, Supply((stage.spec.store,)), QUICK)

    with pytest.raises(NodeFailedError, match="disk full"):
        await driver.up(
            Liar(error("internal", "disk full"), error("missing")), fleet.by_path["/lone"], None, lambda: None
        )
