"""Supply: from here if it is here, else asked for once, and again when it did not come."""

import asyncio
from pathlib import Path

import pytest

from ramify.initiator.supply import MissingArtifactError, Supply, first_of
from ramify.repository.store import Store

DIGEST = "a" * 64


async def test_what_is_in_a_store_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / DIGEST).write_bytes(b"pack")

    async def fetch(digest: str) -> Path:
        raise AssertionError(digest)

    assert await Supply((Store(tmp_path / "none"), Store(tmp_path)), fetch).pack(DIGEST) == tmp_path / DIGEST


async def test_what_many_want_is_asked_for_once_and_one_who_gives_up_takes_it_from_nobody(
    tmp_path: Path,
) -> None:
    asked: list[str] = []
    arrived = asyncio.Event()

    async def fetch(digest: str) -> Path:
        asked.append(digest)
        await arrived.wait()
        return tmp_path / digest

    supply = Supply((Store(tmp_path),), fetch)
    waiting = [asyncio.create_task(supply.pack(DIGEST)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    arrived.set()

    assert await asyncio.gather(*waiting[1:]) == [tmp_path / DIGEST] * 2
    assert asked == [DIGEST]


async def test_what_did_not_come_is_asked_for_again(tmp_path: Path) -> None:
    tries = 0

    async def fetch(digest: str) -> Path:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise MissingArtifactError("lost on the way")
        return tmp_path / digest

    supply = Supply((Store(tmp_path),), fetch)
    with pytest.raises(MissingArtifactError):
        await supply.pack(DIGEST)

    assert await supply.pack(DIGEST) == tmp_path / DIGEST


async def test_nobody_to_ask_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(MissingArtifactError, match="artifact aaaaaaaaaaaa is in no store"):
        await Supply((Store(tmp_path),)).pack(DIGEST)


async def test_closing_stops_what_is_coming(tmp_path: Path) -> None:
    async def fetch(digest: str) -> Path:
        await asyncio.Event().wait()
        return tmp_path / digest

    supply = Supply((Store(tmp_path),), fetch)
    waiting = asyncio.create_task(supply.pack(DIGEST))
    await asyncio.sleep(0)
    await supply.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_one_source_is_asked_after_the_other_and_all_say_why(tmp_path: Path) -> None:
    async def nothing(digest: str) -> Path:
        raise MissingArtifactError(f"no {digest[:2]}")

    async def everything(digest: str) -> Path:
        return tmp_path / digest

    assert await first_of(nothing, everything)(DIGEST) == tmp_path / DIGEST
    with pytest.raises(MissingArtifactError, match="no aa; no aa"):
        await first_of(nothing, nothing)(DIGEST)
