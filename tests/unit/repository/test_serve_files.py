"""Files and blobs through the wire: what is found and what never is, conditional requests, ranges."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.repository import packs, projects
from unit.repository.serving import MANY, SECRET, Serving, rich, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(rich(tmp_path_factory.mktemp("served"))) as running:
        yield running


def test_a_component_is_fetched_as_its_pack(served: Serving) -> None:
    (url,) = served.brp("managent-code", "/region1/app")
    answer = served.get("/" + url)

    digest = url.removeprefix("blobs/")
    assert list(packs.read(answer.body, digest)) == ["start"]
    assert answer.headers["etag"] == f'"{digest}"'


def test_files_are_the_repositorys_bytes(served: Serving) -> None:
    for name in ("repositories/config/install.yml", "repositories/config/motd.txt"):
        answer = served.get(name.removeprefix("repositories"))

        assert answer.body.decode() == projects.FILES[name]
        assert answer.headers["etag"] == f'"{hashlib.sha256(answer.body).hexdigest()}"'
        assert served.get(f"/blobs/{hashlib.sha256(answer.body).hexdigest()}").body == answer.body


def test_what_lies_outside_the_folder_is_not_served_and_told(served: Serving) -> None:
    urls = served.brp("install-configuration", "/out")[:2]

    assert [url.partition(":")[0] for url in urls] == ["file", "file"]
    assert sum("[not-served]" in line for line in served.log) == 2
    assert served.get("/config/linked.yml").status == 404
    assert served.get(f"/blobs/{hashlib.sha256(SECRET).hexdigest()}").status == 404


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.yml",
        "/..%2fsecret.yml",
        "/%2e%2e/secret.yml",
        "/config/../../secret.yml",
        "/config//install.yml",
        "/config/./install.yml",
        "//etc/passwd",
        "/config\\..\\install.yml",
        "/config/install.yml%00",
        "/blobs/../artifacts.json",
        "/blobs/" + "0" * 64,
        "/blobs/%2e%2e%2fartifacts.json",
        "/unnamed.txt",
        "/agent/start",
        "/config",
        "/ramify.yml",
    ],
)
def test_only_what_the_repository_names_is_found(target: str, served: Serving) -> None:
    assert served.get(target).status == 404


@pytest.mark.parametrize("known", ['"{0}"', 'W/"{0}"', '"other", "{0}"', "*"])
def test_whoever_has_it_already_is_sent_nothing(known: str, served: Serving) -> None:
    tag = served.get("/config/install.yml").headers["etag"].strip('"')

    answer = served.get("/config/install.yml", If_None_Match=known.format(tag))

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == f'"{tag}"'


def test_whoever_has_another_is_sent_all(served: Serving) -> None:
    assert served.get("/config/install.yml", If_None_Match='"other"').status == 200
    assert served.get("/config/install.yml", If_Match='"other"').status == 412


@pytest.mark.parametrize("target", ["/config/install.yml", "/large.sh", "/healthz"])
def test_head_tells_what_get_would(target: str, served: Serving) -> None:
    got, told = served.get(target), served.ask("HEAD", target)

    assert (told.status, told.headers, told.body) == (got.status, got.headers, b"")


@pytest.mark.parametrize("step", [1 << 20, 700_001, MANY * 2])
def test_ranges_put_together_are_the_whole(step: int, served: Serving) -> None:
    whole = served.get("/large.sh").body
    parts = [
        served.get("/large.sh", Range=f"bytes={at}-{at + step - 1}") for at in range(0, len(whole), step)
    ]

    assert {part.status for part in parts} == {206}
    assert b"".join(part.body for part in parts) == whole
    assert len(whole) == MANY + 10


@pytest.mark.parametrize(
    ("said", "start", "end"), [("5-", 5, None), ("-5", -5, None), ("0-0", 0, 1), ("3-99999999999", 3, None)]
)
def test_a_range_is_as_in_rfc_9110(said: str, start: int, end: int | None, served: Serving) -> None:
    whole = served.get("/config/install.yml").body

    answer = served.get("/config/install.yml", Range=f"bytes={said}")

    assert (answer.status, answer.body) == (206, whole[start:end])
    assert answer.headers["content-range"].endswith(f"/{len(whole)}")


@pytest.mark.parametrize("said", ["99999-", "-0", "99999-100000"])
def test_a_range_behind_the_end_is_refused_with_the_size(said: str, served: Serving) -> None:
    size = len(served.get("/config/install.yml").body)

    answer = served.get("/config/install.yml", Range=f"bytes={said}")

    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize(
    "said", ["bytes=", "bytes=-", "bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"]
)
def test_what_is_no_single_range_gets_the_whole(said: str, served: Serving) -> None:
    assert served.get("/config/install.yml", Range=said).status == 200


def test_a_range_of_what_is_no_more_gets_the_whole(served: Serving) -> None:
    tag = served.get("/large.sh").headers["etag"]

    assert served.get("/large.sh", Range="bytes=0-1", If_Range=tag).status == 206
    assert served.get("/large.sh", Range="bytes=0-1", If_Range='"other"').status == 200


def test_what_the_project_has_from_the_web_is_a_blob(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"from afar").hexdigest()
    folder = projects.write(tmp_path)
    (folder / ".ramify/http/blobs").mkdir(parents=True)
    (folder / ".ramify/http/blobs" / digest).write_bytes(b"from afar")

    with serving(folder) as running:
        assert running.get(f"/blobs/{digest}").body == b"from afar"
