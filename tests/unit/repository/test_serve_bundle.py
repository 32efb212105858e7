"""The bundle of a served project, and the packs that it names: what others plan it from."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ramify.model import bundle as bundles
from ramify.model.bundle import Bundle
from ramify.repository import serve_snapshot
from ramify.repository.domains import fetch_bundle, fetch_pack, opened
from ramify.repository.project import load
from ramify.repository.serve_live import Live
from ramify.repository.serve_load import load as load_served
from ramify.repository.serve_respond import Asked, respond
from ramify.repository.store import Store
from unit.repository import projects
from unit.repository.serving import Serving, serving


def fetched(served: Serving) -> Bundle:
    """The bundle as others have it, who are sent it once."""
    data = fetch_bundle(served.base)
    assert data is not None
    assert fetch_bundle(served.base, bundles.digest(data)) is None
    return opened(data, served.base)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Serving]:
    with serving(projects.write(tmp_path / "p")) as server:
        yield server


def test_it_is_what_the_project_is_read_as_without_runtimes(served: Serving, tmp_path: Path) -> None:
    loaded = load(tmp_path / "p", runtimes=False)
    answer = served.get("/bundle")

    assert loaded.bundle is not None
    assert answer.body == bundles.encode(loaded.bundle)
    assert answer.headers["etag"] == f'"{bundles.digest(answer.body)}"'
    assert answer.headers["content-type"] == "application/json"


def test_who_has_it_is_sent_nothing(served: Serving) -> None:
    tag = served.ask("HEAD", "/bundle").headers["etag"]

    again = served.get("/bundle", If_None_Match=tag)

    assert (again.status, again.body) == (304, b"")


def test_it_changes_with_any_document_of_the_project(served: Serving, tmp_path: Path) -> None:
    tags = [served.get("/bundle").headers["etag"]]
    for name in ("hierarchy.yml", "inventory.yml", "repositories/repository.yml"):
        with (tmp_path / "p" / name).open("a") as file:
            file.write("\n# a remark moves nothing\n")
        assert served.get("/bundle").headers["etag"] == tags[-1]
    hierarchy = tmp_path / "p/hierarchy.yml"
    hierarchy.write_text(hierarchy.read_text().replace("tree:", "tree:\n  another: {}", 1))
    assert served.get("/bundle").headers["etag"] not in tags


def test_a_broken_project_is_offered_in_its_last_good_state_and_told_of(
    served: Serving, tmp_path: Path
) -> None:
    tag = served.get("/bundle").headers["etag"]
    (tmp_path / "p/hierarchy.yml").write_text("tree: [")

    assert served.get("/bundle").headers["etag"] == tag
    assert any("no-bundle" in line for line in served.log)


def test_a_project_that_never_was_good_has_a_repository_all_the_same(tmp_path: Path) -> None:
    folder = projects.write(tmp_path / "p")
    (folder / "hierarchy.yml").write_text("tree: [")

    with serving(folder) as server:
        answer = server.get("/bundle")
        assert answer.status == 503
        assert b"hierarchy.yml" in answer.body
        assert server.get("/repository.yml").status == 200


def test_packs_are_had_by_digest_whole_and_in_parts(served: Serving, tmp_path: Path) -> None:
    bundle = fetched(served)
    store = Store(tmp_path / "store")

    for made in bundle.components.values():
        file = fetch_pack(served.base, made.artifact, store)
        assert file.stat().st_size == made.size
        part = served.get(f"/packs/{made.artifact}", Range="bytes=1-3")
        assert (part.status, part.body) == (206, file.read_bytes()[1:4])
    assert served.get(f"/packs/{'0' * 64}").status == 404
    assert served.get("/packs/../ramify.yml").status == 404


def test_a_snapshot_offers_the_same(served: Serving, tmp_path: Path) -> None:
    read = load_served(tmp_path / "p")
    assert read.catalogue is not None
    serve_snapshot.write(read.catalogue, tmp_path / "snapshot")
    bundle, made = served.get("/bundle").body, next(iter(fetched(served).components.values()))
    pack = served.get(f"/packs/{made.artifact}").body
    shutil.rmtree(tmp_path / "p/.ramify")

    state = Live(lambda: serve_snapshot.load(tmp_path / "snapshot"), lambda line: None)._state

    for target, data in (("/bundle", bundle), (f"/packs/{made.artifact}", pack)):
        response = respond(state, Asked("GET", target, {}))
        assert response.status == 200
        assert not isinstance(response.body, bytes)
        assert Path(str(response.body.content.source)).read_bytes() == data
