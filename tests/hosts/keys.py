"""Ed25519 keys, made by ssh-keygen."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Key:
    """A key pair: the private half in `file`, the public half beside it in `file`.pub."""

    file: Path

    @property
    def private(self) -> str:
        return self.file.read_text()

    @property
    def public(self) -> str:
        """Type and key, without the comment."""
        return " ".join(self.file.with_name(f"{self.file.name}.pub").read_text().split()[:2])


def make_key(file: Path, comment: str) -> Key:
    """A new pair; its folder is made too."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file], check=True)
    return Key(file)
