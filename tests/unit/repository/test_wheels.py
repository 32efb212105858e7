import sys
import zipfile
from pathlib import Path

import pytest

from ramify.repository.kinds import UnavailableRuntimeError, own_kind, parse_kind
from ramify.repository.runtime import Runtimes
from ramify.repository.store import Store
from ramify.repository.wheels import choose, download, unpack
from unit.repository import packs

KIND = "cp312-linux-aarch64-glibc"
LINUX = "manylinux_2_17_aarch64.manylinux2014_aarch64"
WHEELS = {
    "asyncssh-2.24.1-py3-none-any": ["cryptography", "typing_extensions>=4"],
    f"cryptography-50.0.2-cp311-abi3-{LINUX}": ["cffi>=2; implementation_name != 'PyPy'"],
    f"cffi-2.1.1-cp312-cp312-{LINUX}": [],
    "typing_extensions-4.16.0-py3-none-any": [],
    "jinja2-3.1.6-py3-none-any": ["MarkupSafe>=2.0"],
    f"MarkupSafe-3.0.4-cp312-cp312-{LINUX}": [],
    f"msgspec-0.22.0-1-cp312-cp312-{LINUX}": [],
}


def write(folder: Path, name: str, requires: list[str], members: dict[str, bytes] | None = None) -> Path:
    path = folder / f"{name}.whl"
    project, version = name.split("-")[:2]
    with zipfile.ZipFile(path, "w") as archive:
        head = "".join(f"Requires-Dist: {line}\n" for line in requires)
        archive.writestr(
            f"{project}-{version}.dist-info/METADATA", f"Name: {project}\n{head}\nRequires-Dist: no\n"
        )
        for member, data in (members or {f"{project.lower()}/__init__.py": b"x = 1\n"}).items():
            archive.writestr(member, data)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wheels").mkdir()
    for name, requires in WHEELS.items():
        write(tmp_path / "wheels", name, requires)
    return tmp_path / "wheels"


def refused(folder: Path, kind: str = KIND) -> str:
    with pytest.raises(UnavailableRuntimeError) as caught:
        choose(folder, kind)
    return str(caught.value)


def test_the_wheels_that_fit_a_kind_are_chosen(folder: Path) -> None:
    assert {path.name.removesuffix(".whl") for path in choose(folder, KIND)} == set(WHEELS)


@pytest.mark.parametrize(
    ("kind", "unfit"),
    [
        ("cp313-linux-aarch64-glibc", ["markupsafe", "cffi", "msgspec"]),  # abi3 is for later versions too
        ("cp312-linux-x86_64-glibc", ["markupsafe", "cryptography", "msgspec"]),
        ("cp312-linux-aarch64-musl", ["markupsafe", "cryptography", "msgspec"]),
        ("cp312-darwin-aarch64", ["markupsafe", "cryptography", "msgspec"]),
    ],
)
def test_wheels_of_another_kind_are_missing_ones(folder: Path, kind: str, unfit: list[str]) -> None:
    message = refused(folder, kind)

    assert all(name in message for name in unfit)
    assert "asyncssh," not in message.partition("\n")[0]
    assert download(kind, folder) in message


def test_what_is_missing_is_told_with_the_command_that_fetches_it(folder: Path) -> None:
    (folder / f"msgspec-0.22.0-1-cp312-cp312-{LINUX}.whl").unlink()

    assert refused(folder) == (
        f"{folder} has no wheels of msgspec for {KIND}; fetch all that is needed with:\n"
        "  python3 -m pip download --only-binary=:all: --implementation cp --python-version 3.12 "
        "--platform manylinux_2_28_aarch64 --platform manylinux_2_17_aarch64 "
        f"--platform manylinux2014_aarch64 --dest {folder} asyncssh jinja2 msgspec"
    )


def test_a_folder_that_is_not_there_misses_all(tmp_path: Path) -> None:
    assert "asyncssh, jinja2, msgspec" in refused(tmp_path / "absent")


def test_two_versions_of_one_project_are_refused(folder: Path) -> None:
    write(folder, "jinja2-3.1.5-py3-none-any", ["MarkupSafe"])

    assert "jinja2 3.1.5 and 3.1.6" in refused(folder)


def test_files_that_are_no_wheels_are_passed_over_or_told(folder: Path) -> None:
    (folder / "notes.whl").write_text("")
    (folder / "readme.txt").write_text("")
    assert choose(folder, KIND)

    (folder / "asyncssh-2.24.1-py3-none-any.whl").write_text("not a zip file")
    assert "cannot read the wheel" in refused(folder)


def test_code_is_unpacked_to_where_it_is_imported_from(tmp_path: Path) -> None:
    members = {
        "p/__init__.py": b"1",
        "p-1.data/platlib/q.so": b"2",
        "p-1.data/purelib/r/__init__.py": b"3",
        "p-1.data/scripts/tool": b"4",
        "p/tests/test_p.py": b"5",
    }

    files = list(unpack(write(tmp_path, "p-1-py3-none-any", [], members)))

    assert [(file.name, file.source) for file in files] == [
        ("p/__init__.py", b"1"),
        ("q.so", b"2"),
        ("r/__init__.py", b"3"),
    ]


@pytest.mark.parametrize(
    "name", ["../evil.py", "/etc/cron.d/evil", "p/../../evil.py", "p-1.data/purelib/../../e.py"]
)
def test_a_wheel_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnavailableRuntimeError, match="not a plain relative path"):
        list(unpack(write(tmp_path, "p-1-py3-none-any", [], {name: b"x"})))


def test_a_wheel_with_a_link_is_refused(tmp_path: Path) -> None:
    path, link = write(tmp_path, "p-1-py3-none-any", []), zipfile.ZipInfo("p/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")

    with pytest.raises(UnavailableRuntimeError, match="wheels have none"):
        list(unpack(path))


def test_the_wheels_given_are_kept_for_the_next_engine(folder: Path, tmp_path: Path) -> None:
    store, engine = Store(tmp_path / "packs"), tmp_path / "ramify"
    engine.mkdir()
    (engine / "__init__.py").write_text("one")
    first = Runtimes(store, tmp_path / "cache", engine).add(KIND, folder)
    for wheel in folder.iterdir():
        wheel.unlink()
    (engine / "__init__.py").write_text("two")

    own, second = Runtimes(store, tmp_path / "cache", engine).known()

    assert (own.kind, second.kind) == (own_kind(), KIND)
    assert second.engine == own.engine != first.engine
    assert (
        packs.read(store.path(second.artifact).read_bytes(), second.artifact)["ramify/__init__.py"][1]
        == b"two"
    )


def test_bytecode_is_added_where_this_python_can_compile_it(folder: Path, tmp_path: Path) -> None:
    store, engine = Store(tmp_path / "packs"), tmp_path / "ramify"
    engine.mkdir()
    (engine / "__init__.py").write_text("one = 1\n")
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    for tag in ("cffi-2.1.1", "MarkupSafe-3.0.4", "msgspec-0.22.0-1"):
        write(folder, f"{tag}-{python}-{python}-manylinux_2_28_riscv64", [])
    write(folder, "cryptography-50.0.2-cp311-abi3-manylinux_2_28_riscv64", ["cffi"])
    runtimes = Runtimes(store, tmp_path / "cache", engine)

    same = runtimes.add(f"{python}-linux-riscv64-glibc", folder)
    other = runtimes.add(KIND, folder)

    cached = f"ramify/__pycache__/__init__.{sys.implementation.cache_tag}.pyc"
    assert cached in packs.read(store.path(same.artifact).read_bytes(), same.artifact)
    expected = parse_kind(KIND).python == sys.version_info[:2]
    assert (cached in packs.read(store.path(other.artifact).read_bytes(), other.artifact)) is expected
