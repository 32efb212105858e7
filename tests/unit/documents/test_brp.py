"""BRP's messages: Figure 8 as text, the JSON beside it, and what is no message."""

from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.documents import brp
from ramify.documents.brp import TYPES, Failure, Form, List, Ref, Reply, Request
from ramify.documents.brp_xml import MessageError

SOS = "http://sos.hpl.hp.com/repository"
# HPL-2001-321, Figure 8, to the letter; only the line breaks are not told there.
ASKED = b"""\
<request>
  <type>install-configuration</type>
  <id>dc_paloalto/customer_x/cluster_12</id>
</request>
"""
REPLIED = f"""\
<reply>
  <type>install-configuration</type>
  <id>dc_paloalto/customer_x/cluster_12</id>
  <ref type="url">{SOS}/customer_x/config.xml</ref>
  <ref type="url">{SOS}/dcmgmt/paloalto.xml</ref>
  <ref type="url">{SOS}/clustermgmt/basic.xml</ref>
</reply>
""".encode()

REQUEST = Request("install-configuration", "dc_paloalto/customer_x/cluster_12")
REPLY = Reply(
    REQUEST.type,
    REQUEST.id,
    tuple(
        Ref(List.INSTALL, f"{SOS}/{name}.xml")
        for name in ("customer_x/config", "dcmgmt/paloalto", "clustermgmt/basic")
    ),
)

names = st.text(ascii_letters + "0123456789._-", min_size=1, max_size=8).map("a".__add__)
identifiers = st.lists(names, min_size=1, max_size=5).map("/".join)
requests = st.builds(Request, st.sampled_from(sorted(TYPES)), identifiers)
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
)
urls = texts.map(lambda text: f"http://host/{text}".strip())


def code(data: bytes, form: Form = Form.XML) -> str:
    with pytest.raises(MessageError) as caught:
        brp.read_request(data, form)
    return caught.value.code


def test_figure_8_is_read() -> None:
    assert brp.read_request(ASKED, Form.XML) == REQUEST
    assert brp.read_reply(REPLIED, Form.XML) == REPLY


def test_figure_8_is_written() -> None:
    assert brp.write_request(REQUEST, Form.XML) == ASKED
    assert brp.write_reply(REPLY, Form.XML) == REPLIED


def test_figure_8_on_one_line_with_a_prolog_means_the_same() -> None:
    one_line = b'<?xml version="1.0" encoding="UTF-8"?>' + b"".join(map(bytes.strip, ASKED.splitlines()))

    assert brp.read_request(one_line, Form.XML) == REQUEST


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_xml_may_have_any_encoding_that_it_declares(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + ASKED.decode()

    assert brp.read_request(text.encode(encoding), Form.XML) == REQUEST


@pytest.mark.parametrize("said", ["/a/b", "a/b", "//a//b/", " /a/b\n"])
def test_an_identifier_means_a_path_however_it_is_written(said: str) -> None:
    text = f"<request><id>{said}</id><type>all</type></request>"

    assert brp.read_request(text.encode(), Form.XML).path == "/a/b"


@given(requests, st.sampled_from(Form))
def test_requests_are_read_as_they_were_written(request: Request, form: Form) -> None:
    assert brp.read_request(brp.write_request(request, form), form) == request


@given(requests, st.lists(st.tuples(st.sampled_from(List), urls)), st.sampled_from(Form))
def test_replies_are_read_as_they_were_written(
    request: Request, refs: list[tuple[List, str]], form: Form
) -> None:
    taken = tuple(Ref(which, url) for which, url in refs if which in TYPES[request.type])
    reply = Reply(request.type, request.id, taken)

    assert brp.read_reply(brp.write_reply(reply, form), form) == reply


@given(texts.map(str.strip), st.sampled_from(Form))
def test_failures_are_read_as_they_were_written(message: str, form: Form) -> None:
    failure = Failure("unknown-type", message)

    assert brp.read_reply(brp.write_reply(failure, form), form) == failure


def test_only_a_reply_to_all_says_which_list_a_reference_is_from() -> None:
    reply = Reply("all", "a", tuple(Ref(which, "u") for which in List))

    lines = brp.write_reply(reply, Form.XML).decode().splitlines()[3:6]

    assert lines == [f'  <ref type="url" list="{which.value}">u</ref>' for which in List]
    assert b"list=" not in brp.write_reply(REPLY, Form.XML)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "syntax"),
        ("<request><type>all</type>", "syntax"),
        ("<reply/>", "unknown-key"),
        ("<request/>", "missing-key"),
        ("<request><type>all</type></request>", "missing-key"),
        ("<request><type>all</type><id/></request>", "bad-name"),
        ("<request><type>all</type><id>/</id></request>", "bad-name"),
        ("<request><type>all</type><id>/a/../b</id></request>", "bad-name"),
        (f"<request><type>all</type><id>{'a/' * 40}</id></request>", "bad-name"),
        ("<request><type>everything</type><id>a</id></request>", "unknown-type"),
        ("<request><type>all</type><type>all</type><id>a</id></request>", "duplicate-key"),
        ("<request><type>all</type><id>a</id><x/></request>", "unknown-key"),
        ("<request><type>all<b/></type><id>a</id></request>", "unknown-key"),
        ("<request>hello<type>all</type><id>a</id></request>", "wrong-type"),
        ("<!DOCTYPE request><request><type>all</type><id>a</id></request>", "xml-entity"),
        ('<!DOCTYPE r [<!ENTITY a "aaaa">]><request><type>&a;</type><id>a</id></request>', "xml-entity"),
        ('<?xml version="1.0" encoding="klingon"?><request/>', "encoding"),
        ("<a>" * 10_000, "unknown-key"),
        (f"<request><type>all</type><id>{'a' * 70_000}</id></request>", "too-large"),
    ],
)
def test_xml_that_is_no_request_is_told_by_a_code(text: str, expected: str) -> None:
    assert code(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "syntax"),
        ("{", "syntax"),
        ("[]", "wrong-type"),
        ('{"type": "all"}', "missing-key"),
        ('{"type": "all", "id": 1}', "wrong-type"),
        ('{"type": "all", "id": "a", "x": 1}', "unknown-key"),
        ('{"type": "ALL", "id": "a"}', "unknown-type"),
        ('{"type": ' + "[" * 60_000, "too-deep"),
        ('{"type": "\udcff"}', "syntax"),
    ],
)
def test_json_that_is_no_request_is_told_by_a_code(text: str, expected: str) -> None:
    assert code(text.encode(errors="surrogateescape"), Form.JSON) == expected


def test_a_wrong_type_is_told_with_the_right_ones() -> None:
    with pytest.raises(MessageError, match='Did you mean "managent-code"'):
        brp.read_request(b'{"type": "management-code", "id": "a"}', Form.JSON)


def outcome(data: bytes, form: Form) -> str:
    """The type of a request, or the code of what is none; whatever else is raised fails the test."""
    try:
        return brp.read_request(data, form).type
    except MessageError as error:
        return error.code


@given(st.binary(max_size=200), st.sampled_from(Form))
def test_any_bytes_are_a_request_or_told_by_a_code(data: bytes, form: Form) -> None:
    assert outcome(data, form)


PIECES = [
    "<",
    ">",
    "/",
    "request",
    "type",
    "id",
    "all",
    "a",
    "&",
    ";",
    "<!",
    "<?",
    '"',
    "]]>",
    "{",
    "}",
    ":",
    "[",
]


@given(st.lists(st.sampled_from(PIECES)), st.sampled_from(Form))
def test_what_is_almost_a_request_is_one_or_told_by_a_code(words: list[str], form: Form) -> None:
    assert outcome("".join(words).encode(), form)


@pytest.mark.parametrize("form", Form)
def test_what_is_no_reply_is_told(form: Form) -> None:
    texts = {
        Form.XML: [
            b"<reply><type>all</type></reply>",
            b'<reply><type>x</type><id/><ref type="url">u</ref></reply>',
        ],
        Form.JSON: [b'{"type": "all"}', b'{"error": 1}'],
    }
    for text in texts[form]:
        with pytest.raises(MessageError):
            brp.read_reply(text, form)
