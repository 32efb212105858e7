"""Local commands look like remote ones."""

import asyncio
from pathlib import Path

import pytest

from ramify.stub import process
from ramify.transport.errors import ConnectionLostError
from ramify.transport.local import LocalConnection

BINARY = bytes(range(256)) * 4096 * 10  # 10 MiB


async def test_bytes_go_through_both_ways_unchanged() -> None:
    channel = await LocalConnection("me").open("cat")

    async def send() -> None:
        for offset in range(0, len(BINARY), 1 << 20):
            channel.write(BINARY[offset : offset + (1 << 20)])
            await channel.drain()
        channel.write_eof()

    sending = asyncio.create_task(send())
    assert await channel.readexactly(len(BINARY)) == BINARY
    assert await channel.read(1) == b""
    await sending
    await channel.close()


async def test_status_and_the_last_of_stderr_are_told() -> None:
    channel = await LocalConnection("me").open("echo oh dear >&2; no-such-command-here")

    assert await channel.exit_status() == 127
    assert (await channel.stderr_tail()).startswith("oh dear\n")
    with pytest.raises(ConnectionLostError):
        channel.write(b"x")
    await channel.close()
    await channel.close()


async def test_closing_ends_the_input_and_lets_the_command_finish(tmp_path: Path) -> None:
    channel = await LocalConnection("me").open(f"echo begun; cat; echo done > {tmp_path}/told")
    await channel.readexactly(6)
    await channel.close()

    assert (tmp_path / "told").read_text() == "done\n"


async def test_closing_makes_the_whole_group_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ramify.transport.local._GRACE", 0.05)
    channel = await LocalConnection("me").open("trap '' TERM; sleep 1000 & echo $!; wait; wait")
    sleeping = int(await channel.read(10))
    await channel.close()

    assert await channel.exit_status() == -9
    async with asyncio.timeout(10):
        while process.stamp(sleeping):  # noqa: ASYNC110 - not our child: nobody tells when it is gone
            await asyncio.sleep(0.001)
