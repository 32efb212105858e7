"""The archive that travels, and the command line that starts it."""

import hashlib
import marshal
import shlex
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from types import CodeType

import pytest

from ramify.stub import archive, shrink
from unit.stub.host import Host, commands, frames, interpreters, order, parts

ENGINE = str(Path(archive.__file__).parents[2])
SHELLS = [shell for shell in ("sh", "bash", "dash", "fish", "tcsh", "zsh") if shutil.which(shell)]
OTHER = [python for python in interpreters() if python != sys.executable]


def test_the_archive_is_named_by_its_bytes() -> None:
    stub = archive.build()

    assert stub.digest == hashlib.sha256(stub.data).hexdigest()


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_the_archive_is_the_same_whoever_builds_it(seed: str) -> None:
    imports = {"0": "", "1": "import json, asyncio, logging;", "2": "sys.intern('/'); sys.intern(' ');"}[seed]
    code = (
        f"import sys; sys.path.insert(0, {ENGINE!r}); {imports}"
        "from ramify.stub import archive; print(archive.build().digest)"
    )
    env = {"PYTHONHASHSEED": seed}
    out = subprocess.run([sys.executable, "-B", "-S", "-c", code], env=env, capture_output=True, check=True)

    assert out.stdout.decode().strip() == archive.build().digest


def test_what_runs_only_where_it_is_built_is_not_sent() -> None:
    stub = archive.build()
    codes, seldom, sources = marshal.loads(stub.data)[3:]
    modules = {file.stem for file in Path(archive.__file__).parent.glob("*.py")}
    modules -= {"__init__", "archive", "loader", "shrink"}

    assert set(held(codes)) == modules - {name for _, names in seldom for name in names}
    assert all(set(held(stub.parts[digest])) == set(names) for digest, names in seldom)
    assert set(held(stub.parts[sources])) == modules


def held(data: bytes) -> dict[str, object]:
    """The modules of a part."""
    modules: dict[str, object] = marshal.loads(zlib.decompress(data))
    return modules


def test_the_archive_stays_small() -> None:
    assert len(archive.build().data) < 72 << 10


def test_a_part_that_was_damaged_in_the_cache_is_asked_for_again(tmp_path: Path) -> None:
    host = Host(tmp_path, OTHER[0])
    stub = archive.build()
    host.run(stub.data + parts(), len(stub.data))
    (kept,) = (host.root / "stub" / digest for digest in stub.parts if (host.root / "stub" / digest).exists())
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1])

    asked = host.run(parts()).stdout
    known = host.run(b"").stdout

    assert [min(header) for header in frames(asked)][:2] == ["need", "agent"]
    assert frames(known)[0]["hello"] == 1
    assert kept.read_bytes() == whole


def test_a_part_that_is_not_its_digest_is_not_run(tmp_path: Path) -> None:
    host = Host(tmp_path, OTHER[0])
    stub = archive.build()
    sent = stub.data + parts().replace(b"\x78\xda", b"\x78\xdb")
    result = host.run(sent, len(stub.data))

    assert [set(header) for header in frames(result.stdout)] == [{"need"}]
    assert b"not what its digest says" in result.stderr
    assert sorted(file.name for file in (host.root / "stub").iterdir()) == [stub.digest]


def test_requests_sent_before_a_part_are_answered_in_order(tmp_path: Path) -> None:
    host = Host(tmp_path, OTHER[0])
    answers = host.session(*({"op": "status", "paths": [f"/a{number}"]} for number in range(3)))

    assert [answer["nodes"][0]["path"] for answer in answers] == ["/a0", "/a1", "/a2"]


def test_where_nothing_can_be_kept_parts_are_sent_again(tmp_path: Path) -> None:
    host = Host(tmp_path, OTHER[0])
    host.root.write_text("no folder")
    stub = archive.build()
    greetings = [frames(host.run(stub.data + parts(), len(stub.data)).stdout)[1] for _ in range(2)]

    assert [greeting["hello"] for greeting in greetings] == [1, 1]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_takes_the_command_line(tmp_path: Path, shell: str) -> None:
    stub = archive.build()
    line = archive.command(sys.executable, f"{tmp_path}/a 'quoted' $HOME root", stub.digest, len(stub.data))
    result = subprocess.run([shell, "-c", line], input=stub.data, capture_output=True, check=True)

    assert frames(result.stdout)[0]["root"] == f"{tmp_path}/a 'quoted' $HOME root"


def test_the_root_may_begin_with_the_home_folder(tmp_path: Path) -> None:
    stub = archive.build()
    line = archive.command(sys.executable, "~/.ramify", stub.digest, len(stub.data))
    result = subprocess.run(
        ["sh", "-c", line], input=stub.data, capture_output=True, check=True, env={"HOME": str(tmp_path)}
    )

    assert frames(result.stdout)[0]["root"] == f"{tmp_path}/.ramify"
    assert "\n" not in line
    assert shlex.split(line)[4] == archive.BOOT


@pytest.mark.parametrize("python", OTHER)
def test_another_python_compiles_once(tmp_path: Path, python: str) -> None:
    host = Host(tmp_path, python)
    stub = archive.build()
    host.run(stub.data + parts(), len(stub.data))
    kept = {file.name: file.stat().st_mtime_ns for file in (host.root / "stub").iterdir()}
    host.run(b"")
    again = {file.name: file.stat().st_mtime_ns for file in (host.root / "stub").iterdir()}

    assert kept == again
    assert stub.digest in kept


def test_another_python_compiles_only_what_sessions_have_asked_for(tmp_path: Path) -> None:
    host = Host(tmp_path, OTHER[0])
    stub = archive.build()

    def kept() -> bytes:
        (file,) = (host.root / "stub").glob(f"{stub.digest}.*")
        return file.read_bytes()

    host.run(stub.data + parts(), len(stub.data))
    greeted = kept()
    host.status()
    looked = kept()

    assert b"observe" not in greeted
    assert b"observe" in looked
    assert b"_Supervisor" not in looked


def test_what_was_compiled_is_not_kept_where_the_last_node_has_gone(tmp_path: Path) -> None:
    host = Host(tmp_path, OTHER[0])
    try:
        replies = host.session(
            commands("deploy", order=order(None)), commands("shutdown", "uninstall", order=order(None))
        )

        assert [reply["ok"] for reply in replies] == [True, True]
        assert not host.root.exists()
    finally:
        host.clean()


def test_code_that_was_damaged_in_the_cache_is_compiled_again(tmp_path: Path) -> None:
    host = Host(tmp_path, OTHER[0])
    stub = archive.build()
    host.run(stub.data + parts(), len(stub.data))
    for file in (host.root / "stub").glob(f"{stub.digest}.*"):
        file.write_bytes(file.read_bytes()[:-1])

    assert frames(host.run(b"").stdout)[0]["hello"] == 1


def lines(code: CodeType) -> list[int | None]:
    """The line of each instruction."""
    return [line for start, end, line in code.co_lines() for _ in range(start, end, 2)]


def test_lines_in_tracebacks_are_those_of_the_sources() -> None:
    source = Path(shrink.__file__).read_text()
    whole = compile(source, "x", "exec")
    todo = [(whole, shrink.code(whole))]
    while todo:
        one, other = todo.pop()
        assert lines(one) == lines(other)
        pairs = zip(one.co_consts, other.co_consts, strict=True)
        todo += [(a, b) for a, b in pairs if isinstance(a, CodeType) and isinstance(b, CodeType)]


def test_too_old_a_python_is_told_so() -> None:
    for folder in Path.home().glob(".pyenv/versions/3.[67].*/bin/python"):
        stub = archive.build()
        result = subprocess.run(
            archive.arguments(str(folder), "/nowhere", stub.digest, len(stub.data)),
            input=stub.data,
            capture_output=True,
            check=False,
        )
        assert b"needs python 3.8 or later" in result.stderr


def test_an_archive_that_was_kept_is_the_one_that_would_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = archive.build()
    monkeypatch.setattr(archive, "_CACHE", tmp_path / "nowhere" / "file")
    (tmp_path / "nowhere").write_text("")
    archive.keep(tmp_path)
    assert (tmp_path / archive.kept_name()).read_bytes() == archive.kept()

    monkeypatch.setattr(archive, "_built", [])
    archive.keep(tmp_path)
    assert archive.build() == built


def test_folders_that_cannot_be_written_are_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(archive, "_CACHE", tmp_path / "file" / "cache")
    archive.keep(tmp_path / "file" / "folder")
    assert archive.build().data
