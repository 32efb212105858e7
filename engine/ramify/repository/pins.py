"""The lock while references are followed: what each led to is held against what was reviewed."""

from collections.abc import Mapping
from enum import Enum

from ramify.documents.lock import Pin
from ramify.model.diagnostics import Diagnostics, Origin

RELOCK = "`ramify repo lock` takes it as it is now."


class Locking(Enum):
    """What a lock is there for."""

    USE = "use"
    """Tell what differs from it."""
    REQUIRE = "require"
    """Refuse what differs from it, or is not in it."""
    RENEW = "renew"
    """Make it anew."""


class Ledger:
    """What references led to, by their names; `file` is how the lock is called in messages."""

    def __init__(
        self, pins: Mapping[str, Pin] | None, locking: Locking, found: Diagnostics, file: str = "the lock"
    ) -> None:
        self.seen: dict[str, Pin] = {}
        self._pins = None if locking is Locking.RENEW else pins
        self._locking = locking
        self._found = found
        self._file = file

    @property
    def wants_all(self) -> bool:
        """Whether it is worth knowing what local references lead to."""
        return self._pins is not None or self._locking is Locking.RENEW

    @property
    def locked(self) -> Mapping[str, Pin]:
        """All that is locked."""
        return self._pins or {}

    @property
    def strict(self) -> bool:
        """Whether nothing but the lock counts."""
        return self._locking is Locking.REQUIRE

    def pin(self, name: str) -> Pin | None:
        """What a reference is locked to."""
        return self._pins.get(name) if self._pins is not None else None

    def note(self, name: str, pin: Pin, origin: Origin | None) -> None:
        """Tell, where a reference is written, that it leads elsewhere than the lock says."""
        self.seen[name] = pin
        if self._pins is None:
            return
        locked = self._pins.get(name)
        if locked is None:
            self._tell("not-locked", f"{name} is not in {self._file}", origin)
        elif locked.sha256 != pin.sha256 or locked.size != pin.size:
            what = f"expected sha256 {locked.sha256[:12]} ({locked.size:,} bytes)"
            got = f"got {pin.sha256[:12]} ({pin.size:,} bytes)"
            self._tell("drifted", f"{name} is not what {self._file} says: {what}, {got}", origin)

    def moved_on(self, name: str, origin: Origin | None) -> None:
        """Tell that a server has other bytes by now than those that are locked, and used."""
        summary = f"{name} has changed since it was locked; what was locked is used"
        self._found.warning("drifted", summary, RELOCK, origin)

    def refuse(self, name: str, origin: Origin | None) -> bool:
        """Whether a reference may not even be followed, since it is not in the lock; it is told then."""
        if not self.strict or self.pin(name) is not None:
            return False
        self._tell("not-locked", f"{name} is not in {self._file}", origin)
        return True

    def _tell(self, code: str, summary: str, origin: Origin | None) -> None:
        tell = self._found.error if self.strict else self._found.warning
        tell(code, summary, RELOCK, origin)
