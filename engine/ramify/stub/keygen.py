"""Have `ssh-keygen -Y verify` check signatures by keys other than ssh-ed25519: on every host with sshd."""

from __future__ import annotations

import os

from ramify.stub import allowed, files, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

_PROGRAM = "ssh-keygen"
_PLACES = "/usr/bin:/usr/local/bin:/opt/bin"
_NAME = "signer"
_SAID = 4096


def program() -> Optional[str]:
    """The host's `ssh-keygen`, or None where there is none."""
    for folder in f"{os.environ.get('PATH', '')}:{_PLACES}".split(":"):
        file = f"{folder}/{_PROGRAM}"
        if folder.startswith("/") and os.path.isfile(file) and os.access(file, os.X_OK):
            return file
    return None


class Keygen:
    """A `signatures.Verifier` that keeps its files, while it works, in a private folder made in `folder`."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def __call__(self, key: str, blob: bytes, message: bytes) -> str:
        """Why a signature is not valid, or nothing if it is."""
        found = program()
        if found is None:
            return f"{key.partition(' ')[0]} needs {_PROGRAM}, which is not here"
        place = f"{self._folder}/.verify-{os.getpid()}-{os.urandom(8).hex()}"
        try:
            os.mkdir(place, 0o700)
            try:
                return _verify(found, place, key, blob, message)
            finally:
                files.remove_tree(place)
        except OSError as error:
            return f"{_PROGRAM} could not be asked: {error}"


def _verify(found: str, place: str, key: str, blob: bytes, message: bytes) -> str:
    binascii = __import__("binascii")
    armor = binascii.b2a_base64(blob)
    armored = b"-----BEGIN SSH SIGNATURE-----\n" + armor + b"-----END SSH SIGNATURE-----\n"
    line = f'{_NAME} namespaces="{allowed.NAMESPACE}" {key}\n'
    for name, data in (("allowed", line.encode("ascii")), ("signature", armored), ("message", message)):
        files.replace(f"{place}/{name}", data, last=False)
    argv = [found, "-Y", "verify", "-n", allowed.NAMESPACE, "-I", _NAME]
    argv += ["-f", f"{place}/allowed", "-s", f"{place}/signature"]
    code = process.exit_code(os.waitpid(_spawn(argv, place), 0)[1])
    if code == 0:
        return ""
    said = files.read(f"{place}/said")[-_SAID:].decode("utf-8", "replace").strip()
    return f"{_PROGRAM}: {' '.join(said.split()) or f'exit code {code}'}"


def _spawn(argv: List[str], place: str) -> int:
    """Start it with the message on its input, and all that it says in a file: no pipe can fill up."""
    said = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, f"{place}/message", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, f"{place}/said", said, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    return os.posix_spawn(argv[0], argv, env, file_actions=actions)
