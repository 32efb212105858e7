"""How long a run may go on while nobody above is there: the lease of an initiator on what it works on."""

import asyncio
import time


class Tenure:
    """The time that a run has; all of it again whenever somebody comes."""

    def __init__(self, lasts: float) -> None:
        self.lasts = lasts
        self._alone_since: float | None = None
        self._changed = asyncio.Event()

    @property
    def left(self) -> float | None:
        """Seconds until it is over; None while somebody is there."""
        if self._alone_since is None:
            return None
        return max(0.0, self._alone_since + self.lasts - time.monotonic())

    def attend(self, *, here: bool) -> None:
        """Somebody above is here, or nobody any more."""
        if here:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = time.monotonic()
        self._changed.set()

    async def over(self) -> None:
        """Wait until nobody has been there for so long."""
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout(self.left):
                    await self._changed.wait()
            except TimeoutError:
                return
