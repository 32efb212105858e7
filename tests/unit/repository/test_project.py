import os
import re
from pathlib import Path

import pytest
from msgspec import structs

from ramify.documents.text import MAX_SIZE
from ramify.model.bundle import digest, encode
from ramify.model.inventory import Inventory
from ramify.repository.project import load
from unit.repository import packs
from unit.repository.projects import FILES, only, told, write


def test_a_project_becomes_one_bundle(tmp_path: Path) -> None:
    loaded = load(write(tmp_path))

    assert told(loaded) == []
    assert loaded.bundle is not None
    assert loaded.bundle.project == "acme"
    assert loaded.bundle.inventory.known_hosts == "10.0.0.1 ssh-ed25519 AAAA\n"
    assert set(loaded.bundle.configurations) == {"config/install.yml", "config/agent.yml"}
    assert loaded.bundle.configurations["config/agent.yml"].files[0].content == "welcome\n"
    assert set(loaded.bundle.components) == {"collection:acme.base.gateway", "agent"}


def test_the_store_holds_the_files_of_every_component(tmp_path: Path) -> None:
    loaded = load(write(tmp_path))
    assert loaded.bundle is not None

    held = {}
    for ref, component in loaded.bundle.components.items():
        data = loaded.store.path(component.artifact).read_bytes()
        assert component.size == len(data)
        held[ref] = {name: content for name, (_, content) in packs.read(data, component.artifact).items()}

    assert held == {
        "collection:acme.base.gateway": {"gateway.py": b"print('here')\n"},
        "agent": {"start": b"#!/bin/sh\nexec sleep 1000\n"},
    }


def test_what_users_wrote_is_named_by_its_path_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path / "deep" / "project",
        hierarchy_yml="tree: 5\n",
        repositories__config__install_yml="envv: {}\n",
    )
    monkeypatch.chdir(tmp_path / "deep")

    seen = {
        tuple(told(load(folder)))
        for folder in (Path("project"), Path("../deep/project"), tmp_path / "deep/project")
    }

    assert len(seen) == 1
    assert [re.split(r":\d", line)[0] for line in seen.pop()] == [
        "hierarchy.yml",
        "repositories/config/install.yml",
    ]


def test_loading_twice_gives_the_same_bundle_bytes(tmp_path: Path) -> None:
    write(tmp_path)
    first, second = load(tmp_path).bundle, load(tmp_path, tmp_path / "another-cache").bundle

    assert first
    assert second
    assert digest(encode(first)) == digest(encode(second))


def test_a_changed_file_of_a_component_gives_another_artifact(tmp_path: Path) -> None:
    before = load(write(tmp_path)).bundle
    (tmp_path / "repositories/agent/start").write_text("#!/bin/sh\nexec sleep 2000\n")
    after = load(tmp_path).bundle

    assert before
    assert after
    assert before.components["agent"].artifact != after.components["agent"].artifact


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        hierarchy_yml="tree: {a: {}, a: {}}\n",
        inventories__all_yml="hosts: {gw: {adress: x}}\nplacements: []\n",
        repositories__config__install_yml="env: [\n",
        collections__acme__base__gateway__component_yml="strat: x\n",
    )
    (tmp_path / "repositories/config/agent.yml").unlink()

    files = {item.origin.file for item in load(tmp_path).diagnostics if item.origin}

    assert files == {
        "hierarchy.yml",
        "inventories/all.yml",
        "repositories/config/install.yml",
        "repositories/repository.yml",
        "collections/acme/base/gateway/component.yml",
    }


def test_a_folder_without_a_project_says_how_to_have_one(tmp_path: Path) -> None:
    problem = only(tmp_path)

    assert problem.code == "no-project"
    assert "ramify init DIR" in problem.detail
    assert "ramify -C DIR" in problem.detail


def test_a_folder_inside_a_project_is_told_where_the_project_is(tmp_path: Path) -> None:
    write(tmp_path)

    assert f"There is one in {tmp_path}." in only(tmp_path / "repositories").detail


def test_a_folder_that_does_not_exist_has_no_project(tmp_path: Path) -> None:
    assert only(tmp_path / "absent").code == "no-project"


@pytest.mark.parametrize(
    ("name", "place", "hint"),
    [
        ("hierarchy.yml", "ramify.yml:2:12", "hierarchie.yml"),
        ("inventories/all.yml", "ramify.yml:3:12", "al.yml"),
        ("repositories/repository.yml", "ramify.yml:4:13", "repositor.yml"),
        ("inventories/known_hosts", "inventories/all.yml:1:14", "known_host"),
        ("repositories/config/agent.yml", "repositories/repository.yml:7:5", "agents.yml"),
        ("repositories/config/motd.txt", "repositories/config/agent.yml:3:18", "mott.txt"),
    ],
)
def test_a_missing_file_is_told_where_it_is_named_with_what_may_be_meant(
    tmp_path: Path, name: str, place: str, hint: str
) -> None:
    write(tmp_path)
    (tmp_path / name).rename((tmp_path / name).with_name(hint))

    problem = only(tmp_path)

    assert str(problem.origin) == place
    assert f'Did you mean "{hint}"?' in problem.summary + problem.detail


def test_a_missing_folder_is_told_by_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, ramify_yml=FILES["ramify.yml"].replace("inventories/", "inventory/"))

    problem = only(tmp_path)

    assert problem.summary == "inventory/all.yml does not exist"
    assert (
        problem.detail == 'There is no folder inventory in the project\'s folder. Did you mean "inventories"?'
    )


def test_folders_pipes_and_huge_files_are_no_documents(tmp_path: Path) -> None:
    write(tmp_path)
    for name in ("hierarchy.yml", "inventories/all.yml", "repositories/config/install.yml"):
        (tmp_path / name).unlink()
    (tmp_path / "hierarchy.yml").mkdir()
    os.mkfifo(tmp_path / "inventories/all.yml")
    with (tmp_path / "repositories/config/install.yml").open("wb") as stream:
        stream.truncate(MAX_SIZE + 1)
    entry = "repositories/repository.yml:5:5"

    assert told(load(tmp_path)) == [
        "ramify.yml:2:12: error[unreadable-file]: cannot read hierarchy.yml: it is a folder",
        "ramify.yml:3:12: error[unreadable-file]: cannot read inventories/all.yml: it is not a plain file",
        f"{entry}: error[too-large]: cannot read repositories/config/install.yml: it is larger than 16 MiB",
    ]


def test_a_missing_folder_of_collections_is_told(tmp_path: Path) -> None:
    write(tmp_path, ramify_yml=FILES["ramify.yml"].replace("[collections]", "[collection]"))

    codes = [item.code for item in load(tmp_path).diagnostics]

    assert codes == ["missing-file", "unknown-component"]


def test_a_dangling_reference_is_told_at_every_entry_that_has_it(tmp_path: Path) -> None:
    text = FILES["repositories/repository.yml"].replace("ref: agent}", "ref: agant}")
    write(tmp_path, repositories__repository_yml=text + "  - {match: '/x', ref: config/instal.yml}\n" * 2)

    assert told(load(tmp_path)) == [
        "repositories/repository.yml:8:5: error[missing-file]: repositories/config/instal.yml does not exist",
        "repositories/repository.yml:9:5: error[missing-file]: repositories/config/instal.yml does not exist",
        "repositories/repository.yml:3:5: error[missing-file]: repositories/agant does not exist",
    ]


def test_what_a_running_lab_knows_is_laid_over_the_inventory(tmp_path: Path) -> None:
    def overlay(inventory: Inventory) -> Inventory:
        return structs.replace(inventory, known_hosts="[127.0.0.1]:2201 ssh-ed25519 BBBB\n")

    bundle = load(write(tmp_path), overlay=overlay).bundle

    assert bundle
    assert bundle.inventory.known_hosts == "[127.0.0.1]:2201 ssh-ed25519 BBBB\n"


def test_runtimes_are_in_the_bundle_only_where_there_is_an_initiator(tmp_path: Path) -> None:
    plain = load(write(tmp_path / "plain")).bundle
    manifest = "role: initiator\nstart: {initiator: ['{python}', '{runtime}/run.py']}\n"
    deep = load(write(tmp_path / "deep", collections__acme__base__gateway__component_yml=manifest))

    assert plain
    assert plain.runtimes == ()
    assert deep.bundle
    assert [deep.store.size(runtime.artifact) == runtime.size for runtime in deep.bundle.runtimes] == [True]


def test_a_cache_that_cannot_be_written_is_told_by_its_place(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / ".ramify").write_text("")

    problem = only(tmp_path)

    assert problem.code == "unusable-file"
    assert str(tmp_path / ".ramify") in problem.summary


def test_a_repository_in_xml_is_read_as_the_papers_have_it(tmp_path: Path) -> None:
    xml = (
        "<repository-information>\n"
        '  <code><entry><pattern xpath="/*"/><ref url="collection:acme.base.gateway"/></entry>\n'
        '    <entry><pattern xpath="/*/*"/><ref url="agent"/></entry></code>\n'
        '  <managent-config><entry><pattern xpath="/*"/><ref url="ftp://sos/config.xml"/></entry></managent-config>\n'
        "</repository-information>\n"
    )
    write(tmp_path, ramify_yml=FILES["ramify.yml"].replace("repository.yml", "repository.xml"))
    (tmp_path / "repositories/repository.xml").write_text(xml)

    problem = only(tmp_path)

    assert problem.code == "ref-scheme"
    assert problem.origin
    assert (problem.origin.file, problem.origin.line) == ("repositories/repository.xml", 4)


def test_whoever_only_looks_builds_no_runtime(tmp_path: Path) -> None:
    manifest = "role: initiator\nstart: {initiator: ['{python}', '{runtime}/run.py']}\n"
    folder = write(tmp_path, collections__acme__base__gateway__component_yml=manifest)
    found = load(folder, runtimes=False)

    assert found.bundle is not None
    assert found.bundle.runtimes == ()
    assert not list((folder / ".ramify").glob("runtimes*"))
