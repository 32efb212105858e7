"""A server follows its files: good changes are served at once, bad ones leave the last good state."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ramify.model.diagnostics import DiagnosticsError
from ramify.repository.serve_live import Live
from ramify.repository.serve_load import load
from ramify.repository.serve_read import Read
from unit.repository import packs, projects
from unit.repository.serving import Serving, serving

LISTS = "repositories/repository.yml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return projects.write(tmp_path)


@pytest.fixture
def running(folder: Path) -> Iterator[Serving]:
    with serving(folder) as made:
        yield made


def edit(folder: Path, name: str, before: str, after: str) -> None:
    file = folder / name
    file.write_text(file.read_text().replace(before, after))


def test_a_changed_list_is_served_with_the_next_request(folder: Path, running: Serving) -> None:
    assert running.brp("install-configuration", "/a") == ["config/install.yml"]

    for match in ("/b/**", "/c/**", "/a/**"):  # of one length, and within one tick of the clock
        (folder / LISTS).write_text(f"install-config:\n  - {{match: '{match}', ref: config/install.yml}}\n")

        found = running.brp("install-configuration", "/a")
        assert found == (["config/install.yml"] if match == "/a/**" else [])


def test_a_changed_file_has_new_bytes_and_another_tag(folder: Path, running: Serving) -> None:
    before = running.get("/config/motd.txt")
    (folder / "repositories/config/motd.txt").write_text("goodbye\n")

    after = running.get("/config/motd.txt", If_None_Match=before.headers["etag"])

    assert (after.status, after.body) == (200, b"goodbye\n")


def test_a_changed_component_is_another_blob_and_the_old_one_stays(folder: Path, running: Serving) -> None:
    (before,) = running.brp("managent-code", "/region1/app")
    (folder / "repositories/agent/start").write_text("#!/bin/sh\nexec sleep 5\n")
    (folder / "repositories/agent/more").write_text("more\n")

    (after,) = running.brp("managent-code", "/region1/app")

    assert before != after
    assert set(packs.read(running.get("/" + after).body, after.removeprefix("blobs/"))) == {"start", "more"}
    assert running.get("/" + before).status == 200


def test_a_change_in_what_a_component_extends_is_seen(folder: Path, running: Serving) -> None:
    edit(folder, LISTS, "ref: agent", "ref: leaf")
    (folder / "repositories/leaf").mkdir()
    (folder / "repositories/leaf/component.yml").write_text("extends: collection:acme.base.gateway\n")
    (before,) = running.brp("managent-code", "/region1/app")

    (folder / "collections/acme/base/gateway/gateway.py").write_text("print('there')\n")

    assert running.brp("managent-code", "/region1/app") != [before]


def test_a_pack_that_was_cleared_away_is_made_again(folder: Path, running: Serving) -> None:
    (url,) = running.brp("managent-code", "/region1/app")
    (folder / ".ramify/packs" / url.removeprefix("blobs/")).unlink()

    assert running.get("/" + url).status == 200


def test_a_configuration_may_name_a_file_on_the_web_which_is_not_asked_for(
    folder: Path, running: Serving
) -> None:
    (folder / "repositories/config/agent.yml").write_text("files: {a: {source: 'http://127.0.0.1:9/x'}}\n")

    assert b"127.0.0.1:9" in running.get("/config/agent.yml").body
    assert running.get("/healthz").json["problems"] == []


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        (LISTS, "code: [", "syntax"),
        (LISTS, "cod: []\n", "unknown-key"),
        (LISTS, "code:\n  - {match: '/**', ref: none}\n", "missing-file"),
        (LISTS, None, "missing-file"),
        ("ramify.yml", "project: [", "syntax"),
        ("repositories/config/install.yml", "evn: {}\n", "unknown-key"),
    ],
)
def test_a_broken_edit_leaves_the_last_good_state_and_is_told(
    name: str, text: str | None, code: str, folder: Path, running: Serving
) -> None:
    answers = [running.brp("all", "/region1/app"), running.get("/config/install.yml").body]
    good = (folder / name).read_text()

    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text)

    assert [running.brp("all", "/region1/app"), running.get("/config/install.yml").body] == answers
    health = running.get("/healthz").json
    assert health["status"] == "stale"
    assert f"[{code}]" in health["problems"][0]
    assert [line for line in running.log if f"[{code}]" in line]

    (folder / name).write_text(good)
    assert running.get("/healthz").json["status"] == "ok"


def test_the_same_problem_is_logged_once(folder: Path, running: Serving) -> None:
    (folder / LISTS).write_text("code: [")

    for _ in range(20):
        running.get("/healthz")

    assert len([line for line in running.log if "[syntax]" in line]) == 1


def test_a_large_file_that_changed_is_never_sent_as_the_old_one(folder: Path, running: Serving) -> None:
    large = folder / "repositories/large.sh"
    large.write_bytes(b"#!/bin/sh\n" + b"a" * (2 << 20))
    edit(folder, LISTS, "ref: agent", "ref: large.sh")
    assert running.get("/large.sh").status == 200

    (folder / LISTS).write_text("code: [")  # so that the new file is not taken up
    large.write_bytes(b"#!/bin/sh\n" + b"b" * (2 << 20))

    assert running.get("/large.sh").status == 503


def test_a_repository_that_was_never_good_is_not_served(folder: Path) -> None:
    (folder / LISTS).write_text("code: [")

    with pytest.raises(DiagnosticsError, match="syntax"):
        Live(lambda: load(folder), print)


def test_a_load_that_fails_leaves_the_last_good_state(folder: Path) -> None:
    loads = iter([load(folder)])

    async def ask() -> None:
        live = Live(lambda: next(loads), lambda _: None)
        before = (await live.state()).catalogue
        (folder / LISTS).write_text("code: []\n")
        state = await live.state()
        assert state.catalogue is before
        assert "StopIteration" in state.problems[0]

    asyncio.run(ask())


def test_many_that_ask_at_once_read_a_change_once(folder: Path) -> None:
    loads: list[int] = []

    def counted() -> Read:
        loads.append(threading.get_ident())
        return load(folder)

    async def ask() -> None:
        live = Live(counted, lambda _: None)
        await asyncio.sleep(0.03)
        await live.state()
        loads.clear()
        (folder / LISTS).write_text("code: []\n")
        await asyncio.sleep(0.03)
        states = await asyncio.gather(*(live.state() for _ in range(50)))
        assert {len(state.catalogue.repository.code) for state in states} == {0}

    asyncio.run(ask())

    assert len(loads) == 1


def test_a_file_with_a_date_in_the_future_is_read_once(folder: Path) -> None:
    loads: list[None] = []

    def counted() -> Read:
        loads.append(None)
        return load(folder)

    async def ask() -> None:
        os.utime(folder / LISTS, (4e9, 4e9))
        live = Live(counted, lambda _: None)
        await asyncio.sleep(0.05)
        for _ in range(20):
            await live.state()

    asyncio.run(ask())

    assert len(loads) <= 2
