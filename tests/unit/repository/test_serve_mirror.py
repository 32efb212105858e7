"""A repository that is a URL: the server is a mirror of it, under the lock, and asks for what is new."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ramify.__main__ import main
from ramify.repository.serve_load import load
from unit.repository.servers import Server, running, serve
from unit.repository.serving import serving

LISTS = b"""\
code:
  - {match: /app, ref: agents/app.sh}
  - {match: /far, ref: "https://example.com/far.sh"}
service-config:
  - {match: /app, ref: config/app.yml}
  - {match: /app, ref: ../above.yml}
"""
FILES = {
    "acme/repository.yml": LISTS,
    "acme/agents/app.sh": b"#!/bin/sh\nexec sleep 1000\n",
    "acme/config/app.yml": b"env: {A: 1}\nfiles: {motd: {source: ../motd.txt}}\n",
    "acme/motd.txt": b"hello\n",
    "above.yml": b"env: {B: 2}\n",
}
PROJECT = "project: mirror\nhierarchy: h.yml\ninventory: i.yml\nrepository: {url}\n"


@pytest.fixture
def upstream() -> Iterator[Server]:
    with running() as server:
        server.behave = serve(FILES)
        yield server


@pytest.fixture
def folder(tmp_path: Path, upstream: Server) -> Path:
    url = upstream.url("acme/repository.yml")
    (tmp_path / "ramify.yml").write_text(PROJECT.format(url=url))
    return tmp_path


def lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "h.yml").write_text("tree: {app: {}}\n")
    (folder / "i.yml").write_text("hosts: {a: {}}\nplacements:\n  - {match: /app, host: a}\n")
    monkeypatch.setattr("sys.argv", ["ramify", "-C", str(folder), "repo", "lock"])
    with pytest.raises(SystemExit, match="0"):
        main()


def test_what_lies_below_the_document_is_served_from_here_and_all_else_stays_where_it_is(
    folder: Path, upstream: Server
) -> None:
    with serving(folder) as mirror:
        assert mirror.brp("managent-code", "/app") == ["agents/app.sh"]
        assert mirror.brp("managent-code", "/far") == ["https://example.com/far.sh"]
        assert mirror.brp("managent-configuration", "/app") == ["config/app.yml", upstream.url("above.yml")]
        for name in ("repository.yml", "agents/app.sh", "config/app.yml", "motd.txt"):
            assert mirror.get(f"/{name}").body == FILES[f"acme/{name}"]
        assert mirror.get("/above.yml").status == 404


def test_what_changed_upstream_is_served_when_it_was_asked_for_again(folder: Path, upstream: Server) -> None:
    with serving(folder, ask_again=0) as mirror:
        before = mirror.get("/config/app.yml")
        upstream.asked.clear()

        assert mirror.get("/config/app.yml", If_None_Match=before.headers["etag"]).status == 304
        assert all(asked.get("If-None-Match") for asked in upstream.asked)

        upstream.behave = serve(FILES | {"acme/config/app.yml": b"env: {A: 9}\n"})

        assert mirror.get("/config/app.yml").body == b"env: {A: 9}\n"


def test_nobody_is_asked_before_it_is_time(folder: Path, upstream: Server) -> None:
    with serving(folder, ask_again=1000) as mirror:

        def asks() -> int:
            upstream.asked.clear()
            mirror.get("/config/app.yml")
            return len(upstream.asked)

        # At first the project file is so young that it may have changed within a tick of the clock.
        assert 0 in (asks() for _ in range(100))
        assert asks() == 0


def test_a_broken_upstream_leaves_the_last_good_state_and_is_told(folder: Path, upstream: Server) -> None:
    with serving(folder, ask_again=0) as mirror:
        upstream.behave = serve(FILES | {"acme/config/app.yml": b"evn: {}\n"})

        assert mirror.get("/config/app.yml").body == FILES["acme/config/app.yml"]
        (problem,) = mirror.get("/healthz").json["problems"]

    assert "unknown-key" in problem


def test_what_is_locked_is_served_until_the_lock_is_renewed(
    folder: Path, upstream: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.behave = serve(FILES | {"acme/repository.yml": OWN})
    lock(folder, monkeypatch)
    upstream.behave = serve(FILES | {"acme/repository.yml": OWN, "acme/motd.txt": b"goodbye\n"})

    with serving(folder, ask_again=1000) as mirror:
        assert mirror.get("/motd.txt").body == b"hello\n"
        lock(folder, monkeypatch)
        assert mirror.get("/motd.txt").body == b"goodbye\n"


OWN = LISTS.replace(b'  - {match: /far, ref: "https://example.com/far.sh"}\n', b"")


def test_a_password_in_the_url_is_told_to_nobody(folder: Path, upstream: Server) -> None:
    url = upstream.url("acme/repository.yml").replace("//", "//me:secret@")
    (folder / "ramify.yml").write_text(PROJECT.format(url=url))

    read = load(folder)

    assert read.catalogue is not None
    assert "secret" not in str(read.catalogue.targets)


def test_a_server_that_is_not_there_is_one_error(folder: Path, upstream: Server) -> None:
    upstream.behave = serve({})

    (problem,) = load(folder).diagnostics

    assert problem.origin is not None
    assert (problem.origin.file, problem.origin.line) == ("ramify.yml", 4)
