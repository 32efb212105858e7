"""Connections to web servers: the only home of urllib3, imported only by those who fetch something.

One request, one answer: redirects, retries and caches are their caller's. Proxies are taken from the
environment, and certificates are checked against the system's (SSL_CERT_FILE names others).
"""

from http.client import IncompleteRead
from typing import Any
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, LocationParseError, SSLError, URLSchemeUnknown
from urllib3.util import Timeout, make_headers, parse_url

from ramify.repository.answers import ALWAYS, BLOCK, ends_by_closing, head_within
from ramify.repository.transfers import BrokenError, Limits, TransferError

AT_ONCE = 8


class Answer:
    """A server's answer; its bytes are read in pieces as they come."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.headers

    def read(self) -> bytes:
        """The next bytes, at least one; nothing at the end.

        Raises:
            BrokenError: the connection broke, or was silent for too long.
        """
        try:
            return self._response.read1(BLOCK) or b""
        except (HTTPError, OSError) as error:
            if isinstance(error.__cause__, IncompleteRead) and "Content-Length" in self.headers:
                return b""  # whoever counts them says best how many are missing
            raise BrokenError(_words(error)) from error

    @property
    def ends_by_closing(self) -> bool:
        """Whether nothing but the end of the connection tells the end of the bytes."""
        return ends_by_closing(self.headers)

    def close(self) -> None:
        """Let go; the connection is used again only when all has been read."""
        self._response.close()
        self._response.release_conn()


class Connections:
    """Keeps connections open between requests; may be used by several threads."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._direct = _pools(urllib3.PoolManager(num_pools=32, maxsize=AT_ONCE), limits.head)
        self._proxied: dict[str, Any] = {}

    def get(self, url: str, headers: dict[str, str]) -> Answer:
        """Ask for a URL, once.

        Raises:
            BrokenError: no answer; the next attempt may have one.
            TransferError: there will be none.
        """
        limits = self._limits
        try:
            return Answer(
                self._pool(url).request(
                    "GET",
                    url,
                    headers=_headers(url) | headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                    timeout=Timeout(connect=limits.connect, read=limits.silence),
                )
            )
        except (LocationParseError, URLSchemeUnknown, UnicodeError, ValueError) as error:
            raise TransferError(
                "ref-scheme", f"no URL that can be asked for: {error}", "Write https://HOST/PATH."
            ) from error
        except SSLError as error:
            raise TransferError(
                "no-answer",
                f"no trusted connection: {_words(error)}",
                "SSL_CERT_FILE may name certificates.",
            ) from error
        except (HTTPError, OSError) as error:
            raise BrokenError(_words(error)) from error

    def _pool(self, url: str) -> Any:
        parts = parse_url(url)
        if not parts.host:
            raise LocationParseError(url)
        proxy = getproxies().get(parts.scheme or "")
        if not proxy or proxy_bypass(parts.host):
            return self._direct
        if proxy not in self._proxied:
            address = proxy if "://" in proxy else f"http://{proxy}"
            auth = parse_url(address).auth
            known = make_headers(proxy_basic_auth=unquote(auth)) if auth else None
            made = urllib3.ProxyManager(address, maxsize=AT_ONCE, proxy_headers=known)
            self._proxied[proxy] = _pools(made, self._limits.head)
        return self._proxied[proxy]


def _headers(url: str) -> dict[str, str]:
    auth = parse_url(url).auth
    return ALWAYS | (dict(make_headers(basic_auth=unquote(auth))) if auth else {})


def _pools(manager: Any, head: float) -> Any:
    """Give a manager connections that end when the head of an answer takes too long."""

    class Plain(_Bounded, HTTPConnection):
        longest = head

    class Secure(_Bounded, HTTPSConnection):
        longest = head

    plain = type("Plain", (HTTPConnectionPool,), {"ConnectionCls": Plain})
    secure = type("Secure", (HTTPSConnectionPool,), {"ConnectionCls": Secure})
    manager.pool_classes_by_scheme = {"http": plain, "https": secure}
    return manager


class _Bounded:
    longest: float
    sock: Any

    def getresponse(self, *args: Any, **named: Any) -> Any:
        with head_within(self.sock, self.longest):
            return super().getresponse(*args, **named)  # type: ignore[misc]


def _words(error: BaseException) -> str:
    """The first cause, in the words of the system: urllib3's own speak of its objects."""
    while error.__cause__ is not None and not isinstance(error, TimeoutError):
        error = error.__cause__
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
