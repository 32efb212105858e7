import os
from pathlib import Path

from ramify.repository.artifacts import PLAIN, ArtifactFile
from ramify.repository.folders import from_folder
from ramify.repository.stamps import REST_NS, Index, fingerprint, rested


def word(folder: Path) -> str:
    return fingerprint(from_folder(folder)[0])


def test_the_same_files_have_the_same_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")

    assert word(tmp_path) == word(tmp_path)


def test_writing_replacing_renaming_and_touching_back_change_the_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    seen = {word(tmp_path)}
    before = file.stat()

    file.write_text("y")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same time: only ctime tells
    seen.add(word(tmp_path))
    file.rename(tmp_path / "b")
    seen.add(word(tmp_path))
    (tmp_path / "b").chmod(0o755)
    seen.add(word(tmp_path))

    assert len(seen) == 4


def test_bytes_without_a_file_stand_for_themselves() -> None:
    assert fingerprint([ArtifactFile("a", PLAIN, b"x")]) != fingerprint([ArtifactFile("a", PLAIN, b"y")])


def test_files_that_changed_just_now_have_not_rested(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    files, _ = from_folder(tmp_path)
    changed = (tmp_path / "a").stat().st_ctime_ns

    assert not rested(files, changed)
    assert not rested(files, changed + REST_NS)
    assert rested(files, changed + REST_NS + 1)


def test_an_index_keeps_what_it_is_told(tmp_path: Path) -> None:
    first = Index(tmp_path / "cache" / "index.json")
    first.remember("component", "w1", "d1")
    first.save()

    again = Index(tmp_path / "cache" / "index.json")

    assert again.find("component", "w1") == "d1"
    assert again.find("component", "w2") is None
    assert again.find("other", "w1") is None


def test_a_damaged_index_is_an_empty_one(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"a": 1}', '{"a": ["x"]}', "\x00"):
        (tmp_path / "index.json").write_text(text)

        assert Index(tmp_path / "index.json").find("a", "x") is None


def test_an_index_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    index = Index(tmp_path / "file" / "index.json")
    index.remember("a", "b", "c")

    index.save()
