"""Seals: a project's trust file and signatures, read; and whether the signatures count."""

from pathlib import Path

from msgspec import Struct

from ramify.documents import signature, trust
from ramify.documents.project import ProjectFile
from ramify.documents.signature import Signed
from ramify.documents.trust import TrustFile
from ramify.model.trust import Seal
from ramify.repository.files import Files, place

NAME = "ramify.sig"


class Trusted(Struct, frozen=True):
    """What a project says of trust: its trust file, its signers' words, and the policy as it travels."""

    file: TrustFile | None = None
    seal: Seal | None = None
    policy: Seal | None = None


UNSIGNED = Trusted()
"""A project without a trust file: nothing is checked."""


def read(written: ProjectFile, folder: Path, files: Files) -> Trusted:
    """Read the trust file that a project names, and the signatures beside the project's file."""
    if not written.trust:
        return UNSIGNED
    at = place(folder, written.trust)
    data = files.read(at, written.origins["trust"])
    if data is None:
        return UNSIGNED
    file, problems = trust.read(data, files.shown(at), lambda name: files.source(at, name))
    files.found.extend(problems)
    signed = read_signed(folder / NAME, files)
    if file is None:
        return UNSIGNED
    text = file.policy.text()
    said = signed.policy if signed.policy and signed.policy.statement == text else Seal(text)
    return Trusted(file, signed.statement, said)


def read_signed(path: Path, files: Files) -> Signed:
    """What signers said, in a file that may not be there."""
    data = files.read(path, None) if path.exists() else None
    if data is None:
        return Signed()
    signed, problems = signature.read(data, files.shown(path))
    files.found.extend(problems)
    return signed or Signed()
