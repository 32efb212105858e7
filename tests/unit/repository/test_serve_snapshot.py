"""Snapshots: the same answers from a folder that needs no YAML, no lxml, and no installed Ramify."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ramify.repository.serve_load import load
from ramify.repository.serve_snapshot import CATALOGUE, SnapshotError, update, write
from ramify.repository.serve_snapshot import load as load_snapshot
from ramify.repository.store import Store
from unit.repository import packs, projects
from unit.repository.serving import Serving, rich, serving

MANIFEST = "extends: collection:ramify.core.repository\n"
TYPES = ["managent-code", "install-configuration", "managent-configuration", "all"]


def with_server(folder: Path) -> Path:
    """The rich project, with a node for the server; where its snapshot belongs."""
    rich(folder)
    lists = folder / "repositories/repository.yml"
    lists.write_text(
        lists.read_text().replace("code:\n", "code:\n  - {match: '/repo/server', ref: server}\n")
    )
    (folder / "repositories/server").mkdir()
    (folder / "repositories/server/component.yml").write_text(MANIFEST)
    return folder / "repositories/server/snapshot"


def snapshot(folder: Path, target: Path) -> None:
    read = load(folder, without=target)
    assert read.catalogue is not None, list(map(str, read.diagnostics))
    write(read.catalogue, target)


@contextmanager
def started(release: Path, **parameters: str) -> Iterator[Serving]:
    """The component as a stub starts it: its folder as the current one, and nothing else known of Ramify."""
    env = {
        "PATH": os.environ["PATH"],
        "ADDRESS": "127.0.0.1",
        "PORT": "0",
        "SNAPSHOT": "snapshot",
        **parameters,
    }
    argv = ["sh", "serve.sh", sys.executable]
    with subprocess.Popen(argv, cwd=release, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline()]
        while lines[-1] and not lines[-1].startswith("http://"):
            lines.append(process.stderr.readline())
        assert lines[-1], lines
        host, _, port = lines[-1].strip().removeprefix("http://").rstrip("/").rpartition(":")
        try:
            yield Serving(host, int(port), lines)
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
            assert process.wait(20) == 0


def test_a_component_serves_its_snapshot_with_the_standard_library_alone(tmp_path: Path) -> None:
    target = with_server(tmp_path / "project")
    snapshot(tmp_path / "project", target)
    read = load(tmp_path / "project")
    assert read.catalogue is not None
    digest = read.catalogue.targets["server"].removeprefix("blobs/")
    release = tmp_path / "release"
    packs.unpack(Store(tmp_path / "project/.ramify/packs").path(digest).read_bytes(), digest, release)

    with serving(tmp_path / "project") as direct, started(release) as carried:
        for path in ("/region1", "/region1/app", "/large", "/far", "/none"):
            for kind in TYPES:
                assert carried.brp(kind, path) == direct.brp(kind, path)
        for url in [url for path in ("/region1/app", "/large") for url in direct.brp("all", path)]:
            assert carried.get("/" + url) == direct.get("/" + url)
        part = carried.get("/large.sh", Range="bytes=5-9")
        assert (part.status, part.body) == (206, direct.get("/large.sh").body[5:10])
        assert carried.get("/healthz").json["status"] == "ok"
        assert carried.get("/../catalogue.json").status == 404


def test_the_same_project_gives_the_same_snapshot(tmp_path: Path) -> None:
    target = with_server(tmp_path)
    found = []
    for _ in range(2):
        snapshot(tmp_path, target)
        read = load(tmp_path)
        assert read.catalogue is not None
        found.append(read.catalogue.targets["server"])

    assert found[0] == found[1]


def test_a_snapshot_is_written_again_only_when_something_changed(tmp_path: Path) -> None:
    target = with_server(tmp_path)

    def renewed() -> bool:
        catalogue = load(tmp_path, without=target).catalogue
        assert catalogue is not None
        return update(catalogue, target)

    assert [renewed(), renewed()] == [True, False]
    (tmp_path / "repositories/config/motd.txt").write_text("goodbye\n")
    assert [renewed(), renewed()] == [True, False]
    next((target / "blobs").iterdir()).unlink()
    assert [renewed(), renewed()] == [True, False]
    (target / "lib/SHA256SUMS").write_text("of another Ramify\n")
    assert [renewed(), renewed()] == [True, False]


def test_no_snapshot_holds_itself(tmp_path: Path) -> None:
    target = with_server(tmp_path)
    snapshot(tmp_path, target)

    read = load_snapshot(target)

    assert read.catalogue is not None
    assert read.catalogue.targets["server"] == "server"


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    read = load(projects.write(tmp_path))
    assert read.catalogue is not None

    with pytest.raises(SnapshotError, match="no snapshot"):
        write(read.catalogue, tmp_path / "repositories")

    assert (tmp_path / "repositories/repository.yml").exists()


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no snapshot"):
        load_snapshot(tmp_path)
    (tmp_path / CATALOGUE).write_text("{}")
    with pytest.raises(SnapshotError, match="no snapshot"):
        load_snapshot(tmp_path)


def test_a_host_of_another_kind_is_told_the_way_out(tmp_path: Path) -> None:
    target = with_server(tmp_path)
    snapshot(tmp_path, target)
    (target / "lib/kind").write_text("cpython-399 plan9 pdp11\n")
    shipped = Path(__file__).parents[3] / "collections/ramify/core/repository/serve.py"

    ended = subprocess.run(
        [sys.executable, "-I", "-S", shipped, target, "127.0.0.1", "0", "lib"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode == 1
    assert "set RAMIFY_INTERPRETER" in ended.stderr
