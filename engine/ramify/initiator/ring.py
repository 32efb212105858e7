"""The secrets that a run has opened: asked for when a node needs them, kept in memory, never told.

They come from the operator in boxes (`sealing.py`) that initiators on the way hand on and cannot open. Which
secrets an initiator may know is the operator's to say: those of the nodes just below it (`Keeper`).
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from ramify.compile.confidential import used_below
from ramify.compile.fleet import Fleet
from ramify.initiator.masking import masked
from ramify.initiator.messages import Ask

WITHHELD = "(not shown: it may have secrets in it; the node's log on its host has it)"

_numbers = itertools.count(1)


class NoSecretError(Exception):
    """A secret is not to be had; `way_out` says what to do."""

    def __init__(self, message: str, way_out: str = "") -> None:
        super().__init__(message)
        self.way_out = way_out


Boxes = Callable[[Ask], Awaitable[bytes]]
"""Where sealed secrets come from; raises NoSecretError."""


class Values(Protocol):
    """The values themselves; `ramify.repository.secrets.Vault` has them."""

    def value(self, name: str) -> str:
        """A value; any exception says why there is none."""


async def nobody(ask: Ask) -> bytes:
    """Boxes for runs that need none."""
    raise NoSecretError(f"nobody here has the secrets of {ask.path}")


class Ring:
    """What the initiator of a path knows of secrets during one run."""

    def __init__(self, path: str, boxes: Boxes = nobody) -> None:
        self.boxes = boxes
        self._path = path
        self._known: dict[str, str] = {}
        self._asking = asyncio.Lock()

    async def values(self, names: Collection[str]) -> dict[str, str]:
        """The values of secrets.

        Raises:
            NoSecretError: one is not to be had.
        """
        async with self._asking:  # many children want the same, and it crosses the link once
            missing = tuple(sorted(set(names) - self._known.keys()))
            if missing:
                self._known |= await self._opened(missing)
        return {name: self._known[name] for name in names}

    async def _opened(self, names: tuple[str, ...]) -> dict[str, str]:
        from ramify.initiator.sealing import Opener, UnusableBoxError  # noqa: PLC0415 - few runs need it

        opener = Opener()
        ask = Ask(next(_numbers), self._path, opener.public, names)
        try:
            return opener.open(ask, await self.boxes(ask))
        except UnusableBoxError as error:
            raise NoSecretError(f"secrets {', '.join(names)}: {error}") from error

    def told(self, names: Collection[str], text: str) -> str:
        """What a program of a node with these secrets said, as others may see it.

        Masked where all are known here, else not at all: a run that hands nothing out asks for none.
        """
        if not names or not text:
            return text
        return masked(text, self._known.values()) if self._known.keys() >= set(names) else WITHHELD


class Keeper:
    """Seals the operator's secrets for initiators: to each those that its own children are given."""

    def __init__(self, fleet: Fleet, vault: Values) -> None:
        self._fleet = fleet
        self._vault = vault

    async def box(self, ask: Ask) -> bytes:
        """A box for whoever asks.

        Raises:
            NoSecretError: it has no business with these secrets, or one cannot be read.
        """
        from ramify.initiator.sealing import UnusableBoxError, seal  # noqa: PLC0415 - as above

        foreign = sorted(set(ask.names) - used_below(self._fleet, ask.path))
        if foreign:
            raise NoSecretError(f"no node just below {ask.path} is given the secret {foreign[0]}")
        try:
            values = {name: await asyncio.to_thread(self._vault.value, name) for name in ask.names}
            return seal(ask, values)
        except UnusableBoxError as error:
            raise NoSecretError(str(error)) from error
        except Exception as error:
            raise NoSecretError(str(error), getattr(error, "way_out", "")) from error
