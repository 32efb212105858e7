"""Folders, locks and the collection of what is unused."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.stub import archive, files, layout
from ramify.stub.wire import StubError
from unit.stub.host import Host, frame, order, pack

WORDS = st.text("ab.-_0", min_size=1, max_size=30).filter(layout.is_word)
PATHS = st.lists(WORDS, min_size=1, max_size=12).map(lambda words: "/" + "/".join(words))


@given(PATHS, PATHS)
def test_no_two_paths_share_a_folder(one: str, other: str) -> None:
    assert (layout.key(one) == layout.key(other)) == (one == other)


@given(PATHS)
def test_a_folder_name_is_short_and_never_hidden(one: str) -> None:
    name = layout.key(one)

    assert len(name) <= 120
    assert name[0] not in "./"
    assert "/" not in name


@pytest.mark.parametrize(
    "path",
    ["", "/", "a", "//a", "/a/", "/a//b", "/.a", "/-a", "/a b", "/a+b", "/\u00e4", "/a\n", None, 7, ["/a"]],
)
def test_what_is_no_path_is_refused(path: object) -> None:
    with pytest.raises(StubError, match="not the path of a node"):
        layout.check_path(path)


def test_a_locked_node_is_waited_for_and_then_refused(tmp_path: Path) -> None:
    folder = str(tmp_path / "node")
    held = layout.lock(folder)
    with pytest.raises(StubError, match="another session works on node") as caught:
        layout.lock(folder, patience=0.05)
    os.close(held)

    assert caught.value.code == "locked"
    os.close(layout.lock(folder, patience=0.05))


def test_a_lock_on_a_folder_that_was_moved_away_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    held = layout.lock(str(folder))
    folder.rename(tmp_path / "moved")
    again = layout.lock(str(folder), patience=0.05)

    assert folder.is_dir()
    os.close(held)
    os.close(again)


def test_a_tree_is_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    keep.mkdir()
    (keep / "file").touch()
    gone = tmp_path / "gone"
    (gone / "deep" / "er").mkdir(parents=True)
    (gone / "deep" / "er" / "file").touch(mode=0o400)
    (gone / "link").symlink_to(keep)
    (gone / "deep").chmod(0o500)
    files.remove_tree(str(gone))
    files.remove_tree(str(gone))

    assert not gone.exists()
    assert (keep / "file").exists()


def test_artifacts_that_another_session_has_asked_for_stay_until_it_ends(host: Host) -> None:
    """And the last session to end leaves nothing, whoever took the last node away."""
    digest, data = pack({"x": "content"})
    host.put((digest, data))
    host.commands("deploy", order=order(digest))
    stub = archive.build()
    argv = archive.arguments(host.python, str(host.root), stub.digest, 0)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin
        assert other.stdout
        other.stdin.write(frame({"id": 1, "op": "have", "artifacts": [digest]}))
        other.stdin.flush()
        output = b""
        while b'"have"' not in output:
            output += os.read(other.stdout.fileno(), 10_000)
        gone = host.commands("shutdown", "uninstall")
        kept = (host.root / "packs" / digest).exists()
        other.stdin.close()
        other.wait(10)

    assert gone["ok"]
    assert kept
    assert not host.root.exists()


def test_what_a_service_writes_cannot_spoil_the_status(host: Host) -> None:
    digest, data = pack({"x": "content"})
    host.put((digest, data))
    script = (
        "cd $RAMIFY_RUN; echo '[]' > a.exit; echo '{\"code\":\"x\"}' > b.exit; mkdir c.exit; exec sleep 1000"
    )
    host.commands("deploy", order=order(digest, service={"start": {"main": ["sh", "-c", script]}}))

    assert host.status()["exits"] == {}
    assert Path(host.node(), "run", "a.exit").exists()
