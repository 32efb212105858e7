import os
import socket
from pathlib import Path

import pytest

from ramify.model.diagnostics import Origin
from ramify.repository.artifacts import PLAIN, PROGRAM
from ramify.repository.folders import from_file, from_folder

ORIGIN = Origin("repository.yml", 3, 5)


def names(folder: Path) -> list[str]:
    found, diagnostics = from_folder(folder, ORIGIN)
    assert not diagnostics.failed
    return [file.name for file in found]


def codes(folder: Path) -> list[str]:
    _, diagnostics = from_folder(folder, ORIGIN)
    assert all(item.origin == ORIGIN for item in diagnostics)
    return [item.code for item in diagnostics]


def write(folder: Path, *files: str) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_all_files_are_taken_with_their_modes(tmp_path: Path) -> None:
    write(tmp_path, "start", "lib/data.txt", ".hidden")
    (tmp_path / "start").chmod(0o700)

    found, _ = from_folder(tmp_path)

    assert {(file.name, file.mode) for file in found} == {
        ("start", PROGRAM),
        ("lib/data.txt", PLAIN),
        (".hidden", PLAIN),
    }


def test_the_manifest_caches_and_editors_files_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "component.yml", "__pycache__/a.pyc", ".git/config", "x~", ".x.swp", "#x#", ".#x", "kept")

    assert names(tmp_path) == ["kept"]


def test_a_manifest_s_name_further_down_is_a_file_like_any_other(tmp_path: Path) -> None:
    write(tmp_path, "templates/component.yml")

    assert names(tmp_path) == ["templates/component.yml"]


def test_a_link_inside_the_folder_is_taken_as_a_copy(tmp_path: Path) -> None:
    write(tmp_path, "lib/one.so")
    (tmp_path / "lib/two.so").symlink_to("one.so")
    (tmp_path / "alias").symlink_to("lib")

    assert names(tmp_path) == ["alias/one.so", "alias/two.so", "lib/one.so", "lib/two.so"]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    component = tmp_path / "component"
    component.mkdir()
    write(tmp_path, "secret", "component-two/secret")
    (component / "plain").symlink_to("../secret")
    (component / "folder").symlink_to("../component-two")
    (component / "absolute").symlink_to("/etc/hostname")

    assert codes(component) == ["artifact-link"] * 3


def test_links_in_a_circle_and_to_nothing_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a/b/c")
    (tmp_path / "a/b/up").symlink_to("..")
    (tmp_path / "a/top").symlink_to("..")
    (tmp_path / "nothing").symlink_to("absent")
    (tmp_path / "self").symlink_to("self")

    assert codes(tmp_path) == ["artifact-link"] * 4


def test_devices_sockets_and_pipes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")

        assert codes(tmp_path) == ["artifact-kind", "artifact-kind"]


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).write_bytes(b"")

    assert codes(tmp_path) == ["artifact-name"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert codes(tmp_path / "absent") == ["unreadable-file"]


def test_a_single_file_is_a_program_under_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, "agent.py")

    file = from_file(tmp_path / "agent.py")

    assert (file.name, file.mode) == ("agent.py", PROGRAM)


def test_problems_do_not_hide_each_other(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc")

    assert sorted(codes(tmp_path)) == ["artifact-kind", "artifact-link"]
