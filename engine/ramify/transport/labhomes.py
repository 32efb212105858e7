"""What a lab is made of on disk: keys, homes, who may log in where, and ports that stay the same."""

import hashlib
import os
import pwd
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ramify.transport.labstate import ADDRESS, OPERATOR, OPERATOR_KEY, LabError, LabHost, LabState

# Below what systems give to outgoing connections, above what services usually listen at.
_FIRST_PORT, _PORTS = 20_000, 12_000
_TRIES = 200


def prepare(
    folder: Path, access: Mapping[str, Iterable[str]], before: LabState | None, busy: frozenset[int]
) -> LabState:
    """Make the homes of all hosts, and take away those that are no longer wanted.

    Args:
        folder: where the lab lives.
        access: for each host, who may log in there: names of hosts, or OPERATOR.
        before: the lab as it was; its hosts keep their ports.
        busy: ports that turned out to be taken.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "keys").mkdir(mode=0o700, exist_ok=True)
    known = before.hosts if before else {}
    ports = _Ports(str(folder), known, busy)
    keys = {OPERATOR: _key(folder / OPERATOR_KEY, "operator@lab")}
    user = pwd.getpwuid(os.getuid()).pw_name
    hosts: dict[str, LabHost] = {}
    for name in access:
        home = folder / "hosts" / name / "home"
        (home / ".ssh").mkdir(mode=0o700, parents=True, exist_ok=True)
        keys[name] = _key(home / ".ssh" / "id_ed25519", f"{name}@lab")
        shown = " ".join(_key(folder / "keys" / name, name).split()[:2])
        port, service_port = ports.of(name, "port"), ports.of(name, "service_port")
        hosts[name] = LabHost(port, service_port, user, shown, str(home))
    for name in access:
        allowed = "".join(keys[who] + "\n" for who in sorted(set(access[name])))
        _write(folder / "hosts" / name / "home/.ssh/authorized_keys", allowed)
    for name in known.keys() - hosts.keys():
        remove_host(folder, name)
    return LabState(str(folder), hosts)


def remove_host(folder: Path, name: str) -> None:
    """Take away all files of a host."""
    shutil.rmtree(folder / "hosts" / name, ignore_errors=True)
    (folder / "keys" / name).unlink(missing_ok=True)
    (folder / "keys" / f"{name}.pub").unlink(missing_ok=True)


class _Ports:
    """Ports of hosts, by name: the same again whenever they are free, also after all files are gone."""

    def __init__(self, lab: str, known: Mapping[str, LabHost], busy: frozenset[int]) -> None:
        self._lab = lab
        self._known = known
        self._busy = busy
        self._taken = {port for host in known.values() for port in (host.port, host.service_port)} | busy

    def of(self, name: str, purpose: str) -> int:
        """The port of a host for a purpose."""
        port: int | None = getattr(self._known.get(name), purpose, None)
        if port is not None and port not in self._busy:
            return port
        found = next(port for port in self._candidates(f"{name}\0{purpose}") if port not in self._taken)
        self._taken.add(found)
        return found

    def _candidates(self, text: str) -> Iterator[int]:
        for attempt in range(_TRIES):
            digest = hashlib.sha256(f"{self._lab}\0{text}\0{attempt}".encode()).digest()
            port = _FIRST_PORT + int.from_bytes(digest[:4], "big") % _PORTS
            if _is_free(port):
                yield port
        raise LabError(f"no free port found between {_FIRST_PORT} and {_FIRST_PORT + _PORTS}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
        return True


def _key(file: Path, comment: str) -> str:
    """The public half of an ed25519 key, which is made if it is not there."""
    public = file.with_name(f"{file.name}.pub")
    if not (file.exists() and public.exists()):
        key = Ed25519PrivateKey.generate()
        line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        _write(file, private.decode())
        _write(public, f"{line} {comment}\n")
    return public.read_text().strip()


def _write(file: Path, text: str) -> None:
    """Write what only its owner may read, from the first byte on."""
    new = file.with_name(f"{file.name}.new")
    with open(new, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
        stream.write(text)
    new.replace(file)
