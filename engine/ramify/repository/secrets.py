"""The values of secrets: read on the operator's machine alone, and kept in its memory only.

Whoever needs to know whether a value has changed has a digest of it, made with a key that never leaves this
machine: nobody can try what it may be the digest of.
"""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from ramify.documents.secrets import SecretSource
from ramify.model.bundle import Bundle
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.vaulted import PREFIX
from ramify.repository.inline import Inline
from ramify.repository.plain import SecretError
from ramify.repository.sources import Sources

__all__ = ["DIGESTS", "KEY", "SecretError", "Vault", "named"]

KEY = "secrets.key"
DIGESTS = "secrets.json"

_KEY_SIZE = 32
_NAMED = re.compile(r"\bsecrets\.([A-Za-z][A-Za-z0-9_]*)")


class Vault:
    """The secrets that a project declares or has encrypted in it, each read when it is first asked for."""

    def __init__(
        self,
        folder: Path,
        cache: Path,
        declared: Mapping[str, SecretSource],
        passwords: Mapping[str, SecretSource] | None = None,
        written: Mapping[str, Origin] | None = None,
    ) -> None:
        """`cache` is where the key of the digests is kept, `written` the places of those in documents."""
        self._key_file = cache / KEY
        self._declared = declared
        self._written = written or {}
        self._sources = Sources(folder, passwords or {})
        self._inline = Inline(folder, self._sources.passwords)
        self._values: dict[str, str] = {}

    def value(self, name: str) -> str:
        """A value.

        Raises:
            SecretError: it is not declared, cannot be read, or is nothing that can be given to a service.
        """
        if name not in self._values:
            try:
                self._values[name] = self._read(name)
            except SecretError as error:
                error.about = self.told(name)
                raise
        return self._values[name]

    def fingerprints(self, names: Iterable[str], found: Diagnostics) -> dict[str, str]:
        """Digests by which changes of values are noticed; what cannot be read is told."""
        made: dict[str, str] = {}
        failed: dict[str, SecretError] = {}
        for name in sorted(set(names) & (self._declared.keys() | self._written.keys())):
            try:
                text = f"{name}\0{self.value(name)}".encode()
                made[name] = hmac.digest(self._key(), text, hashlib.sha256).hex()
            except SecretError as error:
                failed[name] = error
        self._tell(failed, found)
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

    def told(self, name: str) -> str:
        """What a secret is called before people."""
        return f"the `!vault` value at {self._written[name]}" if name in self._written else f'secret "{name}"'

    def _read(self, name: str) -> str:
        if name in self._written:
            return self._inline.value(name, self._written[name])
        source = self._declared.get(name)
        if source is None:
            raise SecretError("nothing declares it", "Declare it below `secrets:` in ramify.yml.")
        return self._sources.value(source)

    def _origin(self, name: str) -> Origin:
        return self._written[name] if name in self._written else self._declared[name].origin

    def _tell(self, failed: Mapping[str, SecretError], found: Diagnostics) -> None:
        """Tell why there are no values; what many have in common, such as a password, is told once."""
        alike: dict[str, list[str]] = {}
        for name in sorted(failed, key=lambda one: (self._origin(one).file, self._origin(one).line)):
            alike.setdefault(failed[name].message, []).append(name)
        for name, *others in alike.values():
            error = failed[name]
            summary = f"{error} ({len(others)} more with it)" if others else str(error)
            found.error(error.code, summary, error.way_out, self._origin(name))


def _write(file: Path, data: bytes) -> None:
    """Write a file that nobody else may read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)
    fresh.replace(file)


def named(bundle: Bundle) -> set[str]:
    """The secrets that documents of a bundle speak of: no others need to be read."""
    found: set[str] = set()
    for document in bundle.configurations.values():
        texts = [one.value for one in (*document.env, *document.args)]
        for text in (*texts, *(file.content for file in document.files)):
            found.update(_NAMED.findall(text))
    return found | {name for name in bundle.secrets if name.startswith(PREFIX)}
