"""The tree that a runtime is is unpacked and run by a bare interpreter, as a host would."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ramify
from ramify.model.bundle import Runtime
from ramify.repository.kinds import own_kind
from ramify.repository.runtime import ENTRY, Runtimes
from ramify.repository.store import Store
from unit.repository import packs

# A key exchange, an authentication and a command between a server and a client in one process.
EXCHANGE = """
import asyncio, asyncssh

class Anybody(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False

async def exchange():
    key = asyncssh.generate_private_key("ssh-ed25519")
    answer = lambda process: (process.stdout.write("answered " + process.command), process.exit(0))
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=Anybody, process_factory=answer)
    port = server.sockets[0].getsockname()[1]
    known = asyncssh.import_known_hosts(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
    async with asyncssh.connect("127.0.0.1", port, username="x", known_hosts=known, config=None) as link:
        print((await link.run("hello")).stdout)
    server.close()
    await server.wait_closed()

asyncio.run(exchange())
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine as it is now: an edit while the tests run changes nothing here."""
    ignored = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(
        Path(ramify.__file__).parent, tmp_path_factory.mktemp("e") / "ramify", ignore=ignored
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def runtimes(cache: Path, package: Path) -> Runtimes:
    """Runtimes of an engine that has rested for an hour."""
    return Runtimes(Store(cache / "packs"), cache, package, lambda: time.time_ns() + 3600 * 10**9)


@pytest.fixture(scope="module")
def own(cache: Path, package: Path) -> Runtime:
    return runtimes(cache, package).own()


@pytest.fixture(scope="module")
def tree(own: Runtime, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    packs.unpack(Store(cache / "packs").path(own.artifact).read_bytes(), own.artifact, folder)
    return folder


def bare(tree: Path, script: str) -> str:
    start = f"import sys; sys.path.insert(0, {str(tree)!r})\n"
    run = [sys.executable, "-I", "-S", "-W", "error", "-c", start + script]
    return subprocess.run(run, capture_output=True, check=True, text=True).stdout


def test_a_runtime_says_its_kind_its_size_and_its_engine(own: Runtime, cache: Path) -> None:
    assert own.kind == own_kind()
    assert own.size == Store(cache / "packs").size(own.artifact)
    assert len(own.engine) == 64


def test_a_bare_interpreter_imports_all_of_it_from_the_tree_alone(tree: Path) -> None:
    script = (
        "import asyncssh, jinja2.sandbox, msgspec.json, sqlite3, _cffi_backend\n"
        "import ramify.model.bundle, ramify.repository.store, ramify.compile\n"
        "found = {m.__file__ for n, m in sys.modules.items() if n.partition('.')[0] in "
        "{'asyncssh', 'cryptography', 'jinja2', 'markupsafe', 'msgspec', 'ramify', 'typing_extensions'}}\n"
        f"print(len(found), all(str(f).startswith({str(tree)!r}) for f in found))"
    )

    count, inside = bare(tree, script).split()

    assert int(count) > 100
    assert inside == "True"


def test_asyncssh_exchanges_keys_from_the_tree_alone(tree: Path) -> None:
    assert bare(tree, EXCHANGE) == "answered hello\n"


def test_the_first_start_compiles_nothing(tree: Path) -> None:
    before = set(tree.rglob("*.pyc"))

    bare(tree, "import asyncssh, jinja2, msgspec, ramify.model.bundle")

    assert before
    assert set(tree.rglob("*.pyc")) == before


def test_what_only_the_operator_uses_is_left_out(tree: Path) -> None:
    for name in ("yaml", "lxml", "jsonschema", "click", "rich", "pycparser", "cffi"):
        assert not (tree / name).exists()
    for name in ("cli", "documents", "__main__.py"):
        assert not (tree / "ramify" / name).exists()


def test_the_entry_hands_its_arguments_to_the_initiator(tree: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tree, tmp_path / "tree", ignore=shutil.ignore_patterns("asyncssh", "cryptography"))
    shutil.rmtree(copy / "ramify/initiator")
    (copy / "ramify/initiator").mkdir()
    (copy / "ramify/initiator/service.py").write_text("def main(argv):\n    print(argv)\n    return 7\n")

    done = subprocess.run(
        [sys.executable, "-I", "-S", str(copy / ENTRY), "--socket", "x"],
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (7, b"['--socket', 'x']\n")


def test_a_runtime_is_built_once(own: Runtime, cache: Path, package: Path) -> None:
    record = cache / "runtimes" / f"{own.kind}.json"
    before = record.stat().st_ino

    assert runtimes(cache, package).own() == own
    assert record.stat().st_ino == before


def test_a_runtime_of_a_changed_engine_is_another_one(
    own: Runtime, cache: Path, package: Path, tmp_path: Path
) -> None:
    changed = shutil.copytree(package, tmp_path / "ramify")
    (changed / "__init__.py").write_text("__version__ = 'next'\n")

    again = runtimes(cache, changed).own()

    assert again.engine != own.engine
    assert again.artifact != own.artifact


def test_a_change_of_what_only_the_operator_uses_is_none(own: Runtime, cache: Path, package: Path) -> None:
    (package / "cli" / "new.py").write_text("")

    assert runtimes(cache, package).own() == own


def test_an_engine_that_changed_just_now_is_not_remembered(package: Path, tmp_path: Path) -> None:
    young = Runtimes(Store(tmp_path / "packs"), tmp_path, package, lambda: 0)

    young.own()

    assert not (tmp_path / "runtimes").exists()


def test_a_runtime_whose_pack_is_gone_is_built_again(
    own: Runtime, cache: Path, package: Path, tmp_path: Path
) -> None:
    again = shutil.copytree(cache, tmp_path / "cache")
    shutil.rmtree(again / "packs")

    assert runtimes(again, package).own() == own
    assert Store(again / "packs").has(own.artifact)
