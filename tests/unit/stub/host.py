"""A managed host for tests: a root folder, an interpreter, and real stub processes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ramify.stub import archive

PATH = "/region1/zone1/app1"


def interpreters() -> list[str]:
    """Every Python from 3.8 on this machine, one binary for each version."""
    found: dict[tuple[int, ...], str] = {}
    names = [shutil.which(f"python3.{minor}") for minor in range(8, 16)] + [sys.executable]
    places = [Path(name) for name in names if name]
    places += Path.home().glob(".pyenv/versions/*/bin/python")
    for place in places:
        if "shims" in place.parts:  # not an interpreter, and slow to find one
            continue
        version = subprocess.run(
            [place, "-I", "-S", "-c", "import sys; print(*sys.version_info[:3])"],
            capture_output=True,
            check=False,
        )
        numbers = tuple(int(number) for number in version.stdout.split())
        if numbers >= (3, 8):
            found.setdefault(numbers, str(place))
    return [found[numbers] for numbers in sorted(found)]


def frame(header: dict[str, Any], body: bytes = b"") -> bytes:
    """One frame, put together apart from the code under test."""
    data = json.dumps(header).encode()
    return len(data).to_bytes(4, "big") + len(body).to_bytes(4, "big") + data + body


def frames(data: bytes) -> list[dict[str, Any]]:
    """The headers of all frames in `data`."""
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        assert data[4:8] == b"\0\0\0\0"
        found.append(json.loads(data[8 : 8 + size]))
        data = data[8 + size :]
    return found


def replies(data: bytes) -> list[dict[str, Any]]:
    """The replies to requests: without the greeting, wishes for parts, and what is said of unwanted ones."""
    return [header for header in frames(data) if header.get("id") is not None]


def parts() -> bytes:
    """Frames with all that a stub may ask for: behind its requests, since it looks ahead for them."""
    return b"".join(_part(digest, part) for digest, part in archive.build().parts.items())


def _part(digest: str, part: bytes) -> bytes:
    header = (archive.PART % digest).encode()
    return len(header).to_bytes(4, "big") + len(part).to_bytes(4, "big") + header + part


def pack(files: Mapping[str, bytes | str], modes: dict[str, int] | None = None) -> tuple[str, bytes]:
    """Digest and pack of an artifact; scripts (`*.sh`) are executable."""
    rows = []
    contents = b""
    for name, content in sorted(files.items()):
        data = content.encode() if isinstance(content, str) else content
        mode = (modes or {}).get(name, 0o755 if name.endswith(".sh") else 0o644)
        rows.append([name, mode, len(data), hashlib.sha256(data).hexdigest()])
        contents += data
    return raw_pack(rows, contents)


def raw_pack(rows: object, contents: bytes) -> tuple[str, bytes]:
    """A pack with whatever manifest."""
    manifest = json.dumps(rows, separators=(",", ":")).encode()
    digest = hashlib.sha256(manifest).hexdigest()
    return digest, len(manifest).to_bytes(4, "big") + manifest + zlib.compress(contents)


def order(artifact: str | None, path: str = PATH, **parts: Any) -> dict[str, Any]:
    """An order for a service that sleeps; `service` and `install` are merged, other parts replaced."""
    service = {
        "start": {"main": ["sh", "-c", "echo up; exec sleep 1000"]},
        "stop": {"signal": "TERM", "timeout": 5},
        "grace": 0.02,
    }
    return {
        "path": path,
        "digest": "d1",
        "environment_digest": "e1",
        "service_digest": "s1",
        "binding": "b1",
        "code": {"artifact": artifact, "share": False},
        **parts,
        "install": {"argv": None, **parts.get("install", {})},
        "service": {**service, **parts.get("service", {})},
    }


class Host:
    """Where stubs are started, as SSH would: all requests on standard input, then its end."""

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        self.root = folder / "ramify"
        self.python = python

    def run(self, data: bytes, size: int = 0) -> subprocess.CompletedProcess[bytes]:
        """One stub process with these bytes on its standard input, `size` of them the archive."""
        argv = archive.arguments(self.python, str(self.root), archive.build().digest, size)
        return subprocess.run(argv, input=data, capture_output=True, timeout=60, check=False)

    def session(self, *requests: tuple[dict[str, Any], bytes] | dict[str, Any]) -> list[dict[str, Any]]:
        """The replies to requests sent in one go to a host never seen before, the greeting left out."""
        stub = archive.build()
        data = stub.data
        for number, request in enumerate(requests, 1):
            header, body = request if isinstance(request, tuple) else (request, b"")
            data += frame({"id": number, **header}, body)
        result = self.run(data + parts(), len(stub.data))
        assert result.stderr == b""
        assert result.returncode == 0
        return replies(result.stdout)

    def put(self, *packs: tuple[str, bytes]) -> None:
        """Send artifacts."""
        for reply in self.session(*(put(*item) for item in packs)):
            assert reply["ok"], reply

    def commands(self, *names: str, order: object = None, path: str = PATH) -> dict[str, Any]:
        """Give commands to a node."""
        (reply,) = self.session(commands(*names, order=order, path=path))
        return reply

    def status(self, path: str = PATH) -> dict[str, Any]:
        """The state of a node."""
        (reply,) = self.session({"op": "status", "paths": [path]})
        state: dict[str, Any] = reply["nodes"][0]
        return state

    def node(self, path: str = PATH) -> Path:
        """The folder of a node."""
        return self.root / "nodes" / path[1:].replace("/", "+")

    def processes(self) -> set[int]:
        """Installers and services of this root that run, found without asking the stub."""
        mark = f"={self.root}/nodes/".encode()
        return {pid for pid, environ in _proc("environ") if mark in environ and b"RAMIFY_CODE" in environ}

    def stubs(self) -> set[int]:
        """Sessions and supervisors of this root that run."""
        mark = f"\0{self.root}\0".encode()
        return {pid for pid, line in _proc("cmdline") if mark in line}

    def clean(self) -> None:
        """End what a test left behind."""
        for pid in self.processes() | self.stubs():
            with suppress(ProcessLookupError):  # a supervisor ends with its service
                os.kill(pid, 9)


def _proc(name: str) -> Iterator[tuple[int, bytes]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                data = (folder / name).read_bytes()
            except OSError:
                continue
            if data:
                yield int(folder.name), data


def commands(*names: str, order: object = None, path: str = PATH) -> dict[str, Any]:
    """A request."""
    return {"op": "commands", "path": path, "commands": list(names), "order": order}


def put(digest: str, data: bytes, chunk: int = 1 << 20) -> tuple[dict[str, Any], bytes]:
    """A request that sends a small pack whole."""
    assert len(data) <= chunk
    return {"op": "put", "artifact": digest, "size": len(data), "offset": 0}, data


def states(reply: dict[str, Any]) -> Sequence[str]:
    """Both states that a reply to commands reports."""
    state = reply["state"]
    return state["environment"], state["service"]
