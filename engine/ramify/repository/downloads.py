"""One URL to one file: redirects, retries, and going on where the last attempt broke off.

Order of an attempt: ask (only if the bytes are others than those known; only for those still missing) ->
follow redirects, to http and https only -> hold the answer against what was asked -> append its bytes. An
attempt that breaks is made again after a pause; what arrived is kept as long as the server can say that it is
still the same.
"""

import random
import re
import time
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from ramify.repository.partials import Partial
from ramify.repository.receptions import Answer, Clock, Received, Reception, too_large
from ramify.repository.transfers import (
    BrokenError,
    Limits,
    Request,
    TransferError,
    Unwatched,
    Validators,
    Watcher,
)

_AGAIN = frozenset({429, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)\Z")


class Connections(Protocol):
    """Asks servers, once."""

    def get(self, url: str, headers: dict[str, str]) -> Answer:
        """Ask for a URL.

        Raises:
            BrokenError: no answer; the next attempt may have one.
            TransferError: there will be none.
        """


class RealClock:
    """The clock on the wall."""

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def between(self, low: float, high: float) -> float:
        """Some number: those who failed at once should not come back at once."""
        return random.uniform(low, high)  # noqa: S311 - no secret


class Downloads:
    """Fetches URLs, as many at once as its callers have threads."""

    def __init__(
        self,
        limits: Limits | None = None,
        watcher: Watcher | None = None,
        clock: Clock | None = None,
        connections: Connections | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._watcher = watcher or Unwatched()
        self._clock = clock or RealClock()
        self._connections = connections or _kept_open(self._limits)

    def fetch(self, request: Request, partial: Partial) -> Received | None:
        """Bring all bytes of a URL; None when they are those that are known.

        Raises:
            TransferError: it cannot be had; the message says what the server did.
        """
        limits, start = self._limits, self._clock.now()
        for attempt in range(limits.attempts):
            try:
                return self._attempt(request, partial, start + limits.total)
            except BrokenError as error:
                last = error
            finally:
                self._watcher.ended(request.url)
            if attempt + 1 < limits.attempts:
                self._clock.wait(self._pause(attempt, last))
        times = f", {limits.attempts} times" if limits.attempts > 1 else ""
        raise TransferError("no-answer", f"{last}{times}", "Try again later.") from last

    def changed(self, url: str, known: Validators) -> bool:
        """Whether a server has other bytes now than those known; asked once, and no bytes are read.

        Raises:
            TransferError, BrokenError: it does not say.
        """
        answer = self._followed(url, known.condition)
        answer.close()
        if answer.status in {200, 304}:
            return answer.status == 200
        raise BrokenError(f"the server answers {answer.status}")

    def _pause(self, attempt: int, error: BrokenError) -> float:
        most = min(self._limits.pause * 2**attempt, self._limits.longest_pause)
        if error.after is not None:
            return min(error.after, self._limits.longest_pause) + self._clock.between(0, self._limits.pause)
        return self._clock.between(most / 2, most)

    def _attempt(self, request: Request, partial: Partial, deadline: float) -> Received | None:
        have, of = partial.size, partial.validators()
        headers = request.known.condition
        if have and of.exact:
            headers |= {"Range": f"bytes={have}-", "If-Range": of.exact}
        answer = self._followed(request.url, headers)
        try:
            if answer.status == 304 and request.known.condition:
                return None
            expected = self._expected(answer, partial, have)
            if expected is not None and expected > request.limit:
                raise too_large(expected, request.limit)
            return Reception(request, partial, self._watcher, self._clock).receive(
                answer, expected, (self._limits, deadline)
            )
        finally:
            answer.close()

    def _followed(self, url: str, headers: dict[str, str]) -> Answer:
        for _ in range(self._limits.redirects + 1):
            answer = self._connections.get(url, headers)
            if answer.status not in _MOVED:
                return answer
            answer.close()
            url = _next(url, answer.headers.get("Location", ""))
        raise TransferError("bad-redirect", f"more than {self._limits.redirects} redirects")

    def _expected(self, answer: Answer, partial: Partial, have: int) -> int | None:
        """The size of all bytes, once the partial file is ready to take those that come; None if unknown."""
        if answer.status == 206:
            found = _RANGE.match(answer.headers.get("Content-Range", ""))
            if have and found and int(found[1]) == have:
                return None if found[3] == "*" else int(found[3])
            partial.restart()
            raise BrokenError("the server sent another range than asked for", 0)
        if answer.status == 416:
            partial.restart()
            raise BrokenError("the server has not the range that was asked for", 0)
        if answer.status in _AGAIN:
            raise BrokenError(f"the server answers {answer.status}", _after(answer))
        if answer.status != 200:
            raise TransferError(
                "http-status", f"the server answers {answer.status}", _HINTS.get(answer.status, "")
            )
        partial.restart(Validators(answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")))
        return _length(answer)


def _kept_open(limits: Limits) -> Connections:
    from ramify.repository import connections  # noqa: PLC0415 - initiators have no urllib3, and need none

    return connections.Connections(limits)


_HINTS = {
    401: "A URL may carry them: https://USER:PASSWORD@HOST/.",
    403: "Look at the rights on the server.",
    404: "Correct the URL, or put the file there.",
    410: "It was there once; correct the URL.",
}


def _next(url: str, location: str) -> str:
    """Where a redirect leads to."""
    target = urljoin(url, location)
    old, new = urlsplit(url).scheme.lower(), urlsplit(target).scheme.lower()
    if not location or new not in {"http", "https"}:
        raise TransferError("bad-redirect", f'a redirect to "{location[:200]}", which is no web address')
    if (old, new) == ("https", "http"):
        raise TransferError("bad-redirect", "a redirect from https to http, which anybody could change")
    return target


def _length(answer: Answer) -> int | None:
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _after(answer: Answer) -> float | None:
    """The seconds of `Retry-After`, which has a number or a date."""
    text = answer.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
