"""Servers that only an initiator asks: the last word is kept, and never taken for another one."""

from pathlib import Path

import pytest
from msgspec import structs

from ramify.compile.fleet import compile_fleet
from ramify.initiator.domains import MAX_DEPTH, DomainError, Domains, augmented
from ramify.model import bundle as bundles
from ramify.model.bundle import Bundle
from ramify.model.hierarchy import Domain
from ramify.repository.transfers import TransferError
from sim.servers import SimServers
from unit.compile.bundles import at, bundle, spec

URL = "http://m9/"
FIRST, SECOND = bundle(spec("app1")), bundle(spec("app2"))


@pytest.fixture(name="servers")
def _servers() -> SimServers:
    made = SimServers()
    made.serves[URL] = FIRST
    return made


def digest(of: Bundle) -> str:
    return bundles.digest(bundles.encode(of))


async def test_what_it_has_already_is_not_sent_again(tmp_path: Path, servers: SimServers) -> None:
    domains = Domains(tmp_path, servers)

    first = await domains.bundle(URL)
    again = await domains.bundle(URL)

    assert first == again
    assert (first.digest, first.stale) == (digest(FIRST), "")
    servers.serves[URL] = SECOND
    assert (await domains.bundle(URL)).digest == digest(SECOND)


async def test_what_was_planned_from_is_had_without_asking(tmp_path: Path, servers: SimServers) -> None:
    domains = Domains(tmp_path, servers)
    planned = (await domains.bundle(URL)).digest
    servers.serves[URL] = SECOND
    servers.asked.clear()

    assert (await domains.bundle(URL, planned)).digest == planned
    assert servers.asked == []


async def test_another_than_was_planned_from_is_refused(tmp_path: Path, servers: SimServers) -> None:
    domains = Domains(tmp_path, servers)
    planned = (await domains.bundle(URL)).digest
    servers.serves[URL] = SECOND
    await domains.bundle(URL)

    with pytest.raises(DomainError, match="has changed since it was planned: plan again"):
        await domains.bundle(URL, planned)


async def test_a_copy_does_only_where_the_server_says_nothing(tmp_path: Path, servers: SimServers) -> None:
    domains = Domains(tmp_path, servers)
    servers.down.add(URL)
    with pytest.raises(DomainError, match="http://m9/ cannot be asked: Connection refused"):
        await domains.bundle(URL)
    servers.down.clear()
    await domains.bundle(URL)
    servers.down.add(URL)

    assert (await Domains(tmp_path, servers).bundle(URL)).stale == "Connection refused"

    class Gone(SimServers):
        async def bundle(self, server: str, known: str) -> bytes | None:
            raise TransferError("http-status", "the server answers 404")

    with pytest.raises(DomainError, match=r"404; is it `ramify repo serve` of a whole project\?"):
        await Domains(tmp_path, Gone()).bundle(URL)


async def test_nonsense_is_told_and_leaves_what_is_kept(tmp_path: Path, servers: SimServers) -> None:
    domains = Domains(tmp_path, servers)
    await domains.bundle(URL)

    class Mad(SimServers):
        async def bundle(self, server: str, known: str) -> bytes | None:
            return b'{"project": 5}'

    with pytest.raises(DomainError, match="has no bundle that can be used here"):
        await Domains(tmp_path, Mad()).bundle(URL)
    assert (await domains.bundle(URL)).digest == digest(FIRST)


async def test_what_is_forgotten_is_gone_and_all_else_stays(tmp_path: Path, servers: SimServers) -> None:
    domains = Domains(tmp_path, servers)
    servers.serves["http://m8/"] = SECOND
    for url in (URL, "http://m8/"):
        await domains.bundle(url)

    domains.forget({URL})

    assert [structs.replace(one, hierarchy=FIRST.hierarchy) for one in domains.kept()] != []
    assert [[spec.name for spec in one.hierarchy.tree] for one in domains.kept()] == [["app1"]]


def test_a_bundle_is_augmented_where_its_node_lies() -> None:
    outer = Domain(at(1), server="http://outer/", planned="there")
    inner = Domain(at(2), server="http://inner/", planned="there")
    fleet = compile_fleet(bundle(spec("a", domain=outer)), "/a")
    once = augmented(fleet, "/a", bundle(spec("b", domain=inner)))
    twice = augmented(compile_fleet(once, "/a/b"), "/a/b", bundle(spec("app1")))

    assert [node.path for node in compile_fleet(twice).tree.nodes] == ["/a", "/a/b", "/a/b/app1"]
    assert set(twice.domains) == {outer.key}


def test_domains_end_somewhere() -> None:
    itself = Domain(at(1), server=URL, planned="there")
    fleet = compile_fleet(bundle(spec("a", domain=itself)), "/a")
    once = augmented(fleet, "/a", bundle(spec("b", domain=itself)))
    with pytest.raises(DomainError, match="contains itself"):
        augmented(compile_fleet(once, "/a/b"), "/a/b", FIRST)

    assert nested(MAX_DEPTH).domains
    with pytest.raises(DomainError, match=f"nested deeper than {MAX_DEPTH}"):
        nested(MAX_DEPTH + 1)


def nested(levels: int) -> Bundle:
    """A domain in a domain, and so on."""
    deep, path = bundle(spec("n0", domain=Domain(at(1), server="http://0/"))), "/n0"
    for number in range(1, levels + 1):
        further = Domain(at(1), server=f"http://{number}/")
        deep = augmented(compile_fleet(deep, path), path, bundle(spec(f"n{number}", domain=further)))
        path += f"/n{number}"
    return deep
