"""Responses: what the server says to one HTTP request, from values alone. No socket and no file is opened.

What is sent from a file is named in the response, and opened by whoever sends it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from ramify.documents import brp
from ramify.documents.brp import Form
from ramify.documents.brp_xml import MessageError
from ramify.repository.serve_answers import Answers
from ramify.repository.serve_catalogue import BLOBS, BUNDLE, HEALTH, PACKS, Catalogue, Content, locate
from ramify.repository.serve_ranges import Verdict, wanted

_JSON = "application/json"
_MEDIA = {Form.XML: "application/xml; charset=utf-8", Form.JSON: _JSON}
_BLOB = re.compile(r"[0-9a-f]{64}\Z")
_FOR_EVER = "public, max-age=31536000, immutable"
_READ = ("GET", "HEAD")


class Asked(Struct, frozen=True):
    """An HTTP request; the names of headers are in lower case. `base` is the URL of the server's root."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    base: str = "http://localhost/"


class Part(Struct, frozen=True):
    """Some bytes of a content."""

    content: Content
    start: int
    length: int


class Response(Struct, frozen=True):
    """A status, headers, and the body, of which HEAD gets the length only."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | Part = b""

    @property
    def length(self) -> int:
        """The size of the body."""
        return self.body.length if isinstance(self.body, Part) else len(self.body)


class State(Struct, frozen=True):
    """The good state that is served, and what is wrong with the newest one."""

    catalogue: Catalogue
    answers: Answers
    problems: tuple[str, ...] = ()


def respond(state: State, asked: Asked) -> Response:
    """The response to any request."""
    name = _name(asked.target)
    if name == "":
        return _root(state, asked)
    if asked.method not in _READ:
        return refusal(405, "only GET and HEAD are for files", ("Allow", ", ".join(_READ)))
    if name == HEALTH:
        return _health(state)
    if name == BUNDLE and state.catalogue.bundle is None:
        return refusal(503, f"the project cannot be planned as a domain: {state.catalogue.unbundled}")
    content, kept = _find(state.catalogue, name)
    if content is None:
        return refusal(404, "the repository has no such file")
    return _content(content, asked, kept=kept)


def refusal(status: int, message: str, *headers: tuple[str, str]) -> Response:
    """A response without what was asked for: one line of text."""
    told = ("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")
    return Response(status, (*told, *headers), f"{message}\n".encode())


def _name(target: str) -> str | None:
    """What a request's target names below the root: nothing for the root itself, None for no path at all."""
    path = target.partition("?")[0].partition("#")[0]
    if path.lower().startswith(("http://", "https://")):  # as one asks a proxy
        path = "/" + path.partition("://")[2].partition("/")[2]
    return unquote(path)[1:] if path.startswith("/") else None


def _root(state: State, asked: Asked) -> Response:
    if asked.method != "POST":
        return refusal(405, "POST a request of BRP here; see docs/protocol.md", ("Allow", "POST"))
    form = _form_sent(asked)
    reply_form = _form_wanted(asked.headers.get("accept", ""), form)
    try:
        reply: brp.Reply | brp.Failure = state.answers.reply(
            brp.read_request(asked.body, form), lambda ref: locate(state.catalogue, ref, asked.base)
        )
    except MessageError as error:
        reply = brp.Failure(error.code, str(error))
    headers = ("Content-Type", _MEDIA[reply_form]), ("Cache-Control", "no-store"), ("Vary", "Accept")
    return Response(
        400 if isinstance(reply, brp.Failure) else 200, headers, brp.write_reply(reply, reply_form)
    )


def _form_sent(asked: Asked) -> Form:
    """The form of a request: what its type says, or else, since many clients name any, what it looks like."""
    media = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media.endswith(("json", "xml")):
        return Form.JSON if media.endswith("json") else Form.XML
    return Form.JSON if asked.body.lstrip()[:1] == b"{" else Form.XML


def _form_wanted(accept: str, sent: Form) -> Form:
    """The form that a client likes better; that of its request when it likes both."""
    quality = {Form.XML: 0.0, Form.JSON: 0.0}
    for item in accept.lower().split(","):
        media, _, parameters = item.partition(";")
        weight = re.search(r"\bq\s*=\s*([01](?:\.\d{0,3})?)", parameters)
        for form in Form:
            if media.strip().endswith(form.value):
                quality[form] = max(quality[form], float(weight[1]) if weight else 1.0)
    if quality[Form.XML] == quality[Form.JSON]:
        return sent
    return max(quality, key=lambda form: quality[form])


def _health(state: State) -> Response:
    catalogue = state.catalogue
    document = catalogue.files.get(catalogue.document)
    told = {
        "status": "stale" if state.problems else "ok",
        "repository": catalogue.document,
        "digest": document.digest if document else "",
        "problems": state.problems,
    }
    headers = ("Content-Type", _JSON), ("Cache-Control", "no-store")
    return Response(200, headers, msgspec.json.encode(told) + b"\n")


def _find(catalogue: Catalogue, name: str | None) -> tuple[Content | None, bool]:
    """The content of a name, and whether it is the same for ever. Names are looked up, never walked."""
    if name is None:
        return None, False
    if name == BUNDLE:
        return catalogue.bundle, False
    folder, _, digest = name.partition("/")
    if folder not in {BLOBS, PACKS}:
        return catalogue.files.get(name), False
    offered = catalogue.blobs if folder == BLOBS else catalogue.packs
    if digest in offered:
        return offered[digest], True
    return (_stored(catalogue, digest) if _BLOB.match(digest) else None), True


def _stored(catalogue: Catalogue, digest: str) -> Content | None:
    """A pack that an earlier state of the repository named: whoever carries out an older plan wants it."""
    for folder in catalogue.stores:
        path = folder / digest
        if path.is_file() and not path.is_symlink():
            return Content(digest, path.stat().st_size, path)
    return None


def _content(content: Content, asked: Asked, *, kept: bool) -> Response:
    tag = f'"{content.digest}"'
    verdict, start, length = wanted(asked.headers, tag, content.size, ranges=asked.method == "GET")
    common = (
        ("ETag", tag),
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", _FOR_EVER if kept else "no-cache"),
    )
    if verdict is Verdict.SAME:
        return Response(304, common)
    if verdict is Verdict.FAILED:
        return refusal(412, "the content has another entity tag", *common[:1])
    if verdict is Verdict.NO_SUCH_PART:
        return refusal(416, "no such range", *common[:2], ("Content-Range", f"bytes */{content.size}"))
    told = [("Content-Type", content.media), ("X-Content-Type-Options", "nosniff")]
    if verdict is Verdict.PART:
        told.append(("Content-Range", f"bytes {start}-{start + length - 1}/{content.size}"))
    return Response(verdict.value, (*common, *told), _bytes(content, start, length))


def _bytes(content: Content, start: int, length: int) -> bytes | Part:
    if isinstance(content.source, Path):
        return Part(content, start, length)
    return content.source[start : start + length]
