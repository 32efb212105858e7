"""Domains: read once, into bundles of their own, and what can be wrong with the files that they name."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from ramify.documents import lock as lock_documents
from ramify.documents import repository
from ramify.model.bundle import Bundle, UnusableBundleError, encode, within
from ramify.model.inventory import Inventory
from ramify.repository import domains, garbage, locks, nested
from ramify.repository.pins import Locking
from ramify.repository.project import Loaded, Reading, load
from ramify.repository.transfers import Limits, TransferError
from unit.repository.projects import told, write
from unit.repository.servers import Server, reply, running, say, serve

M7 = "{repository: domains/m7/repository.xml, hierarchy: domains/m7/hierarchy.yml}"
FILES = {
    "domains/m7/hierarchy.yml": "tree:\n  M-PA:\n    children: {'P[1-2]': {}}\n",
    "domains/m7/repository.xml": (
        "<repository-information>\n"
        '<managent-code><entry><pattern path="/M-PA/*"/><ref url="printer"/></entry></managent-code>\n'
        '<managent-config><entry><pattern path="/M-PA"/><ref url="pa.xml"/></entry></managent-config>\n'
        "</repository-information>\n"
    ),
    "domains/m7/printer/start": "#!/bin/sh\nexec sleep 1001\n",
    "domains/m7/pa.xml": "<configuration><files><file name='a'>b</file></files></configuration>\n",
}
HOSTS = "hosts: {h1: {}}\nplacements: [{match: /**, host: h1}]\n"
LIMITS = Limits(connect=1, silence=0.5, head=1, window=0.5, attempts=2, pause=0.01, longest_pause=0.02)


def project(folder: Path, hierarchy: str, more: Mapping[str, str] | None = None) -> Path:
    """A project with the files of the domain M7, and `more`."""
    write(folder, hierarchy_yml=f"tree:\n{hierarchy}")
    for name, text in (FILES | dict(more or {})).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def mounted(domain: str, *names: str) -> str:
    return "".join(f"  {name}: {{domain: {domain}}}\n" for name in names or ("region1",))


def bundle(loaded: Loaded) -> Bundle:
    assert told(loaded) == []
    assert loaded.bundle is not None
    return loaded.bundle


def inner(loaded: Loaded) -> Bundle:
    """The one domain of a project."""
    (found,) = bundle(loaded).domains.values()
    return found


def test_a_domain_is_a_bundle_of_its_own_under_its_key(tmp_path: Path) -> None:
    outer = bundle(load(project(tmp_path, mounted(M7))))

    (key,) = outer.domains
    assert outer.hierarchy.tree[0].domain is not None
    assert key == outer.hierarchy.tree[0].domain.key
    found = outer.domains[key]
    assert [spec.name for spec in found.hierarchy.tree] == ["M-PA"]
    assert (found.project, set(found.configurations), set(found.components)) == (
        "acme",
        {"pa.xml"},
        {"printer"},
    )
    assert (found.runtimes, found.pins, found.domains, found.inventory) == ((), {}, {}, Inventory((), ()))


def test_what_domains_refer_to_is_in_the_store(tmp_path: Path) -> None:
    loaded = load(project(tmp_path, mounted(M7)))

    assert loaded.store.has(inner(loaded).components["printer"].artifact)


def test_a_domain_that_is_mounted_often_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    read = repository.read

    def counted(data: bytes, file: str) -> object:
        seen.append(file)
        return read(data, file)

    monkeypatch.setattr(repository, "read", counted)
    names = (*(f"region{number}" for number in range(1, 11)), "other[1-50]")
    middle = {"mid.yml": f"tree: {{deep: {{domain: {M7}}}}}\n", "r.yml": "code: []\n"}
    through = mounted("{repository: r.yml, hierarchy: mid.yml}", "through")

    loaded = load(project(tmp_path, through + mounted(M7, *names), middle))

    assert len(bundle(loaded).domains) == 2
    assert seen.count("domains/m7/repository.xml") == 1


def test_the_children_of_a_node_may_be_the_hierarchy_of_its_domain(tmp_path: Path) -> None:
    text = (
        "  region1:\n    domain: {repository: domains/m7/repository.xml}\n"
        f"    children: {{M-PA: {{}}, X: {{domain: {M7}}}}}\n"
    )

    found = inner(load(project(tmp_path, text)))

    assert found.hierarchy.tree == ()
    assert [one.hierarchy.tree[0].name for one in found.domains.values()] == ["M-PA"]


def test_templates_bring_domains(tmp_path: Path) -> None:
    unused = "idle: {domain: {repository: no.yml}}"
    tree = "tree:\n  region1: {extends: site}\n"
    text = f"templates: {{site: {{domain: {M7}}}, {unused}}}\n{tree}"
    project(tmp_path, "  x: {}\n", {"hierarchy.yml": text})

    assert [spec.name for spec in inner(load(tmp_path)).hierarchy.tree] == ["M-PA"]


def test_domains_nest_and_their_names_count_from_the_project(tmp_path: Path) -> None:
    middle = {
        "domains/mid/hierarchy.yml": f"tree: {{deep: {{domain: {M7}}}}}\n",
        "domains/mid/repository.yml": "code: []\n",
    }
    text = mounted("{repository: domains/mid/repository.yml, hierarchy: domains/mid/hierarchy.yml}")

    found = inner(load(project(tmp_path, text, middle)))

    assert [spec.name for one in found.domains.values() for spec in one.hierarchy.tree] == ["M-PA"]


def test_hosts_of_a_domain_are_seen_as_the_project_s_own(tmp_path: Path) -> None:
    text = mounted(M7.replace("}", ", inventory: domains/m7/hosts.yml}"))
    project(tmp_path, text, {"domains/m7/hosts.yml": HOSTS})

    loaded = load(tmp_path, overlay=lambda hosts: structs.replace(hosts, known_hosts="lab"))

    assert (bundle(loaded).inventory.known_hosts, inner(loaded).inventory.known_hosts) == ("lab", "lab")


def test_a_domain_s_collections_are_its_own(tmp_path: Path) -> None:
    gateway = "code: [{match: /**, ref: 'collection:acme.base.gateway'}]\n"
    text = "  region1:\n    domain: {repository: domains/x.yml%s}\n    children: {a: {}}\n"

    alone = load(project(tmp_path / "a", text % "", {"domains/x.yml": gateway}))
    given = load(project(tmp_path / "b", text % ", collections: [collections]", {"domains/x.yml": gateway}))

    assert [line.split(": ")[1] for line in told(alone)] == ["error[unknown-component]"]
    assert list(inner(given).components) == ["collection:acme.base.gateway"]


def test_documents_of_domains_count_as_read(tmp_path: Path) -> None:
    assert {*FILES} - {"domains/m7/printer/start"} <= {*load(project(tmp_path, mounted(M7))).files}


def test_what_domains_need_is_not_waste(tmp_path: Path) -> None:
    loaded = load(project(tmp_path, mounted(M7)))

    assert inner(loaded).components["printer"].artifact in garbage.needed(bundle(loaded), (), tmp_path).packs


# What is wrong is told where it stands.


@pytest.mark.parametrize(
    ("domain", "line"),
    [
        (M7.replace("/hier", "/her"), "2:72: error[missing-file]: domains/m7/herarchy.yml does not exist"),
        (M7.replace("domains/m7/rep", "rep"), "2:34: error[missing-file]: repository.xml does not exist"),
        (M7.replace("}", ", inventory: no.yml}"), "2:109: error[missing-file]: no.yml does not exist"),
        (M7.replace("}", ", collections: no}"), "2:111: error[missing-file]: no does not exist"),
        ("{repository: r.xml}", "2:13: error[bad-domain]: nothing says what is below the node"),
    ],
)  # fmt: skip
def test_what_a_domain_names_and_is_not_there(tmp_path: Path, domain: str, line: str) -> None:
    assert told(load(project(tmp_path, mounted(domain)))) == [f"hierarchy.yml:{line}"]


def test_a_mistake_in_a_domain_s_document_is_told_there_and_once(tmp_path: Path) -> None:
    project(tmp_path, mounted(M7, "region1", "region2"))
    (tmp_path / "domains/m7/pa.xml").write_text("<configuration><fils/></configuration>\n")

    (line,) = told(load(tmp_path))

    assert line.startswith("domains/m7/pa.xml:1:")


def test_a_template_that_adds_children_to_a_whole_domain_is_refused(tmp_path: Path) -> None:
    tree = f"tree:\n  region1: {{extends: site, domain: {M7}}}\n"
    project(tmp_path, "", {"hierarchy.yml": f"templates: {{site: {{children: {{a: {{}}}}}}}}\n{tree}"})

    (line,) = told(load(tmp_path))

    assert line == "hierarchy.yml:3:28: error[bad-domain]: children beside a domain that says what is below"


def test_a_domain_that_names_itself_through_others_is_an_error(tmp_path: Path) -> None:
    first, second = (f"{{repository: r.yml, hierarchy: {name}.yml}}" for name in "ab")
    files = {
        "r.yml": "code: []\n",
        "a.yml": f"tree: {{x: {{domain: {second}}}}}\n",
        "b.yml": f"tree: {{y: {{domain: {first}}}}}\n",
    }
    project(tmp_path, mounted(first), files)

    assert told(load(tmp_path)) == [
        "b.yml:1:12: error[domain-cycle]: domains go in a circle: r.yml a.yml -> r.yml b.yml -> r.yml a.yml"
    ]


def chain(folder: Path, length: int, width: int = 1) -> Path:
    """Domains, each of which mounts the next so often, each time with other hosts."""
    files = {"r.yml": "code: []\n", f"d{length}.yml": "tree: {leaf: {}}\n"}
    for number in range(length):
        named = f"repository: r.yml, hierarchy: d{number + 1}.yml"
        nodes = [f"n{one}: {{domain: {{{named}, inventory: i{one}.yml}}}}" for one in range(width)]
        files[f"d{number}.yml"] = f"tree: {{{', '.join(nodes)}}}\n"
    hosts = {f"i{one}.yml": HOSTS for one in range(width)}
    return project(
        folder, mounted("{repository: r.yml, hierarchy: d0.yml, inventory: i0.yml}"), files | hosts
    )


def test_domains_nest_only_so_deep(tmp_path: Path) -> None:
    bundle(load(chain(tmp_path / "a", nested.MAX_DEPTH - 1)))

    assert ["too-deep" in line for line in told(load(chain(tmp_path / "b", nested.MAX_DEPTH)))] == [True]


def test_domains_that_stand_for_thousands_are_refused_without_being_written_out(tmp_path: Path) -> None:
    lines = told(load(chain(tmp_path, 14, width=2)))

    assert lines
    assert all("error[too-large]: more than 1,000 domains" in line for line in lines)


# Locks.


def test_each_domain_has_a_lock_beside_its_repository(tmp_path: Path) -> None:
    loaded = load(project(tmp_path, mounted(M7)), reading=Reading(Locking.RENEW))

    named = {file.relative_to(tmp_path).as_posix(): sorted(pins) for file, pins in loaded.locks.items()}

    assert named["domains/m7/repository.lock"] == ["pa.xml", "printer"]
    assert "printer" not in named["repositories/repository.lock"]
    assert loaded.lock == next(iter(loaded.locks))


def test_locked_refuses_what_the_lock_of_a_domain_does_not_have(tmp_path: Path) -> None:
    loaded = load(project(tmp_path, mounted(M7)), reading=Reading(Locking.RENEW))
    assert loaded.lock
    locks.write(loaded.lock, loaded.pins)
    strict = Reading(Locking.REQUIRE)

    without = told(load(tmp_path, reading=strict))
    for file, pins in loaded.locks.items():
        locks.write(file, pins)
    with_all = told(load(tmp_path, reading=strict))
    (tmp_path / "domains/m7/pa.xml").write_text("<configuration/>\n")
    drifted = told(load(tmp_path, reading=strict))

    assert without == ["error[not-locked]: there is no domains/m7/repository.lock"]
    assert with_all == []
    assert [line.partition(" is not what ")[0] for line in drifted] == [
        "domains/m7/repository.xml:3:18: error[drifted]: pa.xml"
    ]


def test_the_lock_of_a_domain_is_that_of_its_own_project_wherever_it_lies(tmp_path: Path) -> None:
    project(tmp_path / "one", mounted(M7))
    elsewhere = M7.replace("domains/", "../one/domains/")

    def named(folder: Path) -> set[str]:
        loaded = load(folder, reading=Reading(Locking.RENEW))
        return next({*pins} for file, pins in loaded.locks.items() if "m7" in file.parts)

    project(tmp_path / "two", mounted(elsewhere))
    assert named(tmp_path / "one") == named(tmp_path / "two")


# From the web.


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with running() as made:
        yield made


def reads(folder: Path, *, locking: Locking = Locking.USE, ask: bool = True, skip: bool = False) -> Loaded:
    return load(folder, reading=Reading(locking, ask=ask, skip=skip, limits=LIMITS))


def test_a_domain_may_lie_on_the_web_and_is_locked_by_whoever_names_it(
    server: Server, tmp_path: Path
) -> None:
    web = {name.removeprefix("domains/"): text.encode() for name, text in FILES.items()}
    web["m7/repository.xml"] = web["m7/repository.xml"].replace(b"printer", b"printer/start")
    server.behave = serve(web)
    base = server.url("m7/")
    project(tmp_path, mounted(f"{{repository: '{base}repository.xml', hierarchy: '{base}hierarchy.yml'}}"))

    assert reads(tmp_path, ask=False, skip=True).left_out
    loaded = reads(tmp_path, locking=Locking.RENEW)

    assert [spec.name for spec in inner(loaded).hierarchy.tree] == ["M-PA"]
    (pins,) = loaded.locks.values()
    assert {name.removeprefix(base) for name in pins if name.startswith(base)} == {
        "repository.xml", "hierarchy.yml", "pa.xml", "printer/start",
    }  # fmt: skip


def test_names_in_a_hierarchy_from_the_web_count_from_its_url(server: Server, tmp_path: Path) -> None:
    web = {name.removeprefix("domains/"): text.encode() for name, text in FILES.items()}
    web["mid/hierarchy.yml"] = f"tree: {{deep: {{domain: {M7.replace('domains/', '../')}}}}}\n".encode()
    web["mid/repository.yml"] = b"code: []\n"
    web["m7/repository.xml"] = b"<repository-information/>"
    server.behave = serve(web)
    base = server.url("mid/")

    loaded = reads(
        project(
            tmp_path, mounted(f"{{repository: '{base}repository.yml', hierarchy: '{base}hierarchy.yml'}}")
        )
    )

    assert [spec.name for one in inner(loaded).domains.values() for spec in one.hierarchy.tree] == ["M-PA"]


def offered(folder: Path, hierarchy: str = "  top: {}\n") -> bytes:
    """The bundle that a server has of some project."""
    loaded = load(project(folder, hierarchy), reading=Reading(servers=False), runtimes=False)
    return encode(bundle(loaded))


def test_a_server_s_project_is_a_domain_with_its_own_name(server: Server, tmp_path: Path) -> None:
    server.behave = serve(
        {"bundle": offered(tmp_path / "far").replace(b'"project":"acme"', b'"project":"far"')}
    )
    project(tmp_path / "near", mounted(f"{{server: '{server.url('')}'}}"))

    found = inner(reads(tmp_path / "near"))

    assert (found.project, found.hierarchy.tree[0].name) == ("far", "top")
    assert found.hierarchy.tree[0].origin.file == server.url("hierarchy.yml"), "not a file of this project"


def test_who_planned_there_is_not_asked_from_here(server: Server, tmp_path: Path) -> None:
    project(tmp_path, mounted(f"{{server: '{server.url('')}', planned: there}}"))

    assert bundle(reads(tmp_path)).domains == {}
    assert server.asked == []


def test_a_server_is_in_the_lock_and_what_it_said_is_kept(server: Server, tmp_path: Path) -> None:
    server.behave = serve({"bundle": offered(tmp_path / "far")})
    project(tmp_path / "near", mounted(f"{{server: '{server.url('')}'}}"))

    assert reads(tmp_path / "near", ask=False, skip=True).left_out == (server.url(""),)
    loaded = reads(tmp_path / "near", locking=Locking.RENEW)
    for file, pins in loaded.locks.items():
        locks.write(file, pins)
    server.behave = serve({"bundle": offered(tmp_path / "other", "  changed: {}\n")})

    assert server.url("bundle") in loaded.pins
    strict = reads(tmp_path / "near", locking=Locking.REQUIRE, ask=False)
    assert inner(strict).hierarchy.tree[0].name == "top"
    assert lock_documents.read(loaded.lock.read_bytes(), "x")[0] == loaded.pins  # type: ignore[union-attr]


def test_servers_that_name_each_other_are_told_and_not_asked_for_ever(server: Server, tmp_path: Path) -> None:
    with running() as other:
        server.behave = serve({"bundle": offered(tmp_path / "a", mounted(f"{{server: '{other.url('')}'}}"))})
        other.behave = serve({"bundle": offered(tmp_path / "b", mounted(f"{{server: '{server.url('')}'}}"))})
        project(tmp_path / "near", mounted(f"{{server: '{server.url('')}'}}"))

        (line,) = told(reads(tmp_path / "near"))

        assert "error[domain-cycle]" in line
        assert len(server.asked) + len(other.asked) <= 4


@pytest.mark.parametrize(
    "sent",
    [b"{}", b"<html/>", b"[" * 100_000, b'{"project":"x"}', b"\xff\xfe"],
    ids=lambda sent: repr(sent[:9]),
)
def test_what_is_no_bundle_is_told_at_the_server_s_place(server: Server, tmp_path: Path, sent: bytes) -> None:
    server.behave = serve({"bundle": sent})
    project(tmp_path, mounted(f"{{server: '{server.url('')}'}}"))

    (line,) = told(reads(tmp_path))

    assert line.startswith("hierarchy.yml:2:30: error[bad-bundle]: ")
    assert len(line) < 300


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'"name":"top"', b'"name":"../../top"', "cannot be the name of a node"),
        (b'"name":"deep"', b'"name":"../deep"', "cannot be the name of a node"),
        (b'"name":"deep"', b'"name":"x[1-99999999]"', "100,000"),
        (b'"extends":["t"]', b'"extends":["u"]', "templates that go in a circle"),
        (b'"format":1', b'"format":2', "format 2, expected 1"),
    ],
)
def test_what_a_server_says_is_checked_as_documents_are(
    tmp_path: Path, old: bytes, new: bytes, words: str
) -> None:
    tree = "templates: {t: {vars: {x: 1}}, u: {extends: t}}\ntree: {top: {children: {deep: {}}}}\n"
    write(tmp_path, hierarchy_yml=tree)
    sent = encode(bundle(load(tmp_path, runtimes=False)))
    assert old in sent

    domains.opened(sent, "http://repo/")
    with pytest.raises(UnusableBundleError, match=words):
        domains.opened(sent.replace(old, new), "http://repo/")


# The client that initiators use too.


def test_a_pack_comes_from_the_server_of_the_domain_that_names_it(server: Server, tmp_path: Path) -> None:
    far = load(project(tmp_path / "far", mounted(M7)), runtimes=False)
    artifact = inner(far).components["printer"].artifact
    pack = far.store.path(artifact).read_bytes()
    server.behave = serve({"bundle": encode(bundle(far)), f"packs/{artifact}": pack})
    near = reads(project(tmp_path / "near", mounted(f"{{server: '{server.url('')}'}}")))

    assert domains.servers(bundle(near))[artifact] == server.url("")
    file = domains.fetch_pack(server.url(""), artifact, near.store, LIMITS)
    again = domains.fetch_pack("http://127.0.0.1:9/", artifact, near.store, LIMITS)

    assert file.read_bytes() == pack
    assert again == file


@pytest.mark.parametrize("sent", [b"", b"something", b"\0\0\0\2[]"])
def test_a_pack_that_holds_something_else_is_not_kept(server: Server, tmp_path: Path, sent: bytes) -> None:
    far = load(project(tmp_path / "far", mounted(M7)), runtimes=False)
    artifact = inner(far).components["printer"].artifact
    server.behave = say(reply(200, sent))
    near = load(write(tmp_path / "near"))

    with pytest.raises(TransferError, match="holds something else") as caught:
        domains.fetch_pack(server.url(""), artifact, near.store, LIMITS)

    assert caught.value.code == "bad-bundle"
    assert not near.store.has(artifact)


def test_initiators_need_nothing_for_it_that_a_runtime_does_not_carry() -> None:
    code = (
        "import sys; from ramify.repository import domains, direct, downloads; "
        "print([name for name in ('urllib3', 'yaml', 'lxml', 'jsonschema', 'click') if name in sys.modules])"
    )

    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert said.stdout == "[]\n"


def test_a_bundle_is_within_itself_once(tmp_path: Path) -> None:
    outer = bundle(load(project(tmp_path, mounted(M7))))

    assert len(list(within(outer))) == 2
    assert msgspec.json.decode(encode(outer), type=Bundle) == outer
