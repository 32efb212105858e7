"""Where the values of secrets are read: files, variables, commands, and what ansible-vault has encrypted."""

from collections.abc import Mapping
from pathlib import Path

from ramify.documents.secrets import SecretSource
from ramify.documents.vaulted import HEADER, is_sealed
from ramify.repository.passwords import Passwords
from ramify.repository.plain import Plain, SecretError, text, usable, without_end

_MOST_SEALED = 16 * 1024 * 1024


class Sources:
    """Reads values, as whoever sits here may; `passwords` are the sources of those of ansible-vault."""

    def __init__(self, folder: Path, passwords: Mapping[str, SecretSource]) -> None:
        self._plain = Plain(folder)
        self.passwords = Passwords(self._plain, passwords)

    def value(self, source: SecretSource) -> str:
        """The value of a secret.

        Raises:
            SecretError: there is none, or none that can be given to a service.
        """
        if source.vault:
            return usable(self._of_vault(source))
        data = self._plain.read(source)
        if data.startswith(HEADER.encode()):
            way_out = "Say `vault: FILE`, which opens it."
            raise SecretError("it is encrypted by ansible-vault", way_out, "vault-file")
        return usable(data)

    def _of_vault(self, source: SecretSource) -> bytes:
        words = text(self._plain.file(source.vault, _MOST_SEALED), source.vault)
        if is_sealed(words):
            data = self.passwords.opened(words, source.vault)
            if not source.key:
                return without_end(data)
            words, whole = text(data, source.vault), True
        elif source.key:
            whole = False
        else:
            raise SecretError(
                f"{source.vault} is not encrypted by ansible-vault",
                "Say `file:` for `vault:`, or which `key:` of it has an encrypted value.",
                "bad-vault",
            )
        return self._at_key(words, source, whole=whole)

    def _at_key(self, words: str, source: SecretSource, *, whole: bool) -> bytes:
        """The value of a key, in a file that was encrypted as a `whole` or has values that are."""
        from ramify.documents.keyed import NoValueError, value_at  # noqa: PLC0415 - few need it

        try:
            value, sealed = value_at(words, source.key)
        except NoValueError as error:
            raise SecretError(f"{source.vault}: {error}", code="bad-vault") from error
        named = f'"{".".join(source.key)}" of {source.vault}'
        if sealed:
            return self.passwords.opened(value, named)
        if not whole:
            way_out = "`ansible-vault encrypt_string` encrypts it."
            raise SecretError(f"{named} is not encrypted by ansible-vault", way_out, "bad-vault")
        return value.encode()
