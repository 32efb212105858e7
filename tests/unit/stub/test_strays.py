"""The operation `strays`: what lies on a host beside what is known, and nothing of it is touched."""

import os
import signal
from pathlib import Path

import pytest

from unit.stub.host import PATH, Host, order, pack


def deployed(host: Host, *paths: str) -> None:
    digest, data = pack({"version": "1"})
    host.put((digest, data))
    for path in paths:
        service = {"start": {"main": ["sleep", "1000"]}}
        host.commands("deploy", order={**order(digest, service=service), "path": path}, path=path)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(file): (file.stat().st_mtime_ns, file.read_bytes())
        for file in folder.rglob("*")
        if file.is_file() and not file.is_symlink()
    }


def test_all_but_the_known_are_told_as_they_are_and_not_touched(host: Host) -> None:
    deployed(host, PATH, "/other", "/dead")
    (pid,) = host.session({"op": "status", "paths": ["/dead"]})[0]["nodes"][0]["pids"].values()
    os.kill(pid, signal.SIGKILL)
    before = contents(host.root / "nodes" / "other")
    journal = host.root / "nodes" / "dead"
    noted = {name: data for name, data in contents(journal).items() if "journal" in name}

    (reply,) = host.session({"op": "strays", "known": [PATH, "/never/there"]})

    told = {
        node["path"]: (node["environment"], node["service"], len(node["pids"])) for node in reply["nodes"]
    }
    assert told["/other"] == ("installed", "active", 1)
    assert told["/dead"][0] == "installed"
    assert set(told) == {"/other", "/dead"}
    assert reply["more"] is False
    assert contents(host.root / "nodes" / "other") == before
    assert {name: data for name, data in contents(journal).items() if "journal" in name} == noted


def test_where_nothing_is_nothing_is_told_and_nothing_made(host: Host) -> None:
    (reply,) = host.session({"op": "strays", "known": []})

    assert reply["nodes"] == []
    assert not (host.root / "nodes").exists()


@pytest.mark.parametrize("known", [None, "/a", ["no path"], [1]], ids=str)
def test_what_is_no_list_of_paths_is_malformed(host: Host, known: object) -> None:
    (reply,) = host.session({"op": "strays", "known": known})

    assert reply["error"]["code"] == "malformed"
