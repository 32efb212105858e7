"""Signing: `ssh-keygen` signs, so that agents and hardware keys do; the result goes beside `ramify.yml`."""

import os
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from ramify.documents import signature
from ramify.documents.signature import Signed
from ramify.model.trust import NAMESPACE, Policy, Seal
from ramify.repository.files import reason
from ramify.stub import signatures

_PROGRAM = "ssh-keygen"


class SigningError(Exception):
    """Nothing was signed; `hint` is the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


class Key(Struct, frozen=True):
    """A public key at hand, as in a .pub file, and where it was found: in a file, or in the agent (None)."""

    text: str
    file: Path | None = None


def sign(texts: Sequence[str], key: Key | Path) -> list[str]:
    """Signatures over texts, each as base64 of an SSHSIG blob; prompts go to the user's terminal.

    A file may hold a private key, or the public one of a key that the agent has. A passphrase is asked for
    once, for all texts.

    Raises:
        SigningError: there is none.
    """
    with TemporaryDirectory(prefix="ramify-") as folder:
        place = Path(folder)
        files = [place / str(number) for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_bytes(text.encode())
        _keygen("-Y", "sign", "-n", NAMESPACE, "-f", _file(key, place), *files)
        return [signature.unarmored(file.with_name(f"{file.name}.sig").read_text()) for file in files]


def _file(key: Key | Path, place: Path) -> Path:
    """The file of a key; of one that only the agent has, one is made in a folder."""
    if isinstance(key, Path) or key.file:
        return key if isinstance(key, Path) else key.file or place
    file = place / "key.pub"
    file.write_text(f"{key.text}\n")
    return file


def _keygen(*words: str | Path) -> None:
    # Its own words, such as to touch a key, appear as it says them: stderr is the terminal's.
    try:
        done = subprocess.run([_PROGRAM, "-q", *words], stdout=subprocess.DEVNULL, check=False)
    except OSError as error:
        hint = "It comes with OpenSSH (openssh-client, openssh-clients)."
        raise SigningError(f"cannot start {_PROGRAM}: {reason(error)}", hint) from error
    if done.returncode:
        hint = "A .pub file needs the private key beside it, or in the agent (`ssh-add -L` lists those)."
        raise SigningError(f"{_PROGRAM} did not sign with {words[5]}", hint)


def fingerprint_of(key: Key | Path) -> str:
    """The fingerprint of a key, known without its passphrase; nothing if it cannot be had."""
    if isinstance(key, Key):
        return _fingerprint(b64decode(key.text.split()[1]))
    try:
        done = subprocess.run([_PROGRAM, "-l", "-E", "sha256", "-f", key], capture_output=True, check=False)
    except OSError:
        return ""
    words = done.stdout.decode(errors="replace").split()
    return words[1] if done.returncode == 0 and len(words) > 1 else ""


def at_hand(known: Iterable[str], environ: Mapping[str, str], home: Path) -> list[Key]:
    """Those of known public keys (`TYPE BASE64`) that the agent has, or that lie in ~/.ssh."""
    wanted = set(known)
    found: dict[str, Key] = {}
    for key in (*_in_agent(environ), *_in_files(home / ".ssh")):
        if key.text in wanted:
            found.setdefault(key.text, key)
    return list(found.values())


def _in_agent(environ: Mapping[str, str]) -> Iterator[Key]:
    if not environ.get("SSH_AUTH_SOCK"):
        return
    try:
        done = subprocess.run(["ssh-add", "-L"], capture_output=True, check=False, env=dict(environ))
    except OSError:
        return
    if done.returncode == 0:
        yield from (Key(" ".join(line.split()[:2])) for line in done.stdout.decode().splitlines())


def _in_files(folder: Path) -> Iterator[Key]:
    for file in sorted(folder.glob("*.pub")):
        try:
            yield Key(" ".join(file.read_text().split()[:2]), file)
        except (OSError, UnicodeDecodeError):
            continue


def added(seal: Seal | None, text: str, blob: str) -> Seal:
    """A seal with one more signature: one by the same key gives way, and so do all over another text."""
    before = seal.signatures if seal and seal.statement == text else ()
    own = signatures.parse(blob).key
    return Seal(text, (*(other for other in before if signatures.parse(other).key != own), blob))


def fingerprint(blob: str) -> str:
    """The key of a signature as `ssh-keygen -l` names it."""
    key = signatures.parse(blob).key
    kind = key[4 : 4 + int.from_bytes(key[:4], "big")].decode("ascii", "replace")
    return f"{kind} {_fingerprint(key)}"


def names_of(policy: Policy, fingerprint: str) -> list[str]:
    """The signers of a policy who have the key with a fingerprint."""
    keys = ((signer.name, b64decode(signer.key.split()[1])) for signer in policy.signers)
    return [name for name, key in keys if _fingerprint(key) == fingerprint]


def _fingerprint(key: bytes) -> str:
    return f"SHA256:{b64encode(sha256(key).digest()).decode().rstrip('=')}"


def write(path: Path, signed: Signed) -> None:
    """Put signatures in their place, whole.

    Raises:
        OSError: they cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    partial.write_text(signature.write(signed), encoding="utf-8")
    partial.replace(path)
