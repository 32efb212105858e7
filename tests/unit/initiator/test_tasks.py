"""Tasks end with their block."""

import asyncio

import pytest

from ramify.initiator.tasks import beside, while_lasts


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("ended")


async def fails() -> None:
    raise ValueError("of its own")


async def passes() -> None:
    pass


async def test_what_runs_beside_a_block_ends_with_it_and_its_errors_are_its_own() -> None:
    ended: list[str] = []

    async def block() -> None:
        async with beside() as spawn:
            spawn(forever(ended))
            spawn(fails())
            await asyncio.sleep(0)
            raise KeyError

    with pytest.raises(KeyError):
        await block()

    assert ended == ["ended"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_work_ends_with_its_condition_and_the_condition_with_the_work() -> None:
    ended: list[str] = []

    await while_lasts(passes(), forever(ended))
    await while_lasts(forever(ended), passes())

    assert ended == ["ended", "ended"]


async def test_the_error_of_the_first_that_ends_is_raised() -> None:
    with pytest.raises(ValueError, match="of its own"):
        await while_lasts(forever([]), fails())


async def test_cancelled_from_outside_both_end() -> None:
    ended: list[str] = []
    both = asyncio.create_task(while_lasts(forever(ended), forever(ended)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    both.cancel()
    with pytest.raises(asyncio.CancelledError):
        await both

    assert ended == ["ended", "ended"]
