"""Where the values of secrets are read: files, variables, commands, and what ansible-vault has encrypted."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from msgspec import structs

from ramify.documents.secrets import SecretSource
from ramify.documents.vaulted import HEADER, BadVaultError, Envelope, is_sealed
from ramify.documents.vaulted import opened as envelope
from ramify.model.diagnostics import Origin

PATIENCE = 60.0
"""Seconds that a command may take: somebody may have to type a passphrase."""

PASSWORD_FILE = "ANSIBLE_VAULT_PASSWORD_FILE"  # noqa: S105 - the name of a variable
DEFAULT = "default"

_MOST = 64 * 1024
_MOST_SEALED = 16 * 1024 * 1024
_NEW_PASSWORD = (
    f"Say where it is in ramify.yml, `vault: {{{DEFAULT}: {{file: PATH}}}}`, or in {PASSWORD_FILE}."
)
_NO_FIT = "`ansible-vault view` with the same password tells whether it is the password, or the text."


class SecretError(Exception):
    """A secret has no value that can be used; `way_out` says what to do, `about` which it is."""

    def __init__(
        self, message: str, way_out: str = "", code: str = "unreadable-secret", about: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out
        self.code = code
        self.about = about

    def __str__(self) -> str:
        return f"{self.about}: {self.message}" if self.about else self.message


class Sources:
    """Reads values, as whoever sits here may; `passwords` are the sources of those of ansible-vault."""

    def __init__(self, folder: Path, passwords: Mapping[str, SecretSource]) -> None:
        self._folder = folder
        self._password_sources = passwords
        self._passwords: dict[str, bytes] | None = None

    def value(self, source: SecretSource) -> str:
        """The value of a secret.

        Raises:
            SecretError: there is none, or none that can be given to a service.
        """
        if source.vault:
            return usable(self._of_vault(source))
        data = self._plain(source)
        if data.startswith(HEADER.encode()):
            way_out = "Say `vault: FILE`, which opens it."
            raise SecretError("it is encrypted by ansible-vault", way_out, "vault-file")
        return usable(data)

    def opened(self, text: str, what: str) -> bytes:
        """What is in a text that ansible-vault has encrypted.

        Raises:
            SecretError: it cannot be opened.
        """
        from ramify.repository import vaults  # noqa: PLC0415 - its library costs 20 ms: only for those who need it

        made = _envelope(text, what)
        known = self._known()
        if not known:
            raise SecretError("no password of ansible-vault is known", _NEW_PASSWORD, "vault-password")
        try:
            data = vaults.opened(made, known)
        except BadVaultError as error:
            raise SecretError(f"{what}: {error}", _NO_FIT, "bad-vault") from error
        if data is None:
            whose = f'it is for "{made.label}", and ' if made.label else ""
            raise SecretError(f"{whose}{_not_by(list(known))} {what}", _NO_FIT, "vault-password")
        return data

    def _of_vault(self, source: SecretSource) -> bytes:
        text = _text(self._file(source.vault, _MOST_SEALED), source.vault)
        if is_sealed(text):
            data = self.opened(text, source.vault)
            if not source.key:
                return _line(data)
            text, whole = _text(data, source.vault), True
        elif source.key:
            whole = False
        else:
            raise SecretError(
                f"{source.vault} is not encrypted by ansible-vault",
                "Say `file:` for `vault:`, or which `key:` of it has an encrypted value.",
                "bad-vault",
            )
        return self._at_key(text, source, whole=whole)

    def _at_key(self, text: str, source: SecretSource, *, whole: bool) -> bytes:
        """The value of a key, in a file that was encrypted as a `whole` or has values that are."""
        from ramify.documents.keyed import NoValueError, value_at  # noqa: PLC0415 - few need it

        try:
            value, sealed = value_at(text, source.key)
        except NoValueError as error:
            raise SecretError(f"{source.vault}: {error}", code="bad-vault") from error
        named = f'"{".".join(source.key)}" of {source.vault}'
        if sealed:
            return self.opened(value, named)
        if not whole:
            way_out = "`ansible-vault encrypt_string` encrypts it."
            raise SecretError(f"{named} is not encrypted by ansible-vault", way_out, "bad-vault")
        return value.encode()

    def _known(self) -> dict[str, bytes]:
        """The passwords of ansible-vault, by their ids; each is read once."""
        if self._passwords is None:
            sources = dict(self._password_sources)
            named = os.environ.get(PASSWORD_FILE)
            if named and DEFAULT not in sources:
                # As ansible has it, a path in the environment counts from where one stands.
                file = str(Path(named).expanduser().absolute())
                sources[DEFAULT] = SecretSource(Origin(PASSWORD_FILE, 1, 1), file=file)
            self._passwords = {name: self._password(name, source) for name, source in sources.items()}
        return self._passwords

    def _password(self, name: str, source: SecretSource) -> bytes:
        try:
            if source.file and os.access(self._place(source.file), os.X_OK):
                source = structs.replace(source, file="", command=(str(self._place(source.file)),))
            data = self._plain(source).strip()
        except SecretError as error:
            summary = f'the password of vault id "{name}": {error.message}'
            raise SecretError(summary, error.way_out, "vault-password") from error
        if not data:
            raise SecretError(f'the password of vault id "{name}" is empty', code="vault-password")
        return data

    def _plain(self, source: SecretSource) -> bytes:
        if source.env:
            said = os.environb.get(source.env.encode())
            if said is None:
                raise SecretError(f"the variable {source.env} is not set", "Set it.")
            return said
        if source.file:
            return _line(self._file(source.file, _MOST + 2))
        return _line(self._printed(source.command))

    def _place(self, file: str) -> Path:
        return self._folder / Path(file).expanduser()

    def _file(self, file: str, most: int) -> bytes:
        try:
            with self._place(file).open("rb") as stream:
                return stream.read(most)
        except OSError as error:
            raise SecretError(f"cannot use {file}: {error.strerror or error}") from error

    def _printed(self, command: tuple[str, ...]) -> bytes:
        """What a command prints; what it says beside is for whoever sits here."""
        try:
            done = subprocess.run(
                command, cwd=self._folder, stdout=subprocess.PIPE, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise SecretError(f"{command[0]} took more than {PATIENCE:g} s") from error
        except OSError as error:
            raise SecretError(f"cannot use {command[0]}: {error.strerror or error}") from error
        if done.returncode:
            raise SecretError(f"{command[0]} ended with {done.returncode}")
        return done.stdout


def _not_by(names: list[str]) -> str:
    first, *others = [f'the password of "{name}"' for name in names]
    return f"neither {' nor '.join((first, *others))} opens" if others else f"{first} does not open"


def _envelope(text: str, what: str) -> Envelope:
    try:
        return envelope(text)
    except BadVaultError as error:
        way_out = "Take it again from where it is kept, such as the history of the repository."
        raise SecretError(f"{what}: {error}", way_out, "bad-vault") from error


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise SecretError(f"{what} is no text") from error


def _line(data: bytes) -> bytes:
    """Without the one line end that editors and programs add."""
    return data[:-1].removesuffix(b"\r") if data.endswith(b"\n") else data


def usable(data: bytes) -> str:
    """A value as text.

    Raises:
        SecretError: it is none, or too long.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise SecretError("it is no text", "Give it as base64, for one.") from error
    if not text or "\0" in text:
        raise SecretError("it has NUL in it" if text else "it is empty")
    if len(data) > _MOST:
        raise SecretError(f"it has more than {_MOST >> 10} KiB")
    return text
