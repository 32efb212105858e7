"""Domains on the lab: what docs/domains.md shows is true, and a change stays in its domain."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lab

PAGE = (Path(__file__).parents[2] / "docs/domains.md").read_text()
RAMIFY = [sys.executable, "-m", "ramify"]
SCRIPT = "#!/bin/sh\nexec sleep 1000\n"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def commands() -> Iterator[list[str]]:
    for line in "".join(blocks("console")).splitlines():
        for part in line.partition("  #")[0].split("&&"):
            yield shlex.split(part)[1:]


def ramify(folder: Path, *words: str, code: int = 0) -> str:
    how: dict[str, Any] = {"cwd": folder, "capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run([*RAMIFY, *words], check=False, **how)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return str(done.stdout)


def read(folder: Path, *words: str) -> Any:
    return json.loads(ramify(folder, *words, "--json"))


def script(file: Path) -> None:
    file.write_text(SCRIPT)
    file.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path, built: Callable[[Path], None]) -> Iterator[Path]:
    """The documents of the page, and the code that they refer to."""
    folder = tmp_path / "acme"
    built(folder)
    for text in (*blocks("yaml"), *blocks("xml")):
        name = text.splitlines()[0].strip("#<!-> ")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "ramify.yml").write_text(
        "project: acme\nhierarchy: hierarchy.yml\ninventory: inventory.yml\nrepository: repository.yml\n"
    )
    for name in ("agent.sh", "domains/printing/printer.sh", "domains/edge/app.sh"):
        script(folder / name)
    yield folder
    subprocess.run([*RAMIFY, "lab", "down"], cwd=folder, check=True, capture_output=True)


def nodes(folder: Path, what: str) -> set[str]:
    return {node["path"] for node in read(folder, "plan")["nodes"] if node["action"] == what}


def test_the_page_is_true_and_a_change_stays_in_its_domain(project: Path) -> None:
    for words in commands():
        ramify(project, *words)

    status = {node["path"]: node for node in read(project, "status")["nodes"]}
    printers = {f"/MA/{mount}/M-PA/P{n}" for mount in ("M7", "M8", "M9/print") for n in (1, 2)}
    assert status.keys() - printers == {
        *("/MA", "/MA/M6", "/MA/M7", "/MA/M8", "/MA/M9", "/MA/M9/app", "/MA/M9/print"),
        *(f"/MA/{mount}/M-PA" for mount in ("M7", "M8", "M9/print")),
    }
    assert {node["service"] for node in status.values()} == {"active"}
    assert {(status[path]["host"]) for path in ("/MA/M7/M-PA", "/MA/M8/M-PA")} == {"h3"}
    assert nodes(project, "unchanged") == status.keys()

    queue = project / "domains/printing/printer.yml"
    queue.write_text(queue.read_text().replace("{{ node.path }}", "of {{ node.path }}"))
    assert nodes(project, "unchanged") == status.keys() - printers
    ramify(project, "apply", "-y")
    after = {node["path"]: node for node in read(project, "status")["nodes"]}

    assert {path for path in after if after[path] != status[path]} == printers
    assert nodes(project, "unchanged") == status.keys()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a project's server while it runs."""
    argv = [*RAMIFY, "repo", "serve", "--port", "0", "--json"]
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield str(json.loads(server.stdout.readline())["urls"][0])
        finally:
            server.terminate()


def test_a_server_s_project_is_planned_here_and_its_code_comes_when_it_is_needed(
    tmp_path: Path, built: Callable[[Path], None]
) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    texts = {
        far / "ramify.yml": "project: far\nhierarchy: h.yml\ninventory: i.yml\nrepository: r.yml\n",
        far / "h.yml": "tree: {app1: {}}\n",
        far / "i.yml": "hosts: {f1: {transport: lab}}\nplacements: [{match: /**, host: f1}]\n",
        far / "r.yml": "code: [{match: /**, ref: app.sh}]\n",
        near / "ramify.yml": "project: near\nhierarchy: h.yml\ninventory: i.yml\nrepository: r.yml\n",
        near / "i.yml": "hosts: {n1: {transport: lab}}\nplacements: [{match: /**, host: n1}]\n",
        near / "r.yml": "code: [{match: /**, ref: 'collection:ramify.core.initiator'}]\n",
    }
    for file, text in texts.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    script(far / "app.sh")
    built(near)
    with served(far) as url:
        (near / "h.yml").write_text(f"tree: {{M9: {{domain: {{server: '{url}'}}}}}}\n")
        assert nodes(near, "create") == {"/M9", "/M9/app1"}
        ramify(near, "repo", "lock")
        try:
            ramify(near, "lab", "up")
            ramify(near, "apply", "-y", "--locked")
            status = {node["path"]: node for node in read(near, "status")["nodes"]}
        finally:
            ramify(near, "lab", "down")

    assert {path: (node["host"], node["service"]) for path, node in status.items()} == {
        "/M9": ("n1", "active"),
        "/M9/app1": ("f1", "active"),
    }
    assert "no answer" not in ramify(near, "plan", "--locked"), "the server is gone, and nobody needs it"
