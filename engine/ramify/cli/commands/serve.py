"""`ramify repo serve`: the repository server, for stubs and people that speak BRP and HTTP."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ramify.cli import lazy
from ramify.cli.failures import failure
from ramify.cli.session import Session

PORT = 8080
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@lazy.command(
    "ramify repo serve",
    "ramify repo serve --port 0 -v",
    """curl http://127.0.0.1:8080/ -d '{"type": "all", "id": "/region1/zone3"}'""",
    name="serve",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen to.")
@click.option(
    "--port",
    default=PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port; 0 takes a free one.",
)
@click.option(
    "--project",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Serve the project in this folder, as -C.",
)
def command(session: Session, host: str, port: int, project: Path | None) -> None:
    """Serve the project's repository: BRP, the files that it refers to, and blobs by digest.

    Changes of the files are picked up; a repository that is broken is served in its last good state. Ends
    with SIGTERM or Ctrl-C. docs/protocol.md tells the protocol.
    """
    if project is not None:
        session.folder = session.folder / project
    if host not in _LOOPBACK:
        session.note(f"Everybody who reaches {host} can read this repository.")
    with _told_if_taken(host, port):
        _serve(session, host, port)


@contextmanager
def _told_if_taken(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        told = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        hint = "`--port 0` takes a free one." if port else ""
        raise failure("listen", f"cannot listen to {host} port {port}: {told}", hint) from error


def _serve(session: Session, host: str, port: int) -> None:
    from ramify.repository.serve_load import Good, load  # noqa: PLC0415 - `--help` needs none of it
    from ramify.repository.serve_server import serve  # noqa: PLC0415

    good: Good = set()
    logs = session.note, session.note if session.verbose else None
    asyncio.run(
        serve(
            lambda: load(session.folder, good=good), (host, port), logs, lambda urls: _started(session, urls)
        )
    )


def _started(session: Session, urls: list[str]) -> None:
    if session.json:
        session.document({"urls": urls, "pid": os.getpid()})
    else:
        session.say(f"Serving the repository on {' and '.join(urls)}")
    # Whoever started this in the background waits for the line.
    sys.stdout.flush()
