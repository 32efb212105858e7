"""Connections to web servers with nothing but the standard library: for initiators, which have no urllib3.

One request, one answer, one connection; without proxies. Certificates are checked against the system's.
"""

import ssl
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from ramify.repository.answers import ALWAYS, BLOCK, ends_by_closing, head_within
from ramify.repository.transfers import BrokenError, Limits, TransferError


class DirectAnswer:
    """A server's answer; its bytes are read in pieces as they come."""

    def __init__(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self.status = response.status
        self.headers = response.headers

    def read(self) -> bytes:
        """The next bytes, at least one; nothing at the end.

        Raises:
            BrokenError: the connection broke, or was silent for too long.
        """
        try:
            return self._response.read1(BLOCK)
        except (HTTPException, OSError) as error:
            raise BrokenError(_words(error)) from error

    @property
    def ends_by_closing(self) -> bool:
        """Whether nothing but the end of the connection tells the end of the bytes."""
        return ends_by_closing(self.headers)

    def close(self) -> None:
        """Let go."""
        self._response.close()
        self._connection.close()


class DirectConnections:
    """Opens a connection for each request."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def get(self, url: str, headers: dict[str, str]) -> DirectAnswer:
        """Ask for a URL, once.

        Raises:
            BrokenError: no answer; the next attempt may have one.
            TransferError: there will be none.
        """
        connection, path = self._connection(url)
        try:
            connection.connect()
            connection.sock.settimeout(self._limits.silence)
            return DirectAnswer(connection, self._asked(connection, path, headers))
        except ssl.SSLError as error:
            connection.close()
            way_out = "SSL_CERT_FILE may name certificates."
            raise TransferError("no-answer", f"no trusted connection: {_words(error)}", way_out) from error
        except (HTTPException, OSError) as error:
            connection.close()
            raise BrokenError(_words(error)) from error

    def _connection(self, url: str) -> tuple[HTTPConnection, str]:
        try:
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname or ""
            kind = {"http": HTTPConnection, "https": HTTPSConnection}[parts.scheme]
            made = kind(host.encode("idna").decode(), port, timeout=self._limits.connect)
        except (ValueError, KeyError, HTTPException) as error:
            message = f"no URL that can be asked for: {error}"
            raise TransferError("ref-scheme", message, "Write https://HOST/PATH.") from error
        return made, parts._replace(scheme="", netloc="", path=parts.path or "/", fragment="").geturl()

    def _asked(self, connection: HTTPConnection, path: str, headers: dict[str, str]) -> HTTPResponse:
        """The head of the answer, unless it takes too long: it may come letter by letter."""
        with head_within(connection.sock, self._limits.head):
            connection.request("GET", path, headers=ALWAYS | headers)
            return connection.getresponse()


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
