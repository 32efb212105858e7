"""Commands on a project with domains."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from unit.cli.conftest import Ramify

Golden = Callable[[str, str], None]
FILES = {
    "ramify.yml": "project: a\nhierarchy: hierarchy.yml\ninventory: hosts.yml\nrepository: repository.yml\n",
    "hierarchy.yml": (
        "tree:\n"
        "  MA:\n"
        "    children:\n"
        "      M[7-8]:\n"
        "        domain: {repository: m7/repository.xml, hierarchy: m7/hierarchy.yml}\n"
        '      M9: {domain: {server: "http://127.0.0.1:9/", planned: there}}\n'
    ),
    "hosts.yml": "hosts: {h1: {transport: lab}}\nplacements: [{match: /**, host: h1}]\n",
    "repository.yml": "code: [{match: [/MA, /MA/*], ref: 'collection:ramify.core.initiator'}]\n",
    "m7/hierarchy.yml": "tree:\n  M-PA:\n    vars: {queue: main}\n    children: {'P[1-2]': {}}\n",
    "m7/repository.xml": (
        "<repository-information>\n"
        "  <managent-code>\n"
        '    <entry><pattern path="/M-PA"/><ref url="collection:ramify.core.initiator"/></entry>\n'
        '    <entry><pattern path="/M-PA/*"/><ref url="printer.sh"/></entry>\n'
        "  </managent-code>\n"
        "  <managent-config>\n"
        '    <entry><pattern path="/M-PA/*"/><ref url="printer.yml"/></entry>\n'
        "  </managent-config>\n"
        "</repository-information>\n"
    ),
    "m7/printer.sh": "#!/bin/sh\nexec sleep 1000\n",
    "m7/printer.yml": 'env:\n  QUEUE: "{{ node.path }} {{ vars.queue }}"\n',
}


@pytest.fixture
def domains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "m7/printer.sh").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.usefixtures("domains")
def test_a_project_with_domains_is_valid_and_says_what_nobody_here_can_check(ramify: Ramify) -> None:
    result = ramify("validate")

    assert (result.code, result.out) == (0, "Valid: no errors, no warnings.\n")
    assert result.err == "/MA/M9: planned there, by its initiator; what is below was not checked.\n"


def test_problems_are_told_in_the_domain_s_own_files(domains: Path, ramify: Ramify, golden: Golden) -> None:
    change(domains / "hierarchy.yml", "planned: there", "planned: ther")
    change(domains / "m7/hierarchy.yml", "vars: {queue: main}", "var: {queue: main}")
    wrong = ramify("validate")
    change(domains / "hierarchy.yml", "planned: ther", "planned: there")
    deeper = ramify("validate")
    change(domains / "m7/hierarchy.yml", "var: {queue: main}", "vars: {que: main}")
    change(
        domains / "m7/repository.xml", '"/M-PA/*"/><ref url="printer.yml"', '"/MA/*"/><ref url="printer.yml"'
    )
    dead = ramify("validate", "--strict")
    change(
        domains / "m7/repository.xml", '"/MA/*"/><ref url="printer.yml"', '"/M-PA/*"/><ref url="printer.yml"'
    )
    undefined = ramify("validate")

    results = (wrong, deeper, dead, undefined)
    assert [result.code for result in results] == [1, 1, 1, 1]
    golden("cli/validate-domains.txt", "\n".join(result.out for result in results))


def test_one_file_of_a_domain_is_checked_with_all_that_it_belongs_to(domains: Path, ramify: Ramify) -> None:
    change(domains / "m7/printer.yml", "vars.queue", "vars.que")

    result = ramify("validate", "m7/printer.yml")

    assert result.code == 1
    assert "m7/printer.yml:2:3: error[undefined]: /MA/M7/M-PA/P1 and 3 more" in result.out
    assert ramify("validate", "m7/repository.xml").code == 0


@pytest.mark.usefixtures("domains")
def test_the_tree_shows_where_domains_begin(ramify: Ramify, golden: Golden) -> None:
    golden("cli/tree-domains.txt", ramify("tree").out)

    told = {node["path"]: node["domain"] for node in json.loads(ramify("tree", "--json").out)["nodes"]}
    assert {path: domain for path, domain in told.items() if domain} == {
        "/MA/M7": "m7/repository.xml",
        "/MA/M8": "m7/repository.xml",
        "/MA/M9": "http://127.0.0.1:9/",
    }


@pytest.mark.usefixtures("domains")
def test_looking_at_a_node_of_a_domain_tells_both_its_paths(ramify: Ramify) -> None:
    explained = ramify("explain", "/MA/M8/M-PA/P2", "QUEUE").out
    matched = ramify("match", "/MA/*/M-PA/*").out

    assert 'service.env.QUEUE = "/M-PA/P2 main"' in explained
    assert "m7/printer.yml:2:3" in explained
    assert "/MA/M[7-8]/M-PA/P[1-2]" in matched
    assert "/M-PA/P1 main" in ramify("profile", "/MA/M7/M-PA/P1").out
    assert ramify("select", "-f", "/MA/M[7-8]/**/P1").out == "/MA/M[7-8]/M-PA/P1\n"


def test_the_lock_of_a_domain_is_written_beside_it_and_counts(domains: Path, ramify: Ramify) -> None:
    assert ramify("repo", "lock", "--check").code == 3
    written = json.loads(ramify("repo", "lock", "--json").out)

    assert [lock["file"] for lock in written["domains"]] == ["m7/repository.lock"]
    assert ramify("repo", "lock", "--check").code == 0
    assert ramify("plan", "--locked").code == 0
    change(domains / "m7/printer.sh", "1000", "2000")
    assert ramify("plan", "--locked").code == 1
