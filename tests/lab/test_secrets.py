"""Secrets on the lab, three levels deep: they are on the hosts that need them, and nowhere else at all."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

WORDS = ("first-f0fb1d", "second-77ab3e", "third-0c2d9a")
CHANGED = "changed-5d41aa"

PROJECT = """\
secrets:
  file: {file: ../private}
  variable: {env: RAMIFY_TEST_SECRET}
  printed: {command: [cat, ../printed]}
"""
CONFIGURATION = """\
  WORD: "{{ secrets.file }}"
files:
  app.conf: |
    name = {{ node.name }}
    one = {{ secrets.variable }}
    two = {{ secrets.printed }}
"""
INSTALL = '#!/bin/sh\ncat "$RAMIFY_CONFIG/app.conf"\nif [ -e /proc/self ]; then exit 3; fi\n'


class Operator:
    """Somebody in front of a project, who sees all that is printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = ""

    def ramify(self, *words: str, status: int = 0) -> str:
        line = [sys.executable, "-m", "ramify", *words]
        done = subprocess.run(line, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == status, said
        self.seen += said
        return said


@pytest.fixture
def operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: Callable[[Path], None]
) -> Iterator[Operator]:
    """A project as `init` writes it, its sensors given secrets; the lab is up."""
    first, second, third = WORDS
    (tmp_path / "private").write_text(f"{first}\n")
    (tmp_path / "printed").write_text(f"{third}\n")
    monkeypatch.setenv("RAMIFY_TEST_SECRET", second)
    folder = tmp_path / "try"
    subprocess.run([sys.executable, "-m", "ramify", "init", str(folder)], check=True, capture_output=True)
    built(folder)
    with (folder / "ramify.yml").open("a") as file:
        file.write(PROJECT)
    with (folder / "config/sensor.yml").open("a") as file:
        file.write(CONFIGURATION)
    somebody = Operator(folder)
    somebody.ramify("lab", "up")
    yield somebody
    somebody.ramify("lab", "down")


def holders(folder: Path) -> set[str]:
    """The files below a folder that have a secret in them, releases and orders without their numbers."""
    known = [word.encode() for word in (*WORDS, CHANGED)]
    found = set()
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink() and any(word in file.read_bytes() for word in known):
            assert file.stat().st_mode & 0o077 == 0, file
            name = str(file.relative_to(folder / ".ramify/lab/hosts"))
            found.add(re.sub(r"/[0-9]+/", "/N/", re.sub(r"/[0-9]+/", "/N/", name)))
    return found


def leaves() -> set[str]:
    """Where they must be: with the four sensors, which are on the four boxes."""
    paths = [f"site+room{room}+sensor{sensor}" for room in (1, 2) for sensor in (1, 2)]
    orders = [f"box{n}/home/.ramify/nodes/{path}/releases/N/orders/N" for n, path in enumerate(paths, 1)]
    return {f"{place}/{name}" for place in orders for name in ("order.json", "config/app.conf")}


def command_lines() -> str:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_secrets_are_where_they_are_needed_and_nowhere_else(operator: Operator) -> None:
    operator.ramify("apply", "-y")
    assert holders(operator.folder) == leaves()
    conf = next(operator.folder.rglob("nodes/site+room1+sensor1/current")) / "config/app.conf"
    assert conf.read_text() == f"name = sensor1\none = {WORDS[1]}\ntwo = {WORDS[2]}\n"
    assert not any(word in command_lines() for word in WORDS)

    assert "No changes" in operator.ramify("plan")
    (operator.folder / "../private").write_text(CHANGED)
    changed = operator.ramify("plan")
    assert "4 to change" in changed
    assert re.search(r'service\.env\.WORD: "\(secret \w+\)" -> "\(secret \w+\)"', changed)
    operator.ramify("apply", "-y")
    assert "No changes" in operator.ramify("plan")

    conf.write_text(conf.read_text() + "edited\n")
    operator.ramify("status", "--refresh")
    assert "drifted: config/app.conf edited" in operator.ramify("plan")

    (operator.folder / "sensor/install").write_text(INSTALL)
    (operator.folder / "sensor/install").chmod(0o755)
    with (operator.folder / "sensor/component.yml").open("a") as file:
        file.write("install: ./install\n")
    failed = operator.ramify("apply", "-y", status=5)
    assert "one = (secret)" in failed
    for words in (("explain", "/site/room1/sensor1"), ("profile", "/site/room1/sensor1"), ("history",)):
        operator.ramify(*words)
    operator.ramify("logs", "--install", "/site/room1/sensor1")

    outside = {name for name in holders(operator.folder) if not name.endswith("/log/install.log")}
    assert outside == leaves()
    assert not any(word in operator.seen for word in (*WORDS, CHANGED))
