"""The repository server as a service: deployed to a host of the lab, it answers for its project."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

FILES = {
    "ramify.yml": "project: repo\nhierarchy: hierarchy.yml\ninventory: inventory.yml\n"
    "repository: repository.yml\n",
    "hierarchy.yml": "tree:\n  server: {}\n",
    "inventory.yml": "defaults: {transport: lab}\nhosts: {store: {}}\n"
    "placements:\n  - {match: /server, host: store}\n",
    "repository.yml": "code:\n  - {match: /server, ref: server}\n"
    "service-config:\n  - {match: '/**', ref: config.yml}\n",
    "server/component.yml": "extends: collection:ramify.core.repository\n",
}


def ramify(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ramify", "-C", str(folder), *words]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=300)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    yield tmp_path
    ramify(tmp_path, "lab", "down")


def test_a_deployed_server_answers_for_its_project(project: Path) -> None:
    port = free_port()
    (project / "config.yml").write_text(f"env: {{PORT: {port}}}\n")
    assert ramify(project, "lab", "up").returncode == 0
    applied = ramify(project, "apply", "-y")
    assert applied.returncode == 0, applied.stderr

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    assert served(connection) == (project / "config.yml").read_bytes()
    connection.close()
    assert "No changes" in ramify(project, "apply", "-y").stdout

    with (project / "config.yml").open("a") as file:
        file.write("# another word\n")
    assert "1 to change" in ramify(project, "apply", "-y").stdout
    assert served(connection) == (project / "config.yml").read_bytes()
    connection.close()


def test_a_fresh_checkout_keeps_to_the_lock_though_the_snapshot_is_not_in_it(project: Path) -> None:
    (project / "config.yml").write_text("env: {PORT: 8080}\n")
    assert ramify(project, "repo", "lock").returncode == 0
    shutil.rmtree(project / "server/snapshot")

    planned = ramify(project, "plan", "--locked")

    assert (planned.returncode, planned.stderr) == (0, "")


def served(connection: http.client.HTTPConnection) -> bytes:
    connection.request("POST", "/", json.dumps({"type": "managent-configuration", "id": "/any/path"}))
    (ref,) = json.load(connection.getresponse())["refs"]
    connection.request("GET", ref["url"])
    return connection.getresponse().read()
