"""Archives for tests: good ones, and such as nobody should make."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping

import zstandard

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
    "tar.zst": zstandard.ZstdCompressor().compress,
}


def tar(*members: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    """A tar of files, and of members that are given as they are."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                archive.addfile(entry(member[0], size=len(member[1])), io.BytesIO(member[1]))
    return out.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, to: str = "", size: int = 0) -> tarfile.TarInfo:
    """One member."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, to, size, 0o755
    return info


def zipped(files: Mapping[str, bytes], mode: int = 0o100755) -> bytes:
    """A zip of files, all of one mode."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def packed(kind: str, files: Mapping[str, bytes]) -> bytes:
    """Files in an archive of a kind."""
    return zipped(files) if kind == "zip" else COMPRESS[kind](tar(*files.items()))
