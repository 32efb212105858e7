"""Logs read back: the last lines, runs, rotations, and what comes while somebody follows."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.stub import archive, layout, logs, reading, wire
from unit.stub.host import PATH, Host, commands, frame, order, pack, put


class Node:
    """A node's folder with logs, and the operation on it."""

    def __init__(self, folder: Path) -> None:
        self.root = layout.Root(str(folder))
        self.folder = Path(self.root.node(PATH)) / "log"
        self.folder.mkdir(parents=True)

    def log(self, name: str = "main") -> logs.Log:
        return logs.Log(str(self.folder / f"{name}.log"))

    def read(self, **asked: Any) -> dict[str, Any]:
        reply: dict[str, Any] = reading.read(self.root, {"path": PATH, **asked})
        return reply

    def text(self, name: str = "main", **asked: Any) -> str:
        """All that is asked for, in as many replies as that takes."""
        at: dict[str, Any] = {}
        text, reply = "", self.read(**asked)
        while True:
            text += str(reply["logs"].get(name, {}).get("text", ""))
            if not reply["more"]:
                return text
            at |= {process: one["at"] for process, one in reply["logs"].items()}
            reply = self.read(**{**asked, "at": at})


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_the_last_lines_of_the_last_run_are_told(node: Node) -> None:
    node.log().write(b"old\n")
    node.log().write(b"".join(b"line %d\n" % n for n in range(30)))

    assert node.text(lines=2) == "line 28\nline 29\n"
    assert node.text(lines=100).splitlines()[0] == "line 0"
    assert node.text(lines=0) == ""
    assert node.text(previous=True) == "old\n"


def test_without_a_run_before_there_is_nothing_of_one(node: Node) -> None:
    node.log().write(b"first\n")

    assert node.text(previous=True) == ""


def test_installers_are_told_apart_from_the_service(node: Node) -> None:
    node.log().write(b"service\n")
    node.log("install").write(b"installer\n")

    assert list(node.read()["logs"]) == ["main"]
    assert node.text("install", install=True) == "installer\n"


def test_both_kinds_can_be_read_at_once(node: Node) -> None:
    node.log().write(b"service\n")
    node.log("install").write(b"installer\n")

    assert list(node.read(install=None)["logs"]) == ["install", "main"]


def test_who_knows_where_to_go_on_may_be_there_before_the_node(node: Node) -> None:
    assert reading.read(node.root, {"path": "/elsewhere", "at": {}}) == {"logs": {}, "more": False}
    node.log().write(b"first words\n")

    assert node.text(lines=0, at={}) == "first words\n"


def test_a_reader_is_led_through_rotations(node: Node) -> None:
    log = node.log()
    log.write(b"before\n")
    at = {"main": node.read()["logs"]["main"]["at"]}
    log.write(b"x" * logs.LIMIT + b"\n")
    log.write(b"after\n")  # begins a file

    said = node.text(at=at)

    assert said == "x" * logs.LIMIT + "\nafter\n"


def test_a_reader_that_is_left_behind_is_told_so(node: Node) -> None:
    log = node.log()
    log.write(b"before\n")
    at = {"main": node.read()["logs"]["main"]["at"]}
    for _ in range(logs.KEPT + 1):
        log.write(b"y" * logs.LIMIT + b"\n")
    log.write(b"after\n")

    assert node.read(at=at)["logs"]["main"]["lost"]


def test_who_follows_gets_whole_lines(node: Node) -> None:
    log = node.log()
    log.write(b"one\ntw")
    first = node.read(whole=True)["logs"]["main"]
    nothing = node.read(whole=True, at={"main": first["at"]})["logs"]
    log.write(b"o\n")
    rest = node.read(whole=True, at={"main": first["at"]})["logs"]["main"]

    assert (first["text"], nothing, rest["text"]) == ("one\n", {}, "two\n")
    assert node.text() == "one\ntwo\n"


def test_who_follows_from_now_on_gets_all_of_the_line_that_is_being_written(node: Node) -> None:
    log = node.log()
    log.write(b"one\ntw")
    first = node.read(whole=True, lines=0)["logs"]["main"]
    log.write(b"o\n")

    assert first["text"] == ""
    assert node.text(whole=True, at={"main": first["at"]}) == "two\n"


def test_a_line_is_not_torn_because_others_have_said_much(node: Node) -> None:
    node.log("a").write(b"12345678\n" * (reading.MOST // 9))
    node.log("main").write(b"a line that is longer than what room is left\n")

    assert node.read(lines=10**6)["logs"]["main"]["text"] == ""
    assert node.text(lines=10**6) == "a line that is longer than what room is left\n"


def test_characters_stay_whole_in_lines_without_end(node: Node) -> None:
    text = "z" + "\u00e9\u20ac" * 60_000
    node.log().write(text.encode())

    assert node.text(lines=1) == text


def test_who_wants_more_lines_than_are_kept_is_told_that_some_are_gone(node: Node) -> None:
    log = node.log()
    for _ in range(logs.KEPT + 1):
        log.write(b"y" * logs.LIMIT + b"\n")

    assert node.read(lines=10**6)["logs"]["main"]["lost"]
    assert not node.read(lines=1)["logs"]["main"]["lost"]


@given(
    texts=st.lists(st.text("ab\n", max_size=20), max_size=8),
    lines=st.integers(0, 12),
)
def test_the_tail_is_that_of_all_lines(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], lines: int
) -> None:
    node = Node(tmp_path_factory.mktemp("node"))
    log = node.log()
    for text in texts:
        log.write(text.encode())

    kept = "".join(texts).splitlines(keepends=True)
    assert node.text(lines=lines) == "".join(kept[len(kept) - min(lines, len(kept)) :])


def test_a_reply_is_bounded_and_nothing_is_lost(node: Node) -> None:
    text = "".join(f"line {n} {'z' * 90}\n" for n in range(5000))
    node.log().write(text.encode())

    assert len(node.read(lines=5000)["logs"]["main"]["text"]) <= reading.MOST
    assert node.text(lines=5000) == text


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": 1},
        {"at": {"../x": [1, 2]}},
        {"at": {"main": [1]}},
        {"lines": "all"},
        {"wait": -1},
        {"path": "x"},
    ],
)
def test_nonsense_is_refused(node: Node, wrong: dict[str, Any]) -> None:
    with pytest.raises(wire.StubError) as caught:
        node.read(**wrong)
    assert caught.value.code == wire.MALFORMED


def test_a_node_that_is_not_there_is_told_as_missing(node: Node) -> None:
    with pytest.raises(wire.StubError) as caught:
        reading.read(node.root, {"path": "/elsewhere"})
    assert caught.value.code == wire.MISSING


def test_who_waits_hears_what_comes_and_ends_with_its_peer(tmp_path: Path) -> None:
    host = Host(tmp_path)
    digest, data = pack({})
    talks = {"start": {"main": ["sh", "-c", "echo up; read line < tick; echo $line; exec sleep 1000"]}}
    wish = order(digest, install={"argv": ["mkfifo", "tick"]}, service=talks)
    try:
        host.session(put(digest, data), commands("deploy", order=wish), {"op": "logs", "path": PATH})
        stub = archive.build()
        argv = archive.arguments(host.python, str(host.root), stub.digest, 0)
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            one(process.stdout)
            process.stdin.write(frame({"id": 1, "op": "logs", "path": PATH}))
            first = one(process.stdout)["logs"]["main"]
            asked = {"op": "logs", "path": PATH, "wait": 60, "at": {"main": first["at"]}}
            process.stdin.write(frame({"id": 2, **asked}))
            with next(host.node().glob("releases/*/code/tick")).open("w") as tick:
                tick.write("tock\n")
            second = one(process.stdout)["logs"]["main"]
            process.stdin.write(frame({"id": 3, **asked, "at": {"main": second["at"]}}))
            process.stdin.close()
            assert process.wait(30) == 0
            process.stdout.close()
        assert (first["text"], second["text"]) == ("up\n", "tock\n")
    finally:
        host.clean()


def one(stream: Any) -> dict[str, Any]:
    """The next frame's header."""
    size = int.from_bytes(stream.read(8)[:4], "big")
    data = b""
    while len(data) < size:
        data += stream.read(size - len(data))
    found: dict[str, Any] = json.loads(data)
    return found
