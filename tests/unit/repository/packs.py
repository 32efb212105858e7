"""A second, plain reader of packs, for the tests: everything in memory, written from the format's text."""

import hashlib
import json
import zlib
from pathlib import Path


def read(data: bytes, digest: str) -> dict[str, tuple[int, bytes]]:
    """Names to modes and bytes; fails if anything is not as the digest says."""
    size = int.from_bytes(data[:4], "big")
    manifest, stream = data[4 : 4 + size], zlib.decompress(data[4 + size :])
    assert hashlib.sha256(manifest).hexdigest() == digest
    found, at = {}, 0
    for name, mode, length, sha in json.loads(manifest):
        content = stream[at : at + length]
        at += length
        assert hashlib.sha256(content).hexdigest() == sha
        found[name] = (mode, content)
    assert at == len(stream)
    return found


def unpack(data: bytes, digest: str, folder: Path) -> None:
    """Write a pack's files below a folder."""
    for name, (mode, content) in read(data, digest).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
