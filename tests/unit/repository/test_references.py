from pathlib import Path

import pytest

from ramify.model.diagnostics import Diagnostic, Diagnostics, Origin
from ramify.repository.files import Files
from ramify.repository.references import shipped
from unit.repository.projects import references

ORIGIN = Origin("repository.yml", 1, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("base/agent", "base/a b", "one/ns/coll/comp", "two/ns/coll/comp", "two/ns/coll/other"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def resolve(folder: Path, ref: str) -> Path | Diagnostic:
    found = Diagnostics()
    made = references(Files(folder, found), folder, [folder / "one", folder / "two"])
    target = made.resolve(ref, folder / "base", ORIGIN)
    assert (target is None) == found.failed
    return target.path if target else next(iter(found))


@pytest.mark.parametrize("ref", ["agent", "./agent", "../base/agent", "agent/", "file:agent"])
def test_a_path_counts_from_the_file_that_it_stands_in(folder: Path, ref: str) -> None:
    assert resolve(folder, ref) == folder / "base/agent"


def test_file_urls_are_absolute_paths(folder: Path) -> None:
    assert resolve(folder, f"file://{folder}/base/agent") == folder / "base/agent"
    assert resolve(folder, f"file://localhost{folder}/base/agent") == folder / "base/agent"
    assert resolve(folder, f"file:{folder}/base/a%20b") == folder / "base/a b"


def test_the_project_s_collections_are_searched_in_their_order(folder: Path) -> None:
    assert resolve(folder, "collection:ns.coll.comp") == folder / "one/ns/coll/comp"
    assert resolve(folder, "collection:ns.coll.other") == folder / "two/ns/coll/other"


def test_the_collections_shipped_with_ramify_come_last(folder: Path) -> None:
    assert resolve(folder, "collection:ramify.core.initiator") == shipped() / "ramify/core/initiator"


@pytest.mark.parametrize(
    ("ref", "code", "hint"),
    [
        ("agnet", "missing-file", 'Did you mean "agent"?'),
        ("absent/agent", "missing-file", "There is no folder absent in base."),
        ("agent/x/y", "missing-file", "There is no folder x in base/agent."),
        ("a\0b", "missing-file", ""),
        ("collection:ns.coll.othr", "unknown-component", 'Did you mean "ns.coll.other"?'),
        ("collection:ns.coll", "unknown-component", "NAMESPACE.COLLECTION.COMPONENT"),
        ("collection:ns...comp", "unknown-component", "NAMESPACE.COLLECTION.COMPONENT"),
        ("collection:../../x", "unknown-component", "NAMESPACE.COLLECTION.COMPONENT"),
        ("https:///a.tar.gz", "ref-scheme", "https://HOST/PATH"),
        ("file://elsewhere/agent", "ref-scheme", "file:///PATH"),
        ("file:", "ref-scheme", "file:///PATH"),
        ("git+ssh://x/y", "ref-scheme", "collection:"),
        ("s3:bucket", "ref-scheme", 'begins with "./"'),
    ],
)
def test_what_leads_nowhere_is_told_with_the_way_out(folder: Path, ref: str, code: str, hint: str) -> None:
    problem = resolve(folder, ref)

    assert isinstance(problem, Diagnostic)
    assert (problem.code, problem.origin) == (code, ORIGIN)
    assert hint in problem.detail
