"""The passwords of ansible-vault, by their ids, and what is opened with them."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import structs

from ramify.documents.secrets import SecretSource
from ramify.documents.vaulted import BadVaultError, Envelope
from ramify.documents.vaulted import opened as envelope
from ramify.model.diagnostics import Origin
from ramify.repository.plain import Plain, SecretError

PASSWORD_FILE = "ANSIBLE_VAULT_PASSWORD_FILE"  # noqa: S105 - the name of a variable
DEFAULT = "default"

_NEW_PASSWORD = (
    f"Say where it is in ramify.yml, `vault: {{{DEFAULT}: {{file: PATH}}}}`, or in {PASSWORD_FILE}."
)
_NO_FIT = "`ansible-vault view` with the same password tells whether it is the password, or the text."


class Passwords:
    """Opens what ansible-vault has encrypted; passwords come from `sources`, or where ansible has its own."""

    def __init__(self, plain: Plain, sources: Mapping[str, SecretSource]) -> None:
        self._plain = plain
        self._sources = {**_of_ansible(), **sources}
        self._known: dict[str, bytes | SecretError] = {}

    def opened(self, text: str, what: str) -> bytes:
        """What is in a text that ansible-vault has encrypted.

        Raises:
            SecretError: it cannot be opened.
        """
        from ramify.repository import vaults  # noqa: PLC0415 - its library costs 20 ms: only for those who need it

        made, failed = _envelope(text, what), None
        names = self._in_turn(made.label)
        for name in names:
            try:
                data = vaults.opened(made, self._password(name))
            except SecretError as error:
                failed = failed or error  # another one may do
                continue
            except BadVaultError as error:
                raise SecretError(f"{what}: {error}", _NO_FIT, "bad-vault") from error
            if data is not None:
                return data
        if failed is not None:
            raise failed
        if not names:
            raise SecretError("no password of ansible-vault is known", _NEW_PASSWORD, "vault-password")
        whose = f'it is for "{made.label}", and ' if made.label else ""
        raise SecretError(f"{whose}{_not_by(names)} {what}", _NO_FIT, "vault-password")

    def _in_turn(self, label: str) -> list[str]:
        """The ids of passwords: that of the text itself first, since it costs time to try one."""
        return sorted(self._sources, key=lambda name: name != (label or DEFAULT))

    def _password(self, name: str) -> bytes:
        """A password of ansible-vault; each is read once, and only if it is needed."""
        if name not in self._known:
            try:
                self._known[name] = self._read_password(self._sources[name])
            except SecretError as error:
                self._known[name] = error
        found = self._known[name]
        if isinstance(found, SecretError):
            summary = f'the password of vault id "{name}": {found.message}'
            raise SecretError(summary, found.way_out, "vault-password") from found
        return found

    def _read_password(self, source: SecretSource) -> bytes:
        if source.file and os.access(self._plain.place(source.file), os.X_OK):
            source = structs.replace(source, file="", command=(str(self._plain.place(source.file)),))
        data = self._plain.read(source).strip()
        if not data:
            raise SecretError("it is empty")
        return data


def _of_ansible() -> dict[str, SecretSource]:
    """The password file that ansible would take, which counts from where one stands."""
    named = os.environ.get(PASSWORD_FILE)
    if not named:
        return {}
    file = str(Path(named).expanduser().absolute())
    return {DEFAULT: SecretSource(Origin(PASSWORD_FILE, 1, 1), file=file)}


def _not_by(names: list[str]) -> str:
    first, *others = [f'the password of "{name}"' for name in names]
    return f"neither {' nor '.join((first, *others))} opens" if others else f"{first} does not open"


def _envelope(text: str, what: str) -> Envelope:
    try:
        return envelope(text)
    except BadVaultError as error:
        way_out = "Take it again from where it is kept, such as the history of the repository."
        raise SecretError(f"{what}: {error}", way_out, "bad-vault") from error
