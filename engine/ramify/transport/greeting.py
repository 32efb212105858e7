"""Start a stub: ship it where it is not, take its greeting, and say why there is none."""

import asyncio

from ramify.model.inventory import Host
from ramify.stub import archive
from ramify.transport import frames, replies
from ramify.transport.channel import Channel
from ramify.transport.errors import (
    ConnectionLostError,
    StubNotStartedError,
    TransportError,
    UnusableReplyError,
)
from ramify.transport.replies import Hello

_NEED = archive.NEED[:4]
_WISH = b'{"need":"'
_COMMAND_NOT_FOUND = 127
_GLANCE = 0.5


def command(host: Host, *, cached: bool) -> str:
    """The command line that starts the stub on a host; `cached` if it is thought to have it already."""
    stub = archive.build()
    return archive.command(host.python, host.root, stub.digest, 0 if cached else len(stub.data))


async def greet(channel: Channel, host: Host) -> Hello:
    """Wait for the greeting, and send the archive if it is asked for.

    Raises:
        StubNotStartedError: the command ended instead.
        UnusableReplyError: something else than a stub talks.
        ConnectionLostError: the link broke.
    """
    stub = archive.build()
    try:
        begun = await channel.readexactly(len(_NEED))
        if begun == _NEED:
            await channel.readexactly(len(archive.NEED) - len(_NEED))
            channel.write(len(stub.data).to_bytes(8, "big") + stub.data)
            begun = await channel.readexactly(len(_NEED))
    except asyncio.IncompleteReadError as error:
        raise await not_started(channel, host) from error
    if int.from_bytes(begun, "big") > frames.HEADER_LIMIT:
        raise await _chatter(channel, host, begun)
    frame = await frames.read(channel, host.name, begun)
    while frame is not None and (part := wished(frame.header, host)):
        channel.write(part)
        frame = await frames.read(channel, host.name)
    if frame is None:
        raise ConnectionLostError(host.name, "the stub ended inside its greeting")
    return replies.hello(frame.header, host.name, stub.digest)


def wished(header: bytes, host: Host) -> bytes:
    """The frame with the part of the archive that a stub asks for; nothing if that is not what it says.

    Raises:
        UnusableReplyError: there is no such part.
    """
    if not header.startswith(_WISH):
        return b""
    parts = archive.build().parts
    digest = header[len(_WISH) : -2].decode(errors="replace")
    if digest not in parts:
        raise UnusableReplyError(host.name, "the stub asks for a part of itself that there is not")
    return frames.pack((archive.PART % digest).encode(), parts[digest])


async def not_started(channel: Channel, host: Host) -> TransportError:
    """Why there is no stub: what the shell or Python said last."""
    said = await channel.stderr_tail()
    status = None
    try:
        async with asyncio.timeout(_GLANCE):
            status = await channel.exit_status()
    except TimeoutError:
        pass
    if status == _COMMAND_NOT_FOUND or "python 3.8" in said:
        hint = f"name a Python of 3.8 or later as `python:` of the host {host.name} in the inventory"
    else:
        hint = (
            f"try it by hand: log in to {host.name} and run `{host.python} -c 1`; check `root: {host.root}`"
        )
    return StubNotStartedError(host.name, f"the stub did not start: {said or f'exit status {status}'}", hint)


async def _chatter(channel: Channel, host: Host, begun: bytes) -> UnusableReplyError:
    rest = b""
    try:
        async with asyncio.timeout(_GLANCE):
            rest = await channel.read(80)
    except (TimeoutError, TransportError):
        pass
    said = (begun + rest).decode(errors="replace").splitlines()[0]
    error = UnusableReplyError(host.name, f'expected the stub\'s greeting, got "{said}"')
    error.hint = "the login shell's start-up files print something: they must be silent without a terminal"
    return error
