"""BRP, the protocol between boot stub and repository (HPL 4.2): requests and replies as XML and as JSON.

The XML is that of HPL Figure 8. docs/protocol.md tells the JSON, and how the lists are told apart in a reply
to `all`, which the paper leaves open.
"""

from enum import Enum
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec
from msgspec import Struct

from ramify.documents.brp_xml import Leaf, MessageError, leaves
from ramify.model import paths
from ramify.model.diagnostics import did_you_mean

MAX_TEXT = 64 * 1024

ALL = "all"


class Form(Enum):
    """How a message is written."""

    XML = "xml"
    JSON = "json"


class List(Enum):
    """The three lists of a repository, by the names that requests have for them (A9)."""

    CODE = "managent-code"
    INSTALL = "install-configuration"
    SERVICE = "managent-configuration"


TYPES: dict[str, tuple[List, ...]] = {**{one.value: (one,) for one in List}, ALL: tuple(List)}
"""The request types, and the lists that each asks for."""


class Request(Struct, frozen=True):
    """What a stub asks for; `id` is as it was sent, `path` what it means (A2)."""

    type: str
    id: str

    @property
    def path(self) -> str:
        """The identifier with one leading slash and no empty steps."""
        return paths.normalise(self.id)


class Ref(Struct, frozen=True):
    """One reference, and the list that it is from."""

    list: List
    url: str


class Reply(Struct, frozen=True):
    """The references of all entries that match, in file order, list by list."""

    type: str
    id: str
    refs: tuple[Ref, ...] = ()


class Failure(Struct, frozen=True):
    """The reply to a request that has none."""

    code: str
    message: str


def read_request(data: bytes, form: Form) -> Request:
    """The request that a text is.

    Raises:
        MessageError: it is none; the code says what is wrong.
    """
    _check_size(data)
    words = _request_words(leaves(data, "request")) if form is Form.XML else _object(data)
    _check_keys(words, ("type", "id"))
    request = Request(words["type"], words["id"])
    if request.type not in TYPES:
        hint = did_you_mean(request.type[:40], TYPES)
        raise MessageError("unknown-type", f'no request type "{request.type[:40]}". {hint}')
    wrong = paths.problem(request.path)
    if wrong:
        raise MessageError("bad-name", wrong[:200])
    return request


def write_request(request: Request, form: Form) -> bytes:
    """The text of a request."""
    if form is Form.JSON:
        return _json({"type": request.type, "id": request.id})
    return _xml("request", _element("type", request.type), _element("id", request.id))


def read_reply(data: bytes, form: Form) -> Reply | Failure:
    """The reply that a text is; for clients.

    Raises:
        MessageError: it is none.
    """
    return _reply_of_xml(leaves(data, "reply")) if form is Form.XML else _reply_of_json(data)


def write_reply(reply: Reply | Failure, form: Form) -> bytes:
    """The text of a reply."""
    if isinstance(reply, Failure):
        return _write_failure(reply, form)
    if form is Form.JSON:
        refs = [{"list": ref.list.value, "url": ref.url} for ref in reply.refs]
        return _json({"type": reply.type, "id": reply.id, "refs": refs})
    lines = [_xml_ref(ref, told=reply.type == ALL) for ref in reply.refs]
    return _xml("reply", _element("type", reply.type), _element("id", reply.id), *lines)


def _write_failure(failure: Failure, form: Form) -> bytes:
    if form is Form.JSON:
        return _json({"error": {"code": failure.code, "message": failure.message}})
    return _xml("reply", _element("error", failure.message, f" code={quoteattr(failure.code)}"))


def _xml_ref(ref: Ref, *, told: bool) -> str:
    # Only `all` mixes lists: what Figure 8 shows stays as Figure 8 shows it.
    which = f' list="{ref.list.value}"' if told else ""
    return _element("ref", ref.url, f' type="url"{which}')


def _element(tag: str, text: str, attributes: str = "") -> str:
    return f"  <{tag}{attributes}>{escape(text)}</{tag}>\n"


def _xml(root: str, *lines: str) -> bytes:
    return f"<{root}>\n{''.join(lines)}</{root}>\n".encode()


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _check_size(data: bytes) -> None:
    if len(data) > MAX_TEXT:
        raise MessageError("too-large", f"a request has at most {MAX_TEXT // 1024} KiB")


def _check_keys(words: dict[str, Any], wanted: tuple[str, ...]) -> None:
    for key in words:
        if key not in wanted:
            raise MessageError("unknown-key", f'a request has no "{key[:40]}"; it has {" and ".join(wanted)}')
    for key in wanted:
        if key not in words:
            raise MessageError("missing-key", f'the request lacks "{key}"')
        if not isinstance(words[key], str):
            raise MessageError("wrong-type", f'"{key}" of a request is text')


def _object(data: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.ValidationError as error:
        raise MessageError("wrong-type", f"a message is one JSON object: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MessageError("syntax", f"cannot read JSON: {error}") from error
    except RecursionError as error:
        raise MessageError("too-deep", "the message is nested too deep") from error


def _request_words(found: list[Leaf]) -> dict[str, Any]:
    words: dict[str, Any] = {}
    for leaf in found:
        if leaf.tag in words:
            raise MessageError("duplicate-key", f"the request has more than one <{leaf.tag}>")
        words[leaf.tag] = leaf.text
    return words


def _reply_of_xml(found: list[Leaf]) -> Reply | Failure:
    words = {leaf.tag: leaf for leaf in found}
    if "error" in words:
        return Failure(words["error"].attributes.get("code", ""), words["error"].text)
    if not {"type", "id"} <= words.keys():
        raise MessageError("missing-key", "the reply lacks <type> or <id>")
    kind = words["type"].text
    refs = [(leaf.attributes.get("list", kind), leaf.text) for leaf in found if leaf.tag == "ref"]
    return Reply(kind, words["id"].text, tuple(Ref(_list(name), url) for name, url in refs))


def _list(name: str) -> List:
    try:
        return List(name)
    except ValueError:
        raise MessageError("unknown-type", f'the reply speaks of a list "{name[:40]}"') from None


def _reply_of_json(data: bytes) -> Reply | Failure:
    document = _object(data)
    kind: Any = Failure if "error" in document else Reply
    try:
        made: Reply | Failure = msgspec.convert(document.get("error", document), kind)
    except msgspec.ValidationError as error:
        raise MessageError("wrong-type", f"not a reply: {error}") from error
    return made
