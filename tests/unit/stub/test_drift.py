"""Verify: what of a node is not as it was put there is named, what nobody put there is nobody's business."""

import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ramify.stub import files as stub_files
from ramify.stub import layout, manifests
from unit.stub.host import PATH, Host, order, pack

CONF = {"name": "app.conf", "content": "interval=2\n"}


def deployed(host: Host, files: dict[str, str | bytes] | None = None, **parts: Any) -> dict[str, Any]:
    """A node that runs, with a configuration file and some code; its order."""
    code, shared = pack(files or {"version": "1", "lib/x.sh": "echo"}), pack({"lib.sh": "echo lib"})
    host.put(code, shared)
    parts["service"] = {"files": [CONF], **parts.get("service", {})}
    wanted = order(code[0], shared={"runtime": shared[0]}, **parts)
    reply = host.commands("deploy", order=wanted)
    assert reply["ok"], reply
    return wanted


def drift(host: Host, path: str = PATH) -> list[dict[str, Any]]:
    (reply,) = host.session({"op": "verify", "paths": [path]})
    found: list[dict[str, Any]] = reply["nodes"][0]["drift"]
    return found


def told(host: Host) -> list[tuple[str, str]]:
    return [(one["name"], one["how"]) for one in drift(host)]


def current(host: Host) -> Path:
    return host.node() / "current"


def tree(host: Host) -> Path:
    return next(place for place in (host.root / "trees").iterdir() if place.is_dir())


EDITS: dict[str, Callable[[Host], object]] = {
    "config/app.conf edited": lambda host: (current(host) / "config/app.conf").write_text("interval=5\n"),
    "config/app.conf removed": lambda host: (current(host) / "config/app.conf").unlink(),
    "config/app.conf mode": lambda host: (current(host) / "config/app.conf").chmod(0o666),
    "code/version edited": lambda host: (current(host) / "code/version").write_text("2"),
    "code/lib/x.sh removed": lambda host: (current(host) / "code/lib/x.sh").unlink(),
    "code/lib/x.sh mode": lambda host: (current(host) / "code/lib/x.sh").chmod(0o644),
    "runtime/lib.sh edited": lambda host: (tree(host) / "lib.sh").write_text("x"),
    "order.json edited": lambda host: (current(host) / "order.json").write_text("{}"),
    "order.json removed": lambda host: (current(host) / "order.json").resolve().unlink(),
    "current removed": lambda host: current(host).unlink(),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_is_not_as_it_was_put_there_is_named_and_an_installation_repairs_it(
    host: Host, name: str
) -> None:
    wanted = deployed(host)
    before = told(host)

    EDITS[name](host)

    assert (before, told(host)) == ([], [tuple(name.split())])
    repaired = host.commands("shutdown", "configure-env", "configure", "start", order=wanted)
    assert repaired["ok"], repaired
    assert told(host) == []


def test_an_edited_configuration_is_repaired_by_configuring_it_again(host: Host) -> None:
    wanted = deployed(host)
    (current(host) / "config/app.conf").write_text("interval=5\n")

    assert host.commands("shutdown", "configure", "start", order=wanted)["ok"]

    assert told(host) == []
    assert (current(host) / "config/app.conf").read_text() == "interval=2\n"


def test_of_a_small_text_both_sides_are_told_with_their_digests(host: Host) -> None:
    deployed(host)
    (current(host) / "config/app.conf").write_text("interval=5\n")

    (found,) = drift(host)

    assert (found["expected_text"], found["actual_text"]) == ("interval=2\n", "interval=5\n")
    assert (found["expected"], found["actual"]) == (
        sha256(b"interval=2\n").hexdigest(), sha256(b"interval=5\n").hexdigest(),
    )  # fmt: skip


@pytest.mark.parametrize("data", [b"\0\1", b"\xff\xfe", b"x" * 9000])
def test_what_is_no_small_text_is_told_by_digest_alone(host: Host, data: bytes) -> None:
    deployed(host)
    (current(host) / "config/app.conf").write_bytes(data)

    (found,) = drift(host)

    assert found.keys() == {"name", "how", "expected", "actual"}
    assert found["actual"] == sha256(data).hexdigest()


def test_files_that_nobody_put_there_are_left_alone(host: Host) -> None:
    deployed(host)
    (current(host) / "code/__pycache__").mkdir()
    (current(host) / "code/__pycache__/x.pyc").write_text("x")
    (current(host) / "config/app.pid").write_text("1")

    assert told(host) == []


def test_what_an_installer_makes_of_its_own_code_is_no_drift_and_an_edit_of_that_is(host: Host) -> None:
    script = "#!/bin/sh\necho made > version\nrm lib/x.sh\nchmod 755 plain\n"
    files: dict[str, str | bytes] = {
        "install.sh": script,
        "version": "1",
        "lib/x.sh": "echo",
        "plain": "p",
        "other": "o",
    }
    deployed(host, files, install={"argv": ["./install.sh"]})

    assert told(host) == []
    for name in ("version", "other"):
        (current(host) / "code" / name).write_text("by hand")
    (current(host) / "code/lib/x.sh").write_text("by hand")
    assert told(host) == [("code/lib/x.sh", "edited"), ("code/other", "edited"), ("code/version", "edited")]


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(host: Host) -> None:
    deployed(host)
    for name in ("config/app.conf", "code/version"):
        (current(host) / name).unlink()
        os.mkfifo(current(host) / name)

    assert told(host) == [("config/app.conf", "edited"), ("code/version", "edited")]


def test_of_very_many_files_some_are_named_and_the_others_counted(host: Host) -> None:
    deployed(host, {f"f{n:03}": str(n) for n in range(100)})
    for file in (current(host) / "code").iterdir():
        file.unlink()

    found = drift(host)

    assert len(found) == 21
    assert (found[-1]["name"], found[-1]["how"], found[-1]["actual"]) == ("code/", "others", "80")


def test_a_pack_that_is_gone_is_told_since_nothing_can_be_held_against_it(host: Host) -> None:
    wanted = deployed(host)
    digest = wanted["code"]["artifact"]
    (host.root / "packs" / digest).unlink()

    assert told(host) == [(f"packs/{digest}", "removed")]


def test_a_service_ends_though_its_order_was_damaged(host: Host) -> None:
    wanted = deployed(host)
    (current(host) / "order.json").write_text("nonsense")

    assert host.commands("shutdown", "configure-env", "configure", "start", order=wanted)["ok"]
    assert len(host.processes()) == 1


# Large code: what has not been written since it was found sound is not read again.


@pytest.fixture
def large(tmp_path: Path) -> tuple[list[Any], Path]:
    """A manifest of more than is hashed each time, and the folder, settled long ago."""
    data = os.urandom(manifests.LARGE)
    folder = tmp_path / "code"
    folder.mkdir()
    rows = []
    for name, content in (("a", data), ("b", b"small")):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o644)
        rows.append([name, 0o644, len(content), sha256(content).hexdigest()])
    return rows, folder


def differing(rows: list[Any], folder: Path) -> list[str]:
    return [found[0] for found in manifests.differing(rows, str(folder), {})]


def test_large_code_is_stamped_once_it_has_settled_and_every_write_shows(
    large: tuple[list[Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, folder = large
    assert differing(rows, folder) == []
    assert not folder.with_name("code.seen").exists()  # too fresh: it could be written within the same tick
    later = time.time_ns() + 10_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert differing(rows, folder) == []
    assert folder.with_name("code.seen").exists()

    before = (folder / "b").stat()
    (folder / "b").write_bytes(b"SMALL")
    os.utime(folder / "b", ns=(before.st_atime_ns, before.st_mtime_ns))

    assert differing(rows, folder) == ["b"]


def test_stamped_files_are_not_read(large: tuple[list[Any], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    rows, folder = large
    later = time.time_ns() + 10_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)
    differing(rows, folder)
    read: list[str] = []
    monkeypatch.setattr(stub_files, "hash_file", read.append)

    assert differing(rows, folder) == []
    assert read == []


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"a": 7}'])
def test_stamps_that_cannot_be_read_are_none(large: tuple[list[Any], Path], text: str) -> None:
    rows, folder = large
    folder.with_name("code.seen").write_text(text)
    (folder / "a").write_bytes(b"edited")

    assert differing(rows, folder) == ["a"]


def test_a_manifest_of_no_pack_is_none(host: Host) -> None:
    root = layout.Root(str(host.root))
    Path(root.packs).mkdir(parents=True)
    Path(root.packs, "0" * 64).write_bytes(b"\0\0\0\2[]")

    assert manifests.read(root, "0" * 64) is None
    assert manifests.read(root, "1" * 64) is None
