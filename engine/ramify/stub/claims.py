"""Claims: what is sent by somebody who is not trusted yet, read with bounds.

Whatever is wrong is a refusal; nothing else escapes.
"""

from __future__ import annotations

from ramify.stub import layout
from ramify.stub.wire import UNTRUSTED, StubError, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

TEXT_LIMIT = 1 << 20
MOST = 10_000


def refusal(message: str, *detail: str) -> StubError:
    """What is raised, and nothing else, wherever trust is missing."""
    return StubError(UNTRUSTED, message, "\n".join(detail))


def members(text: object, names: Sequence[str], what: str) -> Dict[str, Any]:
    """The members of JSON text that is an object with exactly these.

    Raises:
        StubError: it is not (code "untrusted").
    """
    return exactly(value(text, what), names, what)


def value(text: object, what: str, limit: int = TEXT_LIMIT) -> Any:
    """The value of JSON text from somebody who is not trusted yet.

    Raises:
        StubError: it is no text, too long, no JSON, or nested too deeply (code "untrusted").
    """
    try:
        return decode(utf8(text, what, limit))
    except ValueError as error:
        raise refusal(f"{what}: {error}") from None


def utf8(text: object, what: str, limit: int = TEXT_LIMIT) -> bytes:
    """The bytes of a text of bounded length.

    Raises:
        StubError: it is none (code "untrusted").
    """
    if not isinstance(text, str):
        raise refusal(f"{what} is not text")
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise refusal(f"{what} is not Unicode text") from None
    if len(data) > limit:
        raise refusal(f"{what} is longer than {limit} bytes")
    return data


def exactly(found: object, names: Sequence[str], what: str) -> Dict[str, Any]:
    """`found` itself, when it is an object with exactly these members; else a StubError."""
    if not isinstance(found, dict):
        raise refusal(f"{what} is not an object")
    for name in names:
        if name not in found:
            raise refusal(f"{what} has no {name}")
    for name in found:
        if name not in names:
            raise refusal(f"{what}: {layout.shorten(name)} is not understood")
    return found


def items(found: object, what: str, most: int = MOST) -> List[Any]:
    """`found` itself, when it is a list of bounded length; else a StubError."""
    if not isinstance(found, list) or len(found) > most:
        raise refusal(f"{what} is not a list of at most {most}")
    return found
