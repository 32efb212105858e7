"""Projects whose references lead to the web, with and without a lock."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ramify.repository import locks
from ramify.repository.pins import Locking
from ramify.repository.project import Loaded, Reading, load
from ramify.repository.transfers import Limits
from unit.repository import packs
from unit.repository.archived import packed
from unit.repository.projects import FILES, told, write
from unit.repository.servers import Server, reply, running, say, serve, trickle

LIMITS = Limits(
    connect=1, silence=0.5, head=0.8, window=0.2, slowest=1000, attempts=2, pause=0.01, longest_pause=0.02
)
CODE = {"probe-1.4/component.yml": b"start: [./run]\n", "probe-1.4/run": b"#!/bin/sh\n"}
CONFIG = b"args: [--verbose]\nfiles:\n  motd: {source: motd.txt}\n"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with running() as made:
        yield made


@pytest.fixture
def files(server: Server) -> dict[str, bytes]:
    found = {
        "r/repository.yml": FILES["repositories/repository.yml"]
        .replace("ref: agent}", "ref: probe.tar.gz}")
        .encode(),
        "r/probe.tar.gz": packed("tar.gz", CODE),
        "r/config/install.yml": b"env: {TARGET: /opt}\n",
        "r/config/agent.yml": CONFIG,
        "r/config/motd.txt": b"welcome\n",
    }
    server.behave = serve(found)
    return found


def away(folder: Path, server: Server) -> Path:
    """A project whose repository lies on the server."""
    text = FILES["ramify.yml"].replace("repositories/repository.yml", server.url("r/repository.yml"))
    return write(folder, ramify_yml=text)


def reads(folder: Path, locking: Locking = Locking.USE, *, ask: bool = True) -> Loaded:
    return load(folder, reading=Reading(locking=locking, ask=ask, limits=LIMITS))


def good(loaded: Loaded) -> Loaded:
    assert told(loaded) == []
    return loaded


def lock(folder: Path) -> Loaded:
    loaded = good(reads(folder, Locking.RENEW))
    assert loaded.lock
    locks.write(loaded.lock, loaded.pins)
    return loaded


def test_a_repository_on_the_web_refers_to_what_lies_beside_it(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    del files
    loaded = good(reads(away(tmp_path, server)))

    assert loaded.bundle
    assert loaded.lock == tmp_path / "repository.lock"
    code = loaded.bundle.components["probe.tar.gz"]
    assert code.name == "probe"
    assert set(packs.read(loaded.store.path(code.artifact).read_bytes(), code.artifact)) == {"run"}
    config = loaded.bundle.configurations["config/agent.yml"]
    assert config.files[0].content == "welcome\n"
    assert config.args[0].origin.file == server.url("r/config/agent.yml")


def test_loading_again_moves_no_bytes(tmp_path: Path, server: Server, files: dict[str, bytes]) -> None:
    del files
    first = good(reads(away(tmp_path, server)))
    asked = len(server.asked)
    again = good(reads(tmp_path))

    assert again.bundle == first.bundle
    assert len(server.asked) == 2 * asked
    assert all(request.get("If-None-Match") for request in server.asked[asked:])


def test_without_its_server_a_project_is_what_was_fetched_and_says_so(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    del files
    first = good(reads(away(tmp_path, server)))
    server.stop()
    again = reads(tmp_path)

    assert again.bundle == first.bundle
    assert {item.code for item in again.diagnostics} == {"no-answer"}
    assert {item.severity.value for item in again.diagnostics} == {"warning"}
    assert good(reads(tmp_path, ask=False)).bundle == first.bundle


def test_what_was_never_fetched_is_not_asked_for_when_nobody_is_to_be_asked(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    del files

    assert [item.code for item in reads(away(tmp_path, server), ask=False).diagnostics] == ["not-fetched"]
    assert server.asked == []


def test_entries_on_other_servers_are_told_where_they_are_written(tmp_path: Path, server: Server) -> None:
    server.behave = say(reply(404))
    text = FILES["repositories/repository.yml"].replace(
        "ref: agent}", f"ref: '{server.url('gone.tar.gz')}'}}"
    )

    assert told(reads(write(tmp_path, repositories__repository_yml=text))) == [
        (
            f"repositories/repository.yml:3:5: error[http-status]: cannot fetch {server.url('gone.tar.gz')}: "
            "the server answers 404"
        )
    ]


@pytest.mark.parametrize("ref", ["file:///etc/passwd", "file:x"])
def test_a_document_from_the_web_reaches_no_file_of_this_machine(
    tmp_path: Path, server: Server, files: dict[str, bytes], ref: str
) -> None:
    files["r/repository.yml"] = f"service-config:\n  - {{match: '/**', ref: '{ref}'}}\n".encode()
    [line] = told(reads(away(tmp_path, server)))

    assert "error[ref-scheme]" in line
    assert "cannot refer to files of this machine" in line


def test_a_source_from_the_web_reaches_no_file_of_this_machine(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    files["r/config/agent.yml"] = b"files:\n  motd: {source: /etc/passwd}\n"
    [line] = told(reads(away(tmp_path, server)))

    assert line.startswith(f"{server.url('r/config/agent.yml')}:2:")
    assert "404" in line


TROUBLE = {
    "less": (say(reply(200, b"x" * 100)[:-1]), "no-answer", "99 of 100"),
    "more": (say(reply(200, b"", Content_Length=str(5 << 30))), "too-large", "at most"),
    "trickle": (trickle(reply(200, b"", Content_Length="100000")), "no-answer", "bytes in"),
    "other": (say(reply(200, b"<html>")), "bad-archive", "<html>"),
    "redirect": (say(reply(302, Location="file:///etc/passwd")), "bad-redirect", "no web address"),
    "bomb": (say(reply(200, packed("tar.gz", {"../x": b""}))), "artifact-name", "../x"),
}


@pytest.mark.parametrize("how", TROUBLE)
def test_a_bad_server_gives_one_error_at_the_entry_and_nothing_half_written(
    tmp_path: Path, server: Server, how: str
) -> None:
    server.behave, code, words = TROUBLE[how]
    text = FILES["repositories/repository.yml"].replace("ref: agent}", f"ref: '{server.url('a.tar.gz')}'}}")
    loaded = reads(write(tmp_path, repositories__repository_yml=text))

    [line] = told(loaded)
    assert line.startswith(f"repositories/repository.yml:3:5: error[{code}]: ")
    assert words in line
    assert not list(tmp_path.glob(".ramify/trees/*"))
    assert how in {"other", "bomb"} or not list(tmp_path.glob(".ramify/http/blobs/*"))


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.xz", "tar.zst", "tar.bz2", "zip"])
def test_code_is_an_archive_of_the_project(tmp_path: Path, kind: str) -> None:
    text = FILES["repositories/repository.yml"].replace("ref: agent}", f"ref: probe.{kind}}}")
    (write(tmp_path, repositories__repository_yml=text) / f"repositories/probe.{kind}").write_bytes(
        packed(kind, CODE)
    )
    loaded = good(load(tmp_path))

    assert loaded.bundle
    component = loaded.bundle.components[f"probe.{kind}"]
    assert (component.name, component.start) == ("probe", {"service": ("./run",)})
    assert str(component.origin) == f"repositories/probe.{kind}/component.yml:1:1"


def test_an_archive_without_a_manifest_is_like_a_folder_without_one(tmp_path: Path) -> None:
    text = FILES["repositories/repository.yml"].replace("ref: agent}", "ref: p.zip}")
    data = packed("zip", {"p/start": b"#!/bin/sh\n"})
    (write(tmp_path, repositories__repository_yml=text) / "repositories/p.zip").write_bytes(data)
    loaded = good(load(tmp_path))

    assert loaded.bundle
    assert loaded.bundle.components["p.zip"].start == {"service": ("start",)}


def test_a_component_extends_one_from_the_web_and_the_other_way_round(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    files["base.zip"] = packed("zip", {"base/component.yml": b"start: [./run]\n", "base/run": b"#!/bin/sh\n"})
    files["r/probe.tar.gz"] = packed("tar.gz", {"p/component.yml": b"extends: ../../base.zip\n", "p/x": b""})
    loaded = good(reads(away(tmp_path, server)))

    assert loaded.bundle
    code = loaded.bundle.components["probe.tar.gz"]
    assert set(packs.read(loaded.store.path(code.artifact).read_bytes(), code.artifact)) == {"run", "x"}


def test_a_script_from_the_web_is_a_program_by_its_own_name(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    files["agent.sh"] = b"#!/bin/sh\nexec sleep 9\n"
    text = FILES["repositories/repository.yml"].replace(
        "ref: agent}", f"ref: '{server.url('agent.sh?v=1')}'}}"
    )
    server.behave = lambda asked, to: to.sendall(reply(200, files["agent.sh"]))
    loaded = good(reads(write(tmp_path, repositories__repository_yml=text)))

    assert loaded.bundle
    code = loaded.bundle.components[server.url("agent.sh?v=1")]
    assert packs.read(loaded.store.path(code.artifact).read_bytes(), code.artifact) == {
        "agent.sh": (0o755, files["agent.sh"])
    }


# Locks.


def test_a_lock_has_every_reference_by_a_name_that_does_not_depend_on_the_machine(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    local, web = lock(write(tmp_path / "a")), lock(away(tmp_path / "b", server))
    del files

    assert set(local.pins) == {
        "agent", "collection:acme.base.gateway", "config/agent.yml", "config/install.yml", "config/motd.txt",
    }  # fmt: skip
    assert {name.removeprefix(server.url("r/")) for name in web.pins} == {
        "repository.yml", "probe.tar.gz", "config/agent.yml", "config/install.yml", "config/motd.txt",
        "collection:acme.base.gateway",
    }  # fmt: skip
    assert local.lock == tmp_path / "a/repositories/repository.lock"


def test_locking_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    path = lock(write(tmp_path / "a")).lock
    other = lock(write(tmp_path / "b" / "deeper")).lock
    assert path
    assert other

    assert path.read_bytes() == other.read_bytes()


def test_a_project_that_is_as_it_was_locked_is_fine(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    del files
    lock(away(tmp_path, server))

    good(reads(tmp_path))
    good(reads(tmp_path, Locking.REQUIRE))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("repositories/agent/start", "agent"),
        ("repositories/config/motd.txt", "config/motd.txt"),
        ("repositories/config/install.yml", "config/install.yml"),
        ("collections/acme/base/gateway/component.yml", "collection:acme.base.gateway"),
    ],
)
def test_a_file_that_drifted_from_the_lock_is_told_and_with_locked_refused(
    tmp_path: Path, file: str, name: str
) -> None:
    lock(write(tmp_path))
    with (tmp_path / file).open("a") as stream:
        stream.write("# edited\n")

    for locking, severity in ((Locking.USE, "warning"), (Locking.REQUIRE, "error")):
        loaded = reads(tmp_path, locking)
        lines = set(told(loaded))
        assert len(lines) == 1
        assert f"{severity}[drifted]: {name} is not what repositories/repository.lock says" in lines.pop()
        assert (loaded.bundle is None) == (severity == "error")


def test_an_entry_that_is_not_locked_is_told_and_with_locked_refused(tmp_path: Path, server: Server) -> None:
    lock(write(tmp_path))
    text = FILES["repositories/repository.yml"] + f"  - {{match: '/**', ref: '{server.url('x.yml')}'}}\n"
    write(tmp_path, repositories__repository_yml=text)
    server.behave = serve({"x.yml": b"env: {A: b}\n"})

    assert [item.code for item in reads(tmp_path, Locking.REQUIRE).diagnostics] == ["not-locked"]
    assert server.asked == []
    assert [item.code for item in reads(tmp_path).diagnostics] == ["not-locked"]


def test_locked_without_a_lock_says_how_to_have_one(tmp_path: Path) -> None:
    [line] = told(reads(write(tmp_path), Locking.REQUIRE))

    assert line == "error[not-locked]: there is no repositories/repository.lock"


def test_what_is_locked_and_here_needs_no_network(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    del files
    first = lock(away(tmp_path, server))
    asked = len(server.asked)
    again = good(reads(tmp_path, Locking.REQUIRE))

    assert again.bundle == first.bundle
    assert len(server.asked) == asked

    server.stop()
    assert good(reads(tmp_path)).bundle == first.bundle


def test_what_a_server_changed_since_is_told_and_what_was_locked_is_used(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    first = lock(away(tmp_path, server))
    files["r/config/install.yml"] = b"env: {TARGET: /evil}\n"
    again = reads(tmp_path)

    assert again.bundle == first.bundle
    assert told(again) == [
        (
            f"{server.url('r/repository.yml')}:5:5: warning[drifted]: {server.url('r/config/install.yml')} "
            "has changed since it was locked; what was locked is used"
        )
    ]


def test_other_bytes_than_are_locked_are_refused_where_the_locked_are_not_here(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    lock(away(tmp_path, server))
    files["r/probe.tar.gz"] = packed("tar.gz", CODE | {"probe-1.4/evil": b"evil"})
    for locking in (Locking.USE, Locking.REQUIRE):
        loaded = load(tmp_path, tmp_path / "fresh", reading=Reading(locking=locking, limits=LIMITS))
        assert "error[drifted]: cannot fetch" in told(loaded)[0]


def test_kept_bytes_that_were_changed_are_fetched_again(
    tmp_path: Path, server: Server, files: dict[str, bytes]
) -> None:
    del files
    first = lock(away(tmp_path, server))
    for blob in (tmp_path / ".ramify/http/blobs").iterdir():
        blob.write_bytes(b"evil" + blob.read_bytes())

    assert good(reads(tmp_path, Locking.REQUIRE)).bundle == first.bundle


def test_a_lock_that_was_broken_by_hand_is_told_by_line(tmp_path: Path) -> None:
    path = lock(write(tmp_path)).lock
    assert path
    path.write_text(path.read_text().replace("size:", "sise:", 1))

    lines = told(reads(tmp_path))
    assert lines[0].startswith("repositories/repository.lock:6:5: error[unknown-key]")
    assert all("repository.lock:" in line for line in lines)  # and not all that is held against it


def test_a_lock_without_end_is_never_read_whole(tmp_path: Path) -> None:
    path = lock(write(tmp_path)).lock
    assert path
    os.truncate(path, 1 << 30)

    [line] = told(reads(tmp_path))
    assert line.startswith("repositories/repository.lock:1:1: error[too-large]")


def test_no_client_is_loaded_where_nothing_is_fetched(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ramify.repository.project import load; "
        "print(load(Path(sys.argv[1])).bundle is not None, "
        "sorted({'urllib3', 'zstandard', 'tarfile', 'http.client', 'concurrent.futures'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(write(tmp_path))],
        check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip

    assert ran.stdout.strip() == "True []"
