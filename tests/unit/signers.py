"""Keys of signers, made by ssh-keygen; and trust files that name them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def key(folder: Path, name: str, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A new private key; `.pub` lies beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    bits = ["-b", "2048"] if kind == "rsa" else []
    command = ["ssh-keygen", "-q", "-t", kind, *bits, "-N", passphrase, "-C", name, "-f", str(file)]
    subprocess.run(command, check=True)
    return file


def public(file: Path) -> str:
    """Type and key, without the comment."""
    return " ".join(file.with_name(f"{file.name}.pub").read_text().split()[:2])


def sign(file: Path, text: str, namespace: str = "ramify") -> str:
    """What ssh-keygen itself signs, armored."""
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(file)]
    return subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout.decode()


@contextmanager
def agent(folder: Path, *keys: Path) -> Iterator[dict[str, str]]:
    """An ssh-agent with these keys; gives the environment that leads to it."""
    folder.mkdir(parents=True, exist_ok=True)
    socket = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it tells its socket once it listens
        environ = {"SSH_AUTH_SOCK": str(socket)}
        for file in keys:
            subprocess.run(["ssh-add", "-q", file], env={"PATH": "/usr/bin:/bin", **environ}, check=True)
        yield environ
    finally:
        process.terminate()
        process.communicate()
