"""Secrets on the lab, three levels deep: they are on the hosts that need them, and nowhere else at all."""

import re
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import vaulted

pytestmark = pytest.mark.lab

WORDS = ("first-f0fb1d", "second-77ab3e", "third-0c2d9a")
VAULTED = ("s3cr3t-of-1.1", "tok-en-of-a-key", vaulted.INLINE, vaulted.INLINE_PROD)
CHANGED = "changed-5d41aa"
ALL = (*WORDS, *VAULTED, CHANGED)

PROJECT = """\
secrets:
  file: {file: ../private}
  variable: {env: RAMIFY_TEST_SECRET}
  printed: {command: [cat, ../printed]}
  whole: {vault: ../vault/whole}
  key: {vault: ../vault/keys.yml, key: api_token}
vault:
  default: {file: ../vault/password}
  prod: {command: [cat, ../vault/password-prod]}
"""
CONFIGURATION = f"""\
  WORD: "{{{{ secrets.file }}}}"
  WHOLE: "{{{{ secrets.whole }}}}"
{vaulted.value("VALUE", prod=True)}
files:
  app.conf: |
    name = {{{{ node.name }}}}
    one = {{{{ secrets.variable }}}}
    two = {{{{ secrets.printed }}}}
    three = {{{{ secrets.key }}}} {{{{ vars.token }}}}
"""
VARIABLES = "    vars:\n      interval: 2\n" + vaulted.value("token", indent=6)
INSTALL = '#!/bin/sh\ncat "$RAMIFY_CONFIG/app.conf"\nif [ -e /proc/self ]; then exit 3; fi\n'


class Operator:
    """Somebody in front of a project, who sees all that is printed, and all command lines meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = ""
        self.listed: set[str] = set()

    def ramify(self, *words: str, status: int = 0) -> str:
        line = [sys.executable, "-m", "ramify", *words]
        with listing(self.listed):
            done = subprocess.run(
                line, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False
            )
        said = done.stdout + done.stderr
        assert done.returncode == status, said
        self.seen += said
        return said


@contextmanager
def listing(found: set[str]) -> Iterator[None]:
    """Find all command lines that there are meanwhile, as `ps` shows them."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    found.add(file.read_bytes().decode(errors="replace"))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory, built: Callable[[Path], None]) -> Iterator[Operator]:
    """A project as `init` writes it, its sensors given secrets of all sorts; the lab is up."""
    around = tmp_path_factory.mktemp("secrets")
    first, second, third = WORDS
    (around / "private").write_text(f"{first}\n")
    (around / "printed").write_text(f"{third}\n")
    (around / "temporary").mkdir()
    shutil.copytree(vaulted.VAULT, around / "vault")
    somebody = Operator(around / "try")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAMIFY_TEST_SECRET", second)
        environment.setenv("TMPDIR", str(around / "temporary"))
        write(somebody.folder, built)
        somebody.ramify("lab", "up")
        yield somebody
        somebody.ramify("lab", "down")


def write(folder: Path, built: Callable[[Path], None]) -> None:
    """Make the project."""
    subprocess.run([sys.executable, "-m", "ramify", "init", str(folder)], check=True, capture_output=True)
    built(folder)
    with (folder / "ramify.yml").open("a") as file:
        file.write(PROJECT)
    with (folder / "config/sensor.yml").open("a") as file:
        file.write(CONFIGURATION)
    tree, variables = re.subn(r" +vars: .*\n", VARIABLES, (folder / "hierarchy.yml").read_text())
    assert variables == 1
    (folder / "hierarchy.yml").write_text(tree)


def holders(folder: Path) -> set[str]:
    """The files below a folder that have a secret in them, releases and orders without their numbers.

    Nobody else can read any of them, nor look into its folder.
    """
    known = [word.encode() for word in ALL]
    found = set()
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink() and any(word in content(file) for word in known):
            assert file.stat().st_mode & 0o077 == 0, file
            assert file.parent.stat().st_mode & 0o077 == 0, file
            name = str(file.relative_to(folder / ".ramify/lab/hosts"))
            found.add(re.sub(r"/[0-9]+/", "/N/", re.sub(r"/[0-9]+/", "/N/", name)))
    return found


def content(file: Path) -> bytes:
    """What is in a file, packed or not."""
    data = file.read_bytes()
    for begin in {0, data.find(b"\n") + 1}:  # a saved plan begins with a line
        with suppress(zlib.error):
            data += zlib.decompressobj().decompress(data[begin:])
    return data


def leaves() -> set[str]:
    """Where they must be: with the four sensors, which are on the four boxes."""
    paths = [f"site+room{room}+sensor{sensor}" for room in (1, 2) for sensor in (1, 2)]
    orders = [f"box{n}/home/.ramify/nodes/{path}/releases/N/orders/N" for n, path in enumerate(paths, 1)]
    return {f"{place}/{name}" for place in orders for name in ("order.json", "config/app.conf")}


def conf(operator: Operator) -> Path:
    """The configuration of one of them."""
    return next(operator.folder.rglob("nodes/site+room1+sensor1/current")) / "config/app.conf"


def knowing(word: str) -> dict[str, int]:
    """The processes with a word in their environment, by their command lines, and who may read that."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if word.encode() in (place / "environ").read_bytes():
                mode = (place / "environ").stat().st_mode & 0o777
                found[(place / "cmdline").read_bytes().decode(errors="replace")] = mode
    return found


# One lab for all, in this order.


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("password", None, "cannot use ../vault/password: No such file"),
        ("password", "wrong", 'neither the password of "default" nor the password of "prod" opens'),
        ("whole", vaulted.text()[:99], "damaged, or cut off"),
    ],
)
def test_what_cannot_be_opened_is_told_with_its_place_before_anybody_is_contacted(
    operator: Operator, name: str, text: str | None, words: str
) -> None:
    file = operator.folder / "../vault" / name
    before = file.read_text()
    file.unlink() if text is None else file.write_text(text)
    try:
        told = operator.ramify("apply", "-y", status=1)
    finally:
        file.write_text(before)

    assert words in told
    assert re.match(
        r"(ramify|hierarchy|config/sensor)\.yml:\d+:\d+: error\[(vault-password|bad-vault)\]", told
    )
    assert not list(operator.folder.glob(".ramify/lab/hosts/*/home/.ramify"))


def test_secrets_are_where_they_are_needed_and_nowhere_else(operator: Operator) -> None:
    operator.ramify("apply", "-y")

    assert holders(operator.folder) == leaves()
    three = f"{VAULTED[1]} {VAULTED[2]}"
    assert (
        conf(operator).read_text() == f"name = sensor1\none = {WORDS[1]}\ntwo = {WORDS[2]}\nthree = {three}\n"
    )
    assert "No changes" in operator.ramify("plan")


def test_processes_that_need_them_have_them_and_nobody_else_may_look(operator: Operator) -> None:
    for word in (WORDS[0], VAULTED[0], VAULTED[3]):
        given = knowing(word)
        assert any("sensor.sh" in line for line in given)
        assert not any("python" in line for line in given), given
        assert set(given.values()) == {0o400}


def test_a_changed_secret_is_noticed_by_plans_and_by_nobody_who_only_looks(operator: Operator) -> None:
    (operator.folder / "../private").write_text(CHANGED)

    for looking in (("status",), ("status", "--refresh"), ("plan", "--refresh-only")):
        assert "to change" not in operator.ramify(*looking), looking
    digests = (operator.folder / ".ramify/secrets.json").read_bytes()
    for words in (("plan",), ("plan", "--refresh"), ("plan", "--unsigned")):
        told = operator.ramify(*words)
        assert "4 to change" in told, words
        assert re.search(r'service\.env\.WORD: "\(secret \w+\)" -> "\(secret \w+\)"', told), words
        (operator.folder / ".ramify/secrets.json").write_bytes(digests)
    operator.ramify("apply", "-y")
    assert "No changes" in operator.ramify("plan")


def test_an_edit_beside_a_secret_is_told_without_it(operator: Operator) -> None:
    conf(operator).write_text(conf(operator).read_text() + "edited\n")

    operator.ramify("status", "--refresh")

    assert "drifted: config/app.conf edited" in operator.ramify("plan")


def test_an_installer_that_prints_its_secrets_is_shown_without_them(operator: Operator) -> None:
    (operator.folder / "sensor/install").write_text(INSTALL)
    (operator.folder / "sensor/install").chmod(0o755)
    with (operator.folder / "sensor/component.yml").open("a") as file:
        file.write("install: ./install\n")
    operator.ramify("plan", "-o", "saved.plan")
    operator.ramify("show", "saved.plan", "--json")

    failed = operator.ramify("apply", "-y", status=5)

    assert "one = (secret)" in failed
    assert "three = (secret) (secret)" in failed
    operator.ramify("logs", "--install", "/site/room1/sensor1")


def test_after_all_that_nobody_has_seen_one(operator: Operator) -> None:
    for words in (("explain", "/site/room1/sensor1"), ("profile", "/site/room1/sensor1"), ("history",)):
        operator.ramify(*words)

    outside = {name for name in holders(operator.folder) if not name.endswith("/log/install.log")}
    assert outside == leaves()
    assert not any(word in operator.seen for word in ALL)
    assert any("sensor.sh" in line for line in operator.listed)
    assert [line for line in operator.listed if any(word in line for word in ALL)] == []
    temporary = [file for file in (operator.folder / "../temporary").rglob("*") if file.is_file()]
    assert not any(word.encode() in file.read_bytes() for file in temporary for word in ALL)
