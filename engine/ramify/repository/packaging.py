"""What kind of bytes a file holds, told by its first ones: cheap, for it is asked of every reference."""

from pathlib import Path

# Archives that are programs themselves: what runs them unpacks them.
_PROGRAMS = (".jar", ".war", ".ear", ".pyz", ".whl", ".apk")

_SUFFIXES = (
    ".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar", ".tgz", ".txz", ".tzst", ".tbz2", ".tbz", ".zip",
)  # fmt: skip

_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zst", b"PK\3\4": "zip"}
_TAR_AT = 257

_TYPES = {
    "gz": "application/gzip",
    "bz2": "application/x-bzip2",
    "xz": "application/x-xz",
    "zst": "application/zstd",
    "zip": "application/zip",
    "tar": "application/x-tar",
}
_STARTS = {b"#!": "text/x-script", b"\x7fELF": "application/x-executable", b"<": "application/xml"}

FOLDER_TYPE = "inode/directory"


class BrokenArchiveError(Exception):
    """Bytes that cannot be unpacked; the message says why."""


def plain_name(name: str) -> str:
    """The name of an archive without what says that it is one."""
    return next((name[: -len(end)] for end in _SUFFIXES if name.lower().endswith(end)), name)


def is_archive(path: Path, name: str) -> bool:
    """Whether a file is to be unpacked: its bytes tell, and its name must not tell otherwise.

    Raises:
        BrokenArchiveError: it is called an archive and is none.
        OSError: it cannot be read.
    """
    if name.lower().endswith(_PROGRAMS):
        return False
    head = _head(path)
    if not _archive(head) and name.lower().endswith(_SUFFIXES):
        raise BrokenArchiveError(f"its bytes are no archive's: they begin with {ascii(head[:40])[1:]}")
    return bool(_archive(head))


def kind_of(path: Path) -> str:
    """Which kind of archive a file is; nothing when it is none."""
    return _archive(_head(path))


def media_type(head: bytes) -> str:
    """The media type of bytes that begin so."""
    kind = _archive(head)
    if kind:
        return _TYPES[kind]
    told = next((said for start, said in _STARTS.items() if head.startswith(start)), "")
    return told or ("application/octet-stream" if b"\0" in head else "text/plain")


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(512)


def _archive(head: bytes) -> str:
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "tar"
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
