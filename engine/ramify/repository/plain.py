"""Values as they are given: what files and variables hold, and what commands print."""

import os
import subprocess
from pathlib import Path

from ramify.documents.secrets import SecretSource

PATIENCE = 60.0
"""Seconds that a command may take: somebody may have to type a passphrase."""

_MOST = 64 * 1024


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


class Plain:
    """Reads them as whoever sits here may; names count from a project's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, source: SecretSource) -> bytes:
        """What a source gives, without the line end that editors and programs add.

        Raises:
            SecretError: it gives nothing.
        """
        if source.env:
            said = os.environb.get(source.env.encode())
            if said is None:
                raise SecretError(f"the variable {source.env} is not set", "Set it.")
            return said
        if source.file:
            return without_end(self.file(source.file, _MOST + 2))
        return without_end(self._printed(source.command))

    def place(self, file: str) -> Path:
        """Where a file is."""
        return self._folder / Path(file).expanduser()

    def file(self, file: str, most: int) -> bytes:
        """The first bytes of a file.

        Raises:
            SecretError: it cannot be read.
        """
        try:
            with self.place(file).open("rb") as stream:
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


def text(data: bytes, what: str) -> str:
    """Bytes that are text.

    Raises:
        SecretError: they are none.
    """
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise SecretError(f"{what} is no text") from error


def without_end(data: bytes) -> bytes:
    """Without the one line end at the end."""
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
