"""References to the web, followed under a lock; what goes wrong is told where they are written."""

from collections.abc import Iterable
from pathlib import Path

from ramify.documents.lock import Pin
from ramify.model.diagnostics import Origin
from ramify.repository.blobs import Blobs
from ramify.repository.files import Files
from ramify.repository.packaging import media_type
from ramify.repository.pins import RELOCK, Ledger, Locking
from ramify.repository.stamps import Index
from ramify.repository.sums import Sums
from ramify.repository.targets import Target, public
from ramify.repository.transfers import TransferError
from ramify.repository.web import Fetched, Wanted, Web


class Remote:
    """Fetches what references name, and holds it against the lock."""

    def __init__(self, files: Files, web: Web, ledger: Ledger) -> None:
        self._files = files
        self._web = web
        self.ledger = ledger

    def prefetch(self, urls: Iterable[str], limit: int) -> None:
        """Fetch several at once; how that went is told when each is followed."""
        wanted = (self._wanted(url, limit) for url in urls)
        self._web.prefetch(want for want in wanted if want.locked or not self.ledger.strict)

    def target(self, url: str, limit: int, origin: Origin | None) -> Target | None:
        """What a URL leads to; None with a diagnostic."""
        if self.ledger.refuse(public(url), origin):
            return None
        try:
            return self.fetch(url, limit, origin)
        except TransferError as error:
            summary = f"cannot fetch {public(url)}: {error}"
            self._files.found.error(error.code, summary, error.way_out, origin)
            return None

    def has(self, url: str, limit: int) -> bool:
        """Whether there is something to say of a URL: for want of asking nobody may know what it leads to."""
        try:
            self._web.get(self._wanted(url, limit))
        except TransferError as error:
            return error.code != "not-fetched"
        return True

    def fetch(self, url: str, limit: int, origin: Origin | None) -> Target:
        """The same, for those who tell of failures themselves.

        Raises:
            TransferError: it cannot be had, or is not what is locked.
        """
        name, want = public(url), self._wanted(url, limit)
        if self.ledger.strict and not want.locked:
            raise TransferError("not-locked", f"{name} is not in the lock", RELOCK)
        fetched = self._web.get(want)
        if want.locked and fetched.sha256 != want.locked:
            # Unlike a file of the project, nobody here has seen what it is now, and what was locked is lost.
            got = f"got sha256 {fetched.sha256[:12]} ({fetched.size:,} bytes), locked is {want.locked[:12]}"
            raise TransferError("drifted", f"the server has other bytes: {got}", RELOCK)
        self._tell(name, fetched, origin)
        self._files.known_as(fetched.path, name)
        return Target(name, fetched.path, url)

    def _tell(self, name: str, fetched: Fetched, origin: Origin | None) -> None:
        if fetched.stale:
            summary = (
                f"cannot ask whether {name} has changed: {fetched.stale}; what was fetched before is used"
            )
            self._files.found.warning("no-answer", summary, "", origin)
        if fetched.moved_on:
            self.ledger.moved_on(name, origin)
        with fetched.path.open("rb") as stream:
            pin = Pin(fetched.sha256, fetched.size, media_type(stream.read(512)))
        self.ledger.note(name, pin, origin)

    def _wanted(self, url: str, limit: int) -> Wanted:
        pin = self.ledger.pin(public(url))
        return Wanted(url, limit, pin.sha256 if pin else "")


def unasked(files: Files, cache: Path) -> Remote:
    """A remote that asks nobody, and has no lock: what was fetched before is all there is."""
    sums = Sums(Index(cache.with_name("artifacts.json")))
    return Remote(files, Web(Blobs(cache, sums), ask=False), Ledger(None, Locking.USE, files.found))
