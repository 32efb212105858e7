"""References to web servers: asked again each time whether they changed, and kept for when nobody answers.

What is locked is taken from the cache without asking, if nothing but the lock counts; else a server is only
asked whether it has other bytes by now.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from ramify.repository.blobs import Blobs, Known
from ramify.repository.partials import held
from ramify.repository.transfers import BrokenError, Limits, Request, TransferError, Validators, Watcher

if TYPE_CHECKING:
    from ramify.repository.downloads import Downloads

AT_ONCE = 8

# Somebody who has the bytes already does not want to wait for a server that is not there.
_PATIENCE = 5.0


class Wanted(Struct, frozen=True):
    """A URL, how large it may be, and the sha256 that a lock says it has."""

    url: str
    limit: int
    locked: str = ""


class Fetched(Struct, frozen=True):
    """Bytes of a URL: `stale` says why nobody knows whether it still has them, `moved_on` that it has not."""

    path: Path
    sha256: str
    size: int
    stale: str = ""
    moved_on: bool = False


class Web:
    """Fetches each URL once; several at once when they are told beforehand."""

    def __init__(
        self,
        blobs: Blobs,
        *,
        ask: bool = True,
        strict: bool = False,
        limits: Limits | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        """Without `ask` nobody is asked anything; `strict` takes what is locked as it is."""
        self._blobs = blobs
        self._ask = ask
        self._strict = strict
        self._limits = limits or Limits()
        self._watcher = watcher
        self._clients: dict[bool, Downloads] = {}
        self._results: dict[Wanted, Fetched | TransferError] = {}

    def prefetch(self, wanted: Iterable[Wanted]) -> None:
        """Fetch several at once; `get` tells how that went."""
        missing = [want for want in dict.fromkeys(wanted) if want not in self._results]
        if len(missing) < 2:
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only where something is fetched

        for hurried in (True, False):
            self._client(hurried=hurried)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self._results |= zip(missing, pool.map(self._result, missing), strict=True)

    def get(self, want: Wanted) -> Fetched:
        """The bytes of a URL.

        Raises:
            TransferError: they cannot be had.
        """
        if want not in self._results:
            self._results[want] = self._result(want)
        result = self._results[want]
        if isinstance(result, TransferError):
            raise result
        return result

    @property
    def used(self) -> Mapping[Wanted, Fetched | TransferError]:
        """All that was asked for."""
        return self._results

    def _client(self, *, hurried: bool) -> "Downloads":
        if hurried not in self._clients:
            from ramify.repository.downloads import Downloads  # noqa: PLC0415 - urllib3 costs 0.1 s

            limits = _hurried(self._limits) if hurried else self._limits
            self._clients[hurried] = Downloads(limits, self._watcher)
        return self._clients[hurried]

    def _result(self, want: Wanted) -> Fetched | TransferError:
        try:
            return self._locked(want) or self._fetch(want)
        except TransferError as error:
            return error

    def _locked(self, want: Wanted) -> Fetched | None:
        """What is locked, if it is here."""
        path = self._blobs.find(want.locked) if want.locked else None
        if path is None:
            return None
        known = self._blobs.known(want.url)
        ask = self._ask and not self._strict and known and known.sha256 == want.locked
        return Fetched(
            path, want.locked, path.stat().st_size, moved_on=bool(ask and known and self._moved(known))
        )

    def _moved(self, known: Known) -> bool:
        if not known.validators.condition:
            return False  # only all its bytes would tell
        try:
            return self._client(hurried=True).changed(known.url, known.validators)
        except (TransferError, BrokenError):
            return False  # what is locked is certain, whatever its server does

    def _fetch(self, want: Wanted) -> Fetched:
        known = self._blobs.known(want.url)
        path = self._blobs.find(known.sha256) if known else None
        if known is None or path is None:
            return self._download(want, None)
        if not self._ask:
            return Fetched(path, known.sha256, known.size)
        try:
            return self._download(want, known)
        except TransferError as error:
            if error.code != "no-answer":
                raise
            return Fetched(path, known.sha256, known.size, stale=str(error))

    def _download(self, want: Wanted, known: Known | None) -> Fetched:
        if not self._ask:
            raise TransferError(
                "not-fetched", "it has not been fetched yet", "`ramify plan` and `ramify repo lock` fetch it."
            )
        file = self._blobs.partial(want.url)
        with held(file) as partial:
            request = Request(want.url, want.limit, known.validators if known else Validators())
            received = self._client(hurried=known is not None).fetch(request, partial)
            if received is None and known is not None:
                return Fetched(self._blobs.path(known.sha256), known.sha256, known.size)
            assert received is not None  # noqa: S101 - only who knows something is told that it holds
            kept = Known(want.url, received.sha256, received.size, received.validators)
            self._blobs.keep(kept, file)
        return Fetched(self._blobs.path(kept.sha256), kept.sha256, kept.size)


def _hurried(limits: Limits) -> Limits:
    return structs.replace(limits, connect=min(limits.connect, _PATIENCE), attempts=min(limits.attempts, 2))
