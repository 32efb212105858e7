"""The values of secrets: read on the operator's machine alone, and kept in its memory only.

Whoever needs to know whether a value has changed has a digest of it, made with a key that never leaves this
machine: nobody can try what it may be the digest of.
"""

import hashlib
import hmac
import os
import re
import secrets
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from ramify.documents.secrets import SecretSource
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostics

KEY = "secrets.key"
DIGESTS = "secrets.json"
PATIENCE = 60.0
"""Seconds that a command may take: somebody may have to type a passphrase."""

_MOST = 64 * 1024
_KEY_SIZE = 32
_NAMED = re.compile(r"\bsecrets\.([A-Za-z][A-Za-z0-9_]*)")


class SecretError(Exception):
    """A secret has no value that can be used; `way_out` says what to do."""

    def __init__(self, message: str, way_out: str = "") -> None:
        super().__init__(message)
        self.way_out = way_out


class Vault:
    """The secrets that a project declares, each read when it is first asked for."""

    def __init__(self, folder: Path, cache: Path, sources: Mapping[str, SecretSource]) -> None:
        """`cache` is where the key of the digests is kept."""
        self._folder = folder
        self._key_file = cache / KEY
        self._sources = sources
        self._values: dict[str, str] = {}

    def value(self, name: str) -> str:
        """A value.

        Raises:
            SecretError: it is not declared, cannot be read, or is nothing that can be given to a service.
        """
        if name not in self._values:
            source = self._sources.get(name)
            if source is None:
                raise SecretError(
                    f'there is no secret "{name}"', "Declare it below `secrets:` in ramify.yml."
                )
            self._values[name] = _usable(name, self._read(name, source))
        return self._values[name]

    def fingerprints(self, names: Iterable[str], found: Diagnostics) -> dict[str, str]:
        """Digests by which changes of values are noticed; what cannot be read is told."""
        made: dict[str, str] = {}
        for name in sorted(set(names) & self._sources.keys()):
            try:
                text = f"{name}\0{self.value(name)}".encode()
                made[name] = hmac.digest(self._key(), text, hashlib.sha256).hex()
            except SecretError as error:
                found.error("unreadable-secret", str(error), error.way_out, self._sources[name].origin)
        noted = self._noted()
        if made.items() - noted.items():
            _write(self._key_file.with_name(DIGESTS), msgspec.json.encode({**noted, **made}))
        return made

    def known(self, names: Iterable[str]) -> dict[str, str]:
        """The digests as they were made last: nothing is read for them."""
        noted = self._noted()
        return {name: noted[name] for name in names if name in noted}

    @property
    def key_name(self) -> str:
        """A name for the key that digests are made with: those made with another one say nothing here."""
        return hmac.digest(self._key(), b"its name", hashlib.sha256).hex()[:16]

    def _noted(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._key_file.with_name(DIGESTS).read_bytes(), type=dict[str, str])
        except (OSError, msgspec.MsgspecError):
            return {}

    def _key(self) -> bytes:
        try:
            return self._key_file.read_bytes()
        except FileNotFoundError:
            _write(self._key_file, secrets.token_bytes(_KEY_SIZE))
            return self._key_file.read_bytes()

    def _read(self, name: str, source: SecretSource) -> bytes:
        if source.env:
            said = os.environb.get(source.env.encode())
            if said is None:
                raise SecretError(f'secret "{name}": the variable {source.env} is not set', "Set it.")
            return said
        try:
            if source.file:
                return _line(self._file(source.file))
            return _line(self._printed(name, source.command))
        except OSError as error:
            what = source.file or source.command[0]
            raise SecretError(f'secret "{name}": cannot use {what}: {error.strerror or error}') from error

    def _file(self, file: str) -> bytes:
        with (self._folder / Path(file).expanduser()).open("rb") as stream:
            return stream.read(_MOST + 2)

    def _printed(self, name: str, command: tuple[str, ...]) -> bytes:
        """What a command prints; what it says beside is for whoever sits here."""
        try:
            done = subprocess.run(
                command, cwd=self._folder, stdout=subprocess.PIPE, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise SecretError(f'secret "{name}": {command[0]} took more than {PATIENCE:g} s') from error
        if done.returncode:
            raise SecretError(f'secret "{name}": {command[0]} ended with {done.returncode}')
        return done.stdout


def _write(file: Path, data: bytes) -> None:
    """Write a file that nobody else may read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)
    fresh.replace(file)


def _line(data: bytes) -> bytes:
    """Without the one line end that editors and programs add."""
    return data[:-1].removesuffix(b"\r") if data.endswith(b"\n") else data


def _usable(name: str, data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise SecretError(f'secret "{name}" is no text', "Give it as base64, for one.") from error
    if not text or "\0" in text:
        raise SecretError(f'secret "{name}" is empty' if not text else f'secret "{name}" has NUL in it')
    if len(data) > _MOST:
        raise SecretError(f'secret "{name}" has more than {_MOST >> 10} KiB')
    return text


def named(bundle: Bundle) -> set[str]:
    """The secrets that documents of a bundle speak of: no others need to be read."""
    found: set[str] = set()
    for document in bundle.configurations.values():
        texts = [one.value for one in (*document.env, *document.args)]
        for text in (*texts, *(file.content for file in document.files)):
            found.update(_NAMED.findall(text))
    return found
