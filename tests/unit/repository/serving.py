"""A real server on loopback in a thread of its own, and a plain client, for the tests."""

import asyncio
import http.client
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ramify.repository.serve_limits import Limits
from ramify.repository.serve_live import Live
from ramify.repository.serve_load import ASK_AGAIN, Good, load
from ramify.repository.serve_server import Server
from unit.repository import projects

PATIENCE = 20.0
MANY = 1 << 21
SECRET = b"env: {KEY: secret}\n"


class Answer(NamedTuple):
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Serving:
    """A server that runs."""

    def __init__(self, host: str, port: int, log: list[str]) -> None:
        self.host = host
        self.port = port
        self.log = log
        self.base = f"http://{host}:{port}/"
        self.end: Callable[[], object] = lambda: None

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request on a connection of its own; `if_none_match=` becomes `If-None-Match:`."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body, named)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            del found["date"]  # the one header that is another with every answer
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, target: str, **headers: str) -> Answer:
        return self.ask("GET", target, None, **headers)

    def brp(self, kind: str, path: str) -> list[str]:
        """The references that a request in JSON gets, without the server's root."""
        body = json.dumps({"type": kind, "id": path}).encode()
        answer = self.ask("POST", "/", body, Content_Type="application/json")
        assert answer.status == 200, answer
        return [ref["url"].removeprefix(self.base) for ref in answer.json["refs"]]


def rich(folder: Path) -> Path:
    """The small project, with a large file, a link out, a reference out, and one to another machine."""
    projects.write(folder)
    (folder / "secret.yml").write_bytes(SECRET)
    home = folder / "repositories"
    (home / "config/linked.yml").symlink_to(folder / "secret.yml")
    (home / "large.sh").write_bytes(b"#!/bin/sh\n" + os.urandom(MANY))
    (home / "unnamed.txt").write_text("nobody refers to it\n")
    lists = projects.FILES["repositories/repository.yml"].replace(
        "install-config:\n",
        "  - {match: '/large', ref: large.sh}\n"
        "install-config:\n"
        "  - {match: '/out', ref: ../secret.yml}\n"
        "  - {match: '/out', ref: config/linked.yml}\n"
        "  - {match: '/far', ref: 'https://example.com/ä b.yml?x=1&y=%20'}\n",
    )
    (home / "repository.yml").write_text(lists)
    return folder


@contextmanager
def serving(folder: Path, limits: Limits | None = None, ask_again: float = ASK_AGAIN) -> Iterator[Serving]:
    """Serve a project's repository; at the end the server must have stopped in time."""
    log: list[str] = []
    ready: list[Serving] = []
    up = threading.Event()

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def started(urls: list[str]) -> None:
            host, _, port = urls[0].removeprefix("http://").rstrip("/").rpartition(":")
            ready.append(Serving(host, int(port), log))
            ready[0].end = lambda: loop.call_soon_threadsafe(stop.set)
            up.set()

        good: Good = set()
        live = Live(lambda: load(folder, good=good, ask_again=ask_again), log.append)
        server = Server(live, log.append, log.append, limits)
        await server.run("127.0.0.1", 0, stop, started)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert up.wait(PATIENCE)
    try:
        yield ready[0]
    finally:
        with suppress(RuntimeError):  # a test may have ended it
            ready[0].end()
        thread.join(PATIENCE)
        assert not thread.is_alive()
