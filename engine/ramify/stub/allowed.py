"""A signer: a key with the options of OpenSSH's `allowed_signers`, read in full or refused."""

from __future__ import annotations

import time

from ramify.stub import claims, layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Tuple

NAMESPACE = "ramify"
ED25519 = "ssh-ed25519"
KINDS = (
    ED25519,
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_KEY_LIMIT = 16 << 10
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Signer:
    """One key of a signer; a name may have several.

    `blob` is the key as signatures carry it, `after` and `before` are the first and the last second of its
    validity (None: no limit), `speaks` is whether its namespaces have ours.

    Raises:
        StubError: the key or an option is not understood (code "untrusted").
    """

    __slots__ = ("after", "before", "blob", "key", "kind", "name", "speaks")

    def __init__(self, name: str, key: object, options: object, what: str) -> None:
        self.name = name
        self.kind, self.blob, self.key = _key(key, f"{what}.key ({name})")
        self.after: Optional[int] = None
        self.before: Optional[int] = None
        self.speaks = True
        if not isinstance(options, dict):
            raise claims.refusal(f"{what}.options is not an object")
        for option, value in options.items():
            self._option(option, value, f"{what}.options ({name})")

    def _option(self, option: str, value: object, what: str) -> None:
        if option == "cert-authority":
            raise claims.refusal(f"{what}: certificates are not supported: name the signer's own key")
        if option not in ("namespaces", "valid-after", "valid-before") or not isinstance(value, str):
            raise claims.refusal(f"{what}: {layout.shorten(option)} is not understood")
        if option == "namespaces":
            self.speaks = _listed(value)
        elif option == "valid-after":
            self.after = seconds(value, what)
        else:
            self.before = seconds(value, what)

    def objection(self, now: float) -> str:
        """Why the key does not count at this time, in words; empty if it does."""
        if not self.speaks:
            return f'not for the namespace "{NAMESPACE}"'
        if self.after is not None and int(now) < self.after:
            return "not valid yet"
        if self.before is not None and int(now) > self.before:
            return "no longer valid"
        return ""


def _key(text: object, what: str) -> Tuple[str, bytes, str]:
    words = claims.utf8(text, what, _KEY_LIMIT).decode("utf-8").split(" ")
    if len(words) < 2 or words[0] not in KINDS:
        raise claims.refusal(f"{what}: {layout.shorten(words[0])} is none of {', '.join(KINDS)}")
    blob = base64(words[1])
    kind = words[0].encode("ascii")
    named = len(kind).to_bytes(4, "big") + kind
    if blob is None or not blob.startswith(named) or (words[0] == ED25519 and len(blob) != len(named) + 36):
        raise claims.refusal(f"{what} is no public key")
    return words[0], blob, f"{words[0]} {words[1]}"


def base64(text: str) -> Optional[bytes]:
    """The bytes of base64 in its one canonical form, or None."""
    binascii: Any = __import__("binascii")
    try:
        data: bytes = binascii.a2b_base64(text)
    except ValueError:  # text that is not ASCII, too
        return None
    return data if binascii.b2a_base64(data, newline=False) == text.encode("ascii") else None


def seconds(text: str, what: str) -> int:
    """The time of YYYYMMDD[HHMM[SS]][Z]: UTC with a Z, else this host's standard time, as OpenSSH reads it.

    Raises:
        StubError: it is none (code "untrusted").
    """
    digits = text[:-1] if text[-1:] in ("Z", "z") else text
    if len(digits) not in (8, 12, 14) or not (digits.isascii() and digits.isdigit()):
        raise claims.refusal(f"{what}: {layout.shorten(text)} is no time such as 20300131 or 20300131235959Z")
    padded = digits.ljust(14, "0")
    year, month, day = int(padded[:4]), int(padded[4:6]), int(padded[6:8])
    hour, minute, second = int(padded[8:10]), int(padded[10:12]), int(padded[12:])
    if year < 1970 or not _is_day(year, month, day) or hour > 23 or minute > 59 or second > 59:
        raise claims.refusal(f"{what}: there is no {layout.shorten(text)}")
    if digits == text:
        return _local((year, month, day, hour, minute, second, 0, 0, 0), what)
    return ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second


def _local(parts: Tuple[int, ...], what: str) -> int:
    try:
        return int(time.mktime(parts))  # type: ignore[arg-type]
    except (OverflowError, ValueError):
        raise claims.refusal(f"{what}: a time beyond what this host knows") from None


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _is_day(year: int, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1] + (month == 2 and _leap(year))


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970; the modules that know this take milliseconds to load."""
    before = year - 1
    leaps = before // 4 - before // 100 + before // 400 - 477
    return (year - 1970) * 365 + leaps + sum(_DAYS[: month - 1]) + (month > 2 and _leap(year)) + day - 1


def _listed(patterns: str) -> bool:
    """Whether a list of OpenSSH's patterns has our namespace: some pattern fits, and no negated one does."""
    found = False
    for pattern in patterns.split(","):
        if pattern.startswith("!"):
            if _fits(pattern[1:], NAMESPACE):
                return False
        elif _fits(pattern, NAMESPACE):
            found = True
    return found


def _fits(pattern: str, name: str) -> bool:
    reached = {0}
    for char in pattern:
        if char == "*":
            reached = {end for start in reached for end in range(start, len(name) + 1)}
        else:
            reached = {at + 1 for at in reached if at < len(name) and char in ("?", name[at])}
    return len(name) in reached
