"""Transfers from servers that behave well, badly, or not at all; over both kinds of connections."""

import hashlib
import os
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from ramify.repository.connections import Connections
from ramify.repository.direct import DirectConnections
from ramify.repository.downloads import Downloads
from ramify.repository.partials import held
from ramify.repository.receptions import Received
from ramify.repository.transfers import Limits, Request, TransferError, Validators
from unit.repository.servers import Asked, Behave, Server, reply, running, say, serve, trickle

DATA = os.urandom(300_000)
LIMITS = Limits(connect=2, silence=0.5, head=0.8, window=0.3, slowest=1000, total=5, attempts=3, pause=1)


KIND: list[type[Connections | DirectConnections]] = [Connections]

only_those_of_people = pytest.mark.parametrize("_kind", [Connections], indirect=True)


@pytest.fixture(autouse=True, params=[Connections, DirectConnections])
def _kind(request: pytest.FixtureRequest) -> None:
    KIND[:] = [request.param]


class Patient:
    """A clock that really runs, and pauses that are only remembered."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def now(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    def between(self, low: float, high: float) -> float:
        assert low <= high
        return high


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as made:
        yield made


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def fetch(
    url: str,
    folder: Path,
    clock: Patient | None = None,
    known: Validators | None = None,
    limit: int = 1 << 20,
) -> Received | None:
    downloads = Downloads(LIMITS, clock=clock or Patient(), connections=KIND[0](LIMITS))
    with held(folder / "x") as partial:
        return downloads.fetch(Request(url, limit, known or Validators()), partial)


def good(received: Received | None, folder: Path, data: bytes = DATA) -> Received:
    assert received is not None
    assert received.sha256 == hashlib.sha256(data).hexdigest()
    assert (folder / "x").read_bytes() == data
    return received


def fails(url: str, folder: Path) -> TransferError:
    with pytest.raises(TransferError) as caught:
        fetch(url, folder)
    return caught.value


def test_all_bytes_of_a_url_arrive_with_their_hash(server: Server, tmp_path: Path) -> None:
    server.behave = serve({"a": DATA})

    assert good(fetch(server.url("a"), tmp_path), tmp_path).validators.etag


def test_bytes_are_asked_for_as_they_are(server: Server, tmp_path: Path) -> None:
    server.behave = serve({"a": DATA})
    fetch(server.url("a"), tmp_path)

    assert server.asked[0].get("Accept-Encoding") == "identity"
    assert server.asked[0].get("User-Agent").startswith("ramify/")


def test_what_did_not_change_is_not_sent_again(server: Server, tmp_path: Path) -> None:
    server.behave = serve({"a": DATA})
    first = good(fetch(server.url("a"), tmp_path), tmp_path)

    assert fetch(server.url("a"), tmp_path / "again", known=first.validators) is None
    assert list((tmp_path / "again").iterdir()) == []


def test_a_transfer_that_breaks_goes_on_where_it_broke(server: Server, tmp_path: Path) -> None:
    well = serve({"a": DATA})

    def behave(asked: Asked, to: object) -> bool | None:
        if len(server.asked) == 1:
            to.sendall(reply(200, DATA, ETag=f'"{hash(DATA):x}"')[:100_000])  # type: ignore[attr-defined]
            return None
        return well(asked, to)  # type: ignore[arg-type]

    server.behave = behave
    good(fetch(server.url("a"), tmp_path), tmp_path)

    assert int(server.asked[1].get("Range").removeprefix("bytes=").rstrip("-")) > 90_000


def test_a_later_command_goes_on_where_an_earlier_one_broke_off(server: Server, tmp_path: Path) -> None:
    server.behave = say(reply(200, DATA, ETag=f'"{hash(DATA):x}"')[:100_000])
    fails(server.url("a"), tmp_path)
    server.behave = serve({"a": DATA})
    asked = len(server.asked)
    good(fetch(server.url("a"), tmp_path), tmp_path)

    assert len(server.asked) == asked + 1
    assert server.asked[-1].get("Range")


@pytest.mark.parametrize(
    "second",
    [
        reply(206, DATA[7:], Content_Range=f"bytes 7-{len(DATA) - 1}/{len(DATA)}"),
        reply(206, DATA[7:]),
        reply(416),
        reply(200, DATA),
    ],
    ids=["another range", "no range", "refuses", "from the start"],
)
def test_a_server_that_cannot_go_on_is_asked_from_the_start(
    server: Server, tmp_path: Path, second: bytes
) -> None:
    server.behave = say(reply(200, DATA, ETag='"1"')[:100_000], second, reply(200, DATA))

    good(fetch(server.url("a"), tmp_path), tmp_path)


@pytest.mark.parametrize("tag", ["", 'W/"1"'])
def test_bytes_that_nobody_can_vouch_for_are_never_continued(
    server: Server, tmp_path: Path, tag: str
) -> None:
    server.behave = say(reply(200, DATA, ETag=tag)[:100_000], reply(200, DATA))
    good(fetch(server.url("a"), tmp_path), tmp_path)

    assert server.asked[1].get("Range") == ""


def test_what_changed_while_it_was_broken_off_is_taken_whole(server: Server, tmp_path: Path) -> None:
    server.behave = say(reply(200, DATA, ETag='"old"')[:100_000])
    fails(server.url("a"), tmp_path)
    server.behave = serve({"a": DATA[::-1]})

    good(fetch(server.url("a"), tmp_path), tmp_path, DATA[::-1])


CHUNKED = b"HTTP/1.1 200 So\r\nTransfer-Encoding: chunked\r\n\r\n"
MISBEHAVES: dict[str, tuple[Behave, str]] = {
    "less": (say(reply(200, DATA)[:-1]), "299,999 of 300,000"),
    "nothing": (say(b""), "closed connection"),
    "half a head": (say(b"HTTP/1.1 200 So\r\nContent-Le"), "nothing"),
    "half a line": (say(b"HTTP/1"), "HTTP/1"),
    "no HTTP": (say(b"SSH-2.0-OpenSSH\r\n\r\n"), "SSH-2.0"),
    "chunks that end early": (say(CHUNKED + b"5\r\nhello\r\n"), ""),
    "chunks that are none": (say(CHUNKED + b"zz\r\nhello\r\n"), ""),
    "silent": (lambda *_: time.sleep(1.2), "timed out"),
    "busy": (say(reply(503)), "answers 503"),
    "too many requests": (say(reply(429)), "answers 429"),
}


@pytest.mark.parametrize("how", MISBEHAVES)
def test_a_server_that_fails_is_asked_again_and_then_told_of_once(
    server: Server, tmp_path: Path, how: str
) -> None:
    server.behave, words = MISBEHAVES[how]
    clock = Patient()
    with pytest.raises(TransferError, match="3 times") as caught:
        fetch(server.url("a"), tmp_path, clock)

    assert caught.value.code == "no-answer"
    assert words.lower() in str(caught.value).lower()
    assert clock.waited == [1, 2]


@pytest.mark.parametrize(
    "behave",
    [
        trickle(reply(200, b"", Content_Length="100000")),
        trickle(CHUNKED, b"1\r\nx\r\n"),
        trickle(b"HTTP/1.1 200 So\r\n\r\n"),
    ],
    ids=["plain", "chunked", "until closed"],
)
def test_a_server_that_trickles_is_left(server: Server, tmp_path: Path, behave: Behave) -> None:
    server.behave = behave
    began = time.monotonic()

    assert "bytes in" in str(fails(server.url("a"), tmp_path))
    assert time.monotonic() - began < 3


def test_a_head_that_trickles_is_cut(server: Server, tmp_path: Path) -> None:
    server.behave = trickle(b"HTTP/1.1 200 So\r\nContent-Length: 1\r\nX: ")
    began = time.monotonic()

    assert "head of the answer took more than 0.8 s" in str(fails(server.url("a"), tmp_path))
    assert time.monotonic() - began < 4


def test_nobody_who_listens_is_told_in_the_words_of_the_system(tmp_path: Path) -> None:
    with running() as server:
        url = server.url("a")

    assert str(fails(url, tmp_path)) == "Connection refused, 3 times"


def test_more_bytes_than_were_promised_are_not_read(server: Server, tmp_path: Path) -> None:
    server.behave = say(reply(200, DATA) + b"HTTP/1.1 200 So\r\n\r\nevil")

    good(fetch(server.url("a"), tmp_path), tmp_path)
    good(fetch(server.url("a"), tmp_path / "2"), tmp_path / "2")


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"", Content_Length="2000000"),
        CHUNKED + b"200000\r\n" + b"x" * 2_000_000,
        b"HTTP/1.1 200 So\r\n\r\n" + b"x" * 2_000_000,
    ],
    ids=["told beforehand", "chunked", "until closed"],
)
def test_more_bytes_than_are_allowed_are_refused(server: Server, tmp_path: Path, answer: bytes) -> None:
    server.behave = say(answer)
    error = fails(server.url("a"), tmp_path)

    assert error.code == "too-large"
    assert "at most 1 MiB are allowed" in str(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204])
def test_an_answer_that_is_final_is_not_asked_for_again(server: Server, tmp_path: Path, status: int) -> None:
    server.behave = say(reply(status))
    error = fails(server.url("a"), tmp_path)

    assert (error.code, str(error)) == ("http-status", f"the server answers {status}")
    assert len(server.asked) == 1


def test_a_server_says_how_long_to_wait_but_not_for_ever(server: Server, tmp_path: Path) -> None:
    clock = Patient()
    later = formatdate(time.time() + 10, usegmt=True)
    server.behave = say(reply(429, Retry_After="7"), reply(503, Retry_After=later), reply(200, DATA))
    good(fetch(server.url("a"), tmp_path, clock), tmp_path)

    assert clock.waited[0] == 8
    assert 9 <= clock.waited[1] <= 11.5

    server.behave, clock = say(reply(503, Retry_After="999999999"), reply(200, DATA)), Patient()
    fetch(server.url("a"), tmp_path / "b", clock)
    assert clock.waited == [LIMITS.longest_pause + 1]


@only_those_of_people
def test_redirects_are_followed_and_carry_no_password_to_others(server: Server, tmp_path: Path) -> None:
    with running() as other:
        other.behave = serve({"b": DATA})
        server.behave = say(reply(302, Location="/next"), reply(307, Location=other.url("b")))
        url = server.url("a").replace("//", "//me:secret@")
        good(fetch(url, tmp_path), tmp_path)

        assert [asked.get("Authorization")[:6] for asked in server.asked] == ["Basic ", "Basic "]
        assert other.asked[0].get("Authorization") == ""


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "FILE:/etc/passwd", "ftp://x/y", "gopher://x", "data:,x", "javascript:1", ""]
)
def test_redirects_lead_to_web_addresses_only(server: Server, tmp_path: Path, to: str) -> None:
    server.behave = say(reply(302, Location=to))

    assert fails(server.url("a"), tmp_path).code == "bad-redirect"
    assert len(server.asked) == 1


def test_redirects_in_a_circle_end(server: Server, tmp_path: Path) -> None:
    server.behave = say(reply(301, Location="/a"))

    assert "more than 5 redirects" in str(fails(server.url("a"), tmp_path))


@only_those_of_people
def test_requests_go_through_the_proxy_that_the_environment_names(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.behave = say(reply(200, DATA))
    monkeypatch.setenv("http_proxy", f"http://u:p@127.0.0.1:{server.port}")
    good(fetch("http://example.invalid/a", tmp_path), tmp_path)

    assert server.asked[0].path == "http://example.invalid/a"
    assert server.asked[0].get("Proxy-Authorization").startswith("Basic ")

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    fetch(server.url("b"), tmp_path / "b")
    assert server.asked[1].path == "/b"


def test_a_connection_that_nobody_trusts_is_refused(server: Server, tmp_path: Path) -> None:
    server.behave = say(reply(200, DATA))

    error = fails(server.url("a").replace("http:", "https:"), tmp_path)

    assert error.code == "no-answer"


@pytest.mark.parametrize("url", ["http://", "http:///a", "http://[::1", "http://x:99999999/", "http://\n/"])
def test_what_is_no_url_is_told(tmp_path: Path, url: str) -> None:
    assert fails(url, tmp_path).code in {"ref-scheme", "no-answer"}
