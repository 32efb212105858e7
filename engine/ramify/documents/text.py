"""Bytes of a document to text, and places in it."""

from bisect import bisect_right
from collections.abc import Callable

from ramify.documents.vaulted import is_sealed
from ramify.model.diagnostics import Diagnostics, Origin, Severity

MAX_SIZE = 16 * 1024 * 1024
_KEPT_OPEN = (
    "Keep it in plain text, with `!vault` for each value that is a secret (`ansible-vault encrypt_string`); "
    "or name keys of it in ramify.yml: `secrets: {NAME: {vault: FILE, key: KEY}}`."
)
MAX_TOLD = 100  # problems of a document; whoever has as many made the same one many times

# Gives the text of a file that a document names, relative to that document; raises OSError or UnicodeError.
Source = Callable[[str], str]


def no_source(name: str) -> str:
    """The source of those who have no files: refuses every name."""
    raise FileNotFoundError(f"no file {name}")


def decode(text: str | bytes, file: str, found: Diagnostics) -> str | None:
    """The text with plain line ends and no byte order mark; None with a diagnostic when it is no text."""
    if len(text) > MAX_SIZE:
        size = f"{MAX_SIZE // 1024 // 1024} MiB"
        found.error("too-large", f"document is larger than {size}", "Split it.", Origin(file, 1, 1))
        return None
    try:
        plain = text.decode() if isinstance(text, bytes) else text.encode().decode()
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(errors="replace")
        found.error("encoding", "document is not UTF-8", "Save it as UTF-8.", Places(file, before).end)
        return None
    except UnicodeEncodeError as error:
        place = Places(file, error.object[: error.start]).end
        found.error("encoding", "document holds half of a surrogate pair", "Save it as UTF-8.", place)
        return None
    if is_sealed(plain):
        found.error(
            "vault-file", "this document is encrypted by ansible-vault", _KEPT_OPEN, Origin(file, 1, 1)
        )
        return None
    return plain.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


class Places:
    """Turns offsets in a text into lines and columns."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._size = len(text)
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def origin(self, offset: int) -> Origin:
        """The place of an offset."""
        line = bisect_right(self._starts, offset)
        return Origin(self._file, line, offset - self._starts[line - 1] + 1)

    @property
    def end(self) -> Origin:
        """The place behind the last character."""
        return self.origin(self._size)


def tell_conflict(text: str, file: str, found: Diagnostics) -> bool:
    """Tell the marks that git leaves where two branches changed the same, told once it cannot be read."""
    mark = "<<<<<<< "
    if not text.startswith(mark) and f"\n{mark}" not in text:
        return False
    place = Places(file, text).origin(f"\n{text}".index(f"\n{mark}"))
    way_out = "Keep one side of each and remove the marks; `ramify repo lock` writes a lock anew."
    found.error("syntax", "git left the marks of a merge conflict here", way_out, place)
    return True


def in_order(found: Diagnostics) -> Diagnostics:
    """The same diagnostics as a reader meets them: by place, those without one first; the first MAX_TOLD.

    Errors take the places of warnings: a document that has one is not read.
    """
    if not len(found):
        return found
    kept = sorted(found, key=lambda item: item.severity is not Severity.ERROR)[:MAX_TOLD]
    return Diagnostics(
        sorted(kept, key=lambda item: (item.origin.line, item.origin.column) if item.origin else (0, 0))
    )


def looks_like_xml(text: str | bytes, file: str) -> bool:
    """Whether a document is XML: by its name, or else by its first character."""
    suffix = file.rpartition(".")[2].lower()
    if suffix in {"xml", "yml", "yaml"}:
        return suffix == "xml"
    start = text[:200].decode(errors="replace") if isinstance(text, bytes) else text[:200]
    return start.lstrip("\ufeff \t\r\n").startswith("<")
