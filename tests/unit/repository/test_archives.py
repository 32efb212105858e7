"""Archives become folders, whole or not at all, and write nothing anywhere else."""

import lzma
import os
import struct
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from ramify.repository import archives, inflate
from ramify.repository.archives import Trees
from ramify.repository.artifacts import PLAIN, ArtifactError
from ramify.repository.folders import from_file, from_folder
from ramify.repository.packaging import BrokenArchiveError, is_archive, media_type, plain_name
from ramify.repository.stamps import Index, fingerprint
from ramify.repository.sums import Sums
from unit.repository.archived import COMPRESS, entry, packed, tar, zipped

KINDS = [*COMPRESS, "zip"]
FILES = {
    "probe/component.yml": b"start: [./run]\n",
    "probe/run": b"#!/bin/sh\n",
    "probe/lib/a": b"x" * 99_999,
}
DIGEST = "d" * 64


def trees(folder: Path, index: Index | None = None) -> Trees:
    return Trees(folder / "trees", Sums(index or Index(folder / "index.json")))


def unpack(data: bytes, folder: Path) -> Path:
    archive = folder / "archive"
    archive.write_bytes(data)
    return trees(folder).unpacked(archive, DIGEST)


def refuses(data: bytes, folder: Path) -> Exception:
    """What is told; nothing was left or written elsewhere."""
    folder.mkdir(exist_ok=True)
    with pytest.raises((ArtifactError, BrokenArchiveError)) as caught:
        unpack(data, folder)
    assert list((folder / "trees").iterdir()) == []
    assert sorted(path.name for path in folder.iterdir()) == ["archive", "trees"]
    return caught.value


def held(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_only_folder_at_the_top_is_taken_off(tmp_path: Path, kind: str) -> None:
    tree = unpack(packed(kind, FILES), tmp_path)

    assert held(tree) == {name.removeprefix("probe/"): data for name, data in FILES.items()}
    assert os.access(tree / "run", os.X_OK)
    assert [path.name for path in (tmp_path / "trees").iterdir()] == [DIGEST]


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_at_the_top_stays_there(tmp_path: Path, kind: str) -> None:
    files = {"start": b"#!/bin/sh\n", "lib/a": b"a"}

    assert held(unpack(packed(kind, files), tmp_path)) == files


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.json")
    (tmp_path / "archive").write_bytes(packed("tar.gz", FILES))
    first = trees(tmp_path, index).unpacked(tmp_path / "archive", DIGEST)
    (tmp_path / "archive").write_bytes(b"")

    assert trees(tmp_path, index).unpacked(tmp_path / "archive", DIGEST) == first


def edited(tree: Path) -> None:
    (tree / "lib/a").write_bytes(b"y" * 99_999)


def edited_back_in_time(tree: Path) -> None:
    was = (tree / "lib/a").stat()
    (tree / "lib/a").write_bytes(b"y" * 99_999)
    os.utime(tree / "lib/a", ns=(was.st_atime_ns, was.st_mtime_ns))


def added_to(tree: Path) -> None:
    (tree / "lib/b").write_bytes(b"")


def taken_from(tree: Path) -> None:
    (tree / "lib/a").unlink()


def made_no_program(tree: Path) -> None:
    (tree / "lib/a").chmod(0o644)


def led_out(tree: Path) -> None:
    (tree / "lib/a").unlink()
    (tree / "lib/a").symlink_to("/etc/passwd")


CHANGES = [edited, edited_back_in_time, added_to, taken_from, made_no_program, led_out]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("has_rested", [False, True])
def test_a_tree_that_was_changed_is_unpacked_anew(
    tmp_path: Path, change: Callable[[Path], None], has_rested: bool
) -> None:
    index = Index(tmp_path / "index.json")
    later = Sums(index, lambda: time.time_ns() + 10**12) if has_rested else Sums(index)
    (tmp_path / "archive").write_bytes(packed("tar.gz", FILES))
    tree = Trees(tmp_path / "trees", later).unpacked(tmp_path / "archive", DIGEST)
    right = held(tree), (tree / "lib/a").stat().st_mode
    change(tree)

    assert Trees(tmp_path / "trees", later).unpacked(tmp_path / "archive", DIGEST) == tree
    assert (held(tree), (tree / "lib/a").stat().st_mode) == right
    assert [path.name for path in (tmp_path / "trees").iterdir()] == [DIGEST]


def test_a_tree_that_nobody_remembers_is_held_against_its_archive(tmp_path: Path) -> None:
    tree = unpack(packed("tar.gz", FILES), tmp_path)
    was = tree.stat().st_ino

    assert unpack(packed("tar.gz", FILES), tmp_path).stat().st_ino == was
    edited(tree)
    right = {name.removeprefix("probe/"): data for name, data in FILES.items()}
    assert held(unpack(packed("tar.gz", FILES), tmp_path)) == right
    assert [path.name for path in (tmp_path / "trees").iterdir()] == [DIGEST]


def test_a_tree_that_has_rested_is_not_read_again(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.json")
    later = Sums(index, lambda: time.time_ns() + 10**12)
    (tmp_path / "archive").write_bytes(packed("tar.gz", FILES))
    tree = Trees(tmp_path / "trees", later).unpacked(tmp_path / "archive", DIGEST)
    files, _ = from_folder(tree)
    files.append(structs.replace(from_file(tree / "component.yml"), mode=PLAIN))

    assert later.is_as_made(tree)
    assert index.find(f"sum:{tree}", fingerprint(files))


def test_streams_one_after_the_other_are_one_archive(tmp_path: Path) -> None:
    whole = tar(*FILES.items())
    for number, kind in enumerate(("tar.gz", "tar.xz", "tar.zst")):
        compress = COMPRESS[kind]
        folder = tmp_path / str(number)
        folder.mkdir()
        assert held(unpack(compress(whole[:7000]) + compress(whole[7000:]), folder))["run"]


def test_links_inside_lead_to_what_they_name(tmp_path: Path) -> None:
    links = (
        entry("top/current", tarfile.SYMTYPE, "v1"),
        entry("top/v1/up", tarfile.SYMTYPE, "../run"),
        entry("top/same", tarfile.LNKTYPE, "top/run"),
    )
    tree = unpack(tar(("top/run", b"r"), ("top/v1/a", b"a"), *links), tmp_path)

    assert (tree / "current/a").read_bytes() == b"a"
    assert (tree / "v1/up").read_bytes() == (tree / "same").read_bytes() == b"r"


def test_what_the_finder_adds_is_left_out(tmp_path: Path) -> None:
    assert held(unpack(zipped({"a/b": b"b", "__MACOSX/a/._b": b"?"}), tmp_path)) == {"b": b"b"}


NAMES = ["../x", "a/../../x", "/etc/x", "a/./b", "a//b", "..", "a\\..\\x", "a\nb", "x" * 300, "\udcff"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    assert getattr(refuses(tar((name, b"x")), tmp_path / "t"), "code", "") == "artifact-name"
    if name.isascii():
        assert getattr(refuses(zipped({name: b"x"}), tmp_path / "z"), "code", "") == "artifact-name"


@pytest.mark.parametrize("name", ["dir/../../x/", "/x/", "../"])
def test_a_folder_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    assert getattr(refuses(tar(entry(name, tarfile.DIRTYPE)), tmp_path), "code", "") == "artifact-name"


LINKS = {
    "absolute": (entry("a", tarfile.SYMTYPE, "/etc/passwd"),),
    "upwards": (entry("a", tarfile.SYMTYPE, "../x"),),
    "through a folder": (entry("d/a", tarfile.SYMTYPE, "../../x"),),
    "by way of another": (
        ("e/f", b""), entry("d", tarfile.SYMTYPE, "."), entry("d2", tarfile.SYMTYPE, "d/d/../x"),
        entry("o", tarfile.SYMTYPE, "e/../d/../.."),
    ),
    "the same as nothing": (entry("a", tarfile.LNKTYPE, "b"),),
    "the same as a link": (("f", b""), entry("l", tarfile.SYMTYPE, "f"), entry("a", tarfile.LNKTYPE, "l")),
}  # fmt: skip


@pytest.mark.parametrize("how", LINKS)
def test_a_link_that_leads_out_is_refused(tmp_path: Path, how: str) -> None:
    assert getattr(refuses(tar(*LINKS[how]), tmp_path), "code", "") == "artifact-link"


def test_a_link_that_leads_out_by_way_of_another_is_found_by_where_it_ends(tmp_path: Path) -> None:
    members = (("e/f/x", b""), entry("d", tarfile.SYMTYPE, "."), entry("e/o", tarfile.SYMTYPE, "../d/../e/x"))

    assert getattr(refuses(tar(*members), tmp_path), "code", "") == "artifact-link"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    members = (entry("d", tarfile.SYMTYPE, str(tmp_path / "out")), ("d/x", b"evil"))
    with pytest.raises(ArtifactError, match="lies below"):
        unpack(tar(*members), tmp_path)

    assert list((tmp_path / "out").iterdir()) == []


def test_a_zip_may_hold_links_that_stay_inside_only(tmp_path: Path) -> None:
    assert getattr(refuses(zipped({"a": b"/etc/passwd"}, 0o120777), tmp_path), "code", "") == "artifact-link"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_devices_pipes_and_holes_are_refused(tmp_path: Path, kind: bytes) -> None:
    assert getattr(refuses(tar(entry("a", kind)), tmp_path), "code", "") == "artifact-kind"


@pytest.mark.parametrize(
    "members",
    [
        (("a", b"1"), ("a", b"2")),
        (("a", b"1"), ("./a", b"1")),
        (("a/b", b""), ("a", b"")),
        (("a", b""), ("a/b", b"")),
    ],
    ids=["twice", "spelt otherwise", "folder and file", "file and folder"],
)
def test_two_members_of_one_name_are_refused(tmp_path: Path, members: tuple[tuple[str, bytes], ...]) -> None:
    assert getattr(refuses(tar(*members), tmp_path / "t"), "code", "") == "artifact-name"


def test_a_folder_may_be_told_twice(tmp_path: Path) -> None:
    folder = entry("a", tarfile.DIRTYPE)

    assert held(unpack(tar(folder, ("a/b", b"b"), folder), tmp_path)) == {"b": b"b"}


@pytest.mark.parametrize("kind", ["tar.gz", "tar.xz", "tar.bz2", "tar.zst", "zip"])
def test_a_bomb_is_refused_before_it_has_burst(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflate, "FREE", 1 << 20)
    data = packed(kind, {"a": bytes(20 << 20)})
    tracemalloc.start()
    error = refuses(data, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert getattr(error, "code", "") == "artifact-size"
    assert peak < 16 << 20


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_folders_are_not_nested_without_end(tmp_path: Path, kind: str) -> None:
    deepest = "/".join(["d"] * 63 + ["start"])

    assert unpack(packed(kind, {"a": b"", deepest: b""}), tmp_path).joinpath(deepest).is_file()
    error = refuses(packed(kind, {"a": b"", f"d/{deepest}": b""}), tmp_path / "more")
    assert "deeper than 64 folders" in str(error)
    error = refuses(packed(kind, {"/".join("d" * 500) + "/": b""}), tmp_path / "much")
    assert "deeper than 64 folders" in str(error)


def test_the_number_of_members_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_FILES", 20)
    files = {f"d{number}/f": b"" for number in range(20)}

    unpack(packed("tar.gz", files), tmp_path)
    assert "more than 20 files" in str(refuses(packed("tar.gz", {**files, "x": b""}), tmp_path / "more"))
    folders = tar(*(entry(f"d{number}", tarfile.DIRTYPE) for number in range(41)))
    assert "more than 20 files" in str(refuses(folders, tmp_path / "folders"))


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    data = bytearray(tar(entry("a", tarfile.XHDTYPE)))
    data[124:136] = b"77777777777\0"
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + 256 + sum(data[156:512]))

    assert "a header of 8,589,934,591 bytes" in str(refuses(bytes(data), tmp_path))


def test_a_table_of_a_zip_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": b""}))
    struct.pack_into("<L", data, len(data) - 22 + 12, 1 << 30)

    assert "a table of contents of 1,073,741,824 bytes" in str(refuses(bytes(data), tmp_path))


def test_a_stream_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    much = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}]
    data = lzma.compress(tar(("a", b"a")), filters=much)

    assert "emory" in str(refuses(data, tmp_path))


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_cut_anywhere_is_refused(tmp_path: Path, kind: str) -> None:
    data = packed(kind, FILES)
    # A tar ends with blocks of zeros, of which one is enough.
    end = len(data) - 10240 if kind == "tar" else len(data) - 1
    for number, at in enumerate(range(600 % end, end, max(1, end // 9))):
        refuses(data[:at], tmp_path / str(number))


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    data = bytearray(tar(("a", b"a"), ("b", b"b")))
    data[1024] ^= 1

    assert "damaged" in str(refuses(bytes(data), tmp_path))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS),
    at=st.integers(0, 2**16),
    put=st.binary(min_size=1, max_size=8),
    cut=st.booleans(),
)
@example(kind="zip", at=0, put=b"\0\0", cut=False)
def test_a_damaged_archive_is_unpacked_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, kind: str, at: int, put: bytes, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    data = bytearray(packed(kind, {"p/run": b"#!/bin/sh\n", "p/a": b"x" * 50}))
    at %= len(data)
    data[at : len(data) if cut else at + len(put)] = put
    (folder / "archive").write_bytes(data)
    try:
        tree = trees(folder).unpacked(folder / "archive", DIGEST)
    except (ArtifactError, BrokenArchiveError):
        assert list((folder / "trees").iterdir()) == []
    else:
        assert tree.is_dir()
    assert sorted(path.name for path in folder.iterdir()) == ["archive", "trees"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_known_by_its_bytes(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x").write_bytes(packed(kind, FILES))

    assert is_archive(tmp_path / "x", "download")
    assert not is_archive(tmp_path / "x", "agent.jar")
    assert media_type(packed(kind, FILES)[:512]).startswith("application/")
    assert plain_name(f"probe-1.4.{kind}") == "probe-1.4"


def test_what_is_called_an_archive_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"<!DOCTYPE html><title>Sign in")

    with pytest.raises(BrokenArchiveError, match="DOCTYPE html"):
        is_archive(tmp_path / "x", "probe.tar.gz")
