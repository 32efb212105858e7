"""BRP through the wire: the papers' figures, the forms of messages, and what references become."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from unit.repository import projects
from unit.repository.serving import Serving, rich, serving

PAPERS = Path(__file__).parents[1] / "documents/papers"
SOS = "http://sos.hpl.hp.com/repository"
FIGURE_2 = "/hp_mgmt_domain/dc_paloalto/cluster_21/customer_x"
FIGURE_8 = f"""\
<repository-information>
  <install-config>
    <entry><pattern path="*/customer_x/*"/><ref url="{SOS}/customer_x/config.xml"/></entry>
    <entry><pattern path="*/customer_y/*"/><ref url="{SOS}/customer_y/config.xml"/></entry>
    <entry><pattern path="*/dc_paloalto/*"/><ref url="{SOS}/dcmgmt/paloalto.xml"/></entry>
    <entry><pattern path="*/cluster*/*"/><ref url="{SOS}/clustermgmt/basic.xml"/></entry>
  </install-config>
</repository-information>
"""

Golden = Callable[[str, str], None]


def paper(folder: Path, text: str) -> Path:
    projects.write(folder, repositories__repository_yml=None)
    (folder / "repositories/repository.xml").write_text(text)
    project = projects.FILES["ramify.yml"].replace("repository.yml", "repository.xml")
    (folder / "ramify.yml").write_text(project)
    return folder


def asked(kind: str, path: str) -> bytes:
    return f"<request>\n  <type>{kind}</type>\n  <id>{path}</id>\n</request>\n".encode()


def refs(answer: bytes) -> list[str | None]:
    """The references, as a client reads them that knows only the paper."""
    return [element.text for element in ET.fromstring(answer).findall("ref[@type='url']")]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(rich(tmp_path_factory.mktemp("served"))) as running:
        yield running


@pytest.mark.parametrize("kind", ["managent-code", "install-configuration", "managent-configuration", "all"])
def test_figure_2_gives_its_example_its_references(kind: str, tmp_path: Path, golden: Golden) -> None:
    with serving(paper(tmp_path, (PAPERS / "figure2.xml").read_text())) as running:
        answer = running.ask("POST", "/", asked(kind, FIGURE_2))

    golden(f"brp/figure2-{kind}.xml", answer.body.decode())


def test_figure_8_is_answered_as_printed(tmp_path: Path, golden: Golden) -> None:
    request = asked("install-configuration", "dc_paloalto/customer_x/cluster_12")
    golden("brp/figure8-request.xml", request.decode())

    with serving(paper(tmp_path, FIGURE_8)) as running:
        answer = running.ask("POST", "/", request, Content_Type="text/xml")

    golden("brp/figure8-reply.xml", answer.body.decode())


def test_figure_12_makes_initiators_of_four_levels_and_ends_with_the_fifth(
    tmp_path: Path, golden: Golden
) -> None:
    steps = ["region1", "zone3", "dc6", "core7", "sos.hpl.hp.com", "below"]
    with serving(paper(tmp_path, (PAPERS / "figure12.xml").read_text())) as running:
        paths = ["/" + "/".join(steps[:level]) for level in range(1, 7)]
        replies = [running.ask("POST", "/", asked("managent-configuration", path)).body for path in paths]

    golden("brp/figure12.xml", "".join(reply.decode() for reply in replies))


def test_all_has_what_the_three_types_have_and_says_from_which_list(served: Serving) -> None:
    three = ["managent-code", "install-configuration", "managent-configuration"]
    answer = served.ask("POST", "/", asked("all", "/region1/app")).body

    assert refs(answer) == [
        ref for kind in three for ref in refs(served.ask("POST", "/", asked(kind, "/region1/app")).body)
    ]
    assert [element.get("list") for element in ET.fromstring(answer).findall("ref")] == three


def test_every_reference_to_the_repository_can_be_fetched(served: Serving) -> None:
    for path in ("/region1", "/region1/app", "/large"):
        for url in served.brp("all", path):
            assert served.get("/" + url).status == 200, url


def test_references_to_other_machines_stay_as_they_are_written(served: Serving) -> None:
    assert served.brp("install-configuration", "/far")[0] == "https://example.com/%C3%A4%20b.yml?x=1&y=%20"


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [("GET", "/", "POST"), ("DELETE", "/config/install.yml", "GET, HEAD"), ("POST", "/healthz", "GET, HEAD")],
)
def test_other_methods_are_refused_with_those_there_are(
    method: str, target: str, allowed: str, served: Serving
) -> None:
    answer = served.ask(method, target, b"" if method == "POST" else None)

    assert (answer.status, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("sent", "accept", "got"),
    [
        ("application/json", "*/*", "json"),
        ("application/json", "application/xml", "xml"),
        ("application/json", "application/xml;q=0.5, application/json;q=0.4", "xml"),
        ("text/xml", "", "xml"),
        ("text/xml", "application/json", "json"),
        ("application/x-www-form-urlencoded", "text/html", "json"),
    ],
)
def test_the_form_is_the_one_asked_for_or_that_of_the_request(
    sent: str, accept: str, got: str, served: Serving
) -> None:
    body = asked("all", "/a") if "xml" in sent else b'{"type": "all", "id": "/a"}'

    answer = served.ask("POST", "/", body, Content_Type=sent, Accept=accept)

    assert answer.status == 200
    assert got in answer.headers["content-type"]
    assert answer.body.startswith(b"<reply>" if got == "xml" else b"{")


def test_what_is_no_request_gets_a_typed_error_in_its_own_form(served: Serving) -> None:
    told = served.ask("POST", "/", b"<request><type>x</type><id>a</id></request>")
    told_json = served.ask("POST", "/", b'{"type": "all"}')

    error = ET.fromstring(told.body).find("error")
    assert error is not None
    assert (told.status, error.get("code")) == (400, "unknown-type")
    assert (told_json.status, told_json.json["error"]["code"]) == (400, "missing-key")


@pytest.mark.parametrize(
    ("host", "base"),
    [("repo.example:99", "http://repo.example:99/"), ("[::1]:8080", "http://[::1]:8080/"), ('"><x>', None)],
)
def test_references_have_the_name_that_the_client_used(host: str, base: str | None, served: Serving) -> None:
    body = json.dumps({"type": "install-configuration", "id": "/a"}).encode()

    answer = served.ask("POST", "/", body, Host=host)

    assert answer.json["refs"][0]["url"] == (base or served.base) + "config/install.yml"


def test_the_whole_url_as_target_means_its_path(served: Serving) -> None:
    assert served.get(f"{served.base}config/install.yml?x=1").status == 200
