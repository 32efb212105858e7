"""Signed orders: what an initiator sends of a compiled fleet the stub takes, and nothing else."""

from typing import Any

import msgspec
import pytest
from msgspec import structs

from ramify.compile import trusting
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.profiles import profile
from ramify.initiator import order, warrants
from ramify.model.bundle import Bundle
from ramify.model.component import Component, Control, Parameter, Stop
from ramify.model.hierarchy import Domain
from ramify.model.trust import Seal
from ramify.stub import orders, policies, trust
from unit.compile.bundles import at, bundle, document, entry, sound, spec
from unit.stub.signing import NOW, OPS, WEB, canonical, policy, refused

ODD = Component(
    "agent",
    "a" * 64,
    10,
    start={"service": ("./agent", "{config}/x"), "helper": ("sh", "-c", "größe \u2028 \x7f")},
    install=("./install", "--all"),
    install_timeout=10,
    uninstall=("./remove",),
    stop=Stop("SIGINT", 3),
    activate=Control(),
    deactivate=Control("SIGSTOP", ("./pause", "now")),
    reload=Control("SIGHUP"),
    grace=1,
    parameters={"PORT": Parameter(type="integer", default="80")},
)
ARM = structs.replace(ODD, ref="arm", artifact="c" * 64)
INIT = Component("init", "b" * 64, 10, role="initiator", start={"initiator": ("{runtime}/python", "-m", "x")})
COMPONENTS = {"init": INIT, "agent": ODD, "arm": ARM}
FACTS = {"machine": "armv7l", "os": "debian 12"}
SERVICE = document(
    "service.yml",
    {
        "A": "{{ node.name }}",
        "B": "größe",
        "C": "{{ host.address }}",
        "D": "{{ facts.os }}",
        "RAMIFY_PATH": "x",
    },
    ["--level", "{{ parent.name if parent else node.name }}", "{{ facts.machine }}"],
    {"a/b.conf": "{{ node.path }} \x7f \u2028 😀", "late.conf": "{{ host.name }}", "plain.conf": '"\\/'},
)
INSTALL = document("install.yml", {"DEEP": "{{ node.name }}", "PLAIN": "1"}, ["{{ host.name }}"])
OWN = document("own.yml", {order.INTERPRETER: "/usr/bin/python3"})
DOMAIN = Domain(at(5), repository="r.yml", hierarchy="h.yml")
ON_ARM = structs.replace(entry("/**/app1", "arm", 1), when={"machine": ("arm*",)})
CODE = (entry("/** !/**/app*", "init", 1), ON_ARM, entry("/**/app*", "agent", 2))
POLICY = policies.read(canonical(policy(rules=[
    {"mount": "/", "paths": ["/**"], "signers": ["ops@acme"]},
    {"mount": "/m", "paths": ["/m/**"], "signers": ["web@acme"]},
])))  # fmt: skip


def part(*tree: Any, own: bool = False) -> Bundle:
    documents = (SERVICE, OWN) if own else (SERVICE,)
    return bundle(
        *tree,
        documents=documents,
        install=(entry("/**", "install.yml", 4),),
        others=(INSTALL,),
        code=CODE,
        components=COMPONENTS,
    )


def signed_fleet(*, own: bool = False) -> Fleet:
    """A project with a domain, each signed by its own signer."""
    inner = structs.replace(part(spec("z1", spec("app[1-3]")), own=own), project="inner")
    outer = part(spec("r[1-3]", spec("app[1-4]")), spec("m", domain=DOMAIN), own=own)
    whole = structs.replace(outer, domains={DOMAIN.key: inner})
    texts = {
        claim.mount: trusting.statement(claim).text()
        for claim in trusting.claims(sound(compile_fleet(whole)))
    }
    inner = structs.replace(inner, seal=Seal(texts["/m"], (WEB.sign(texts["/m"]),)))
    seal = Seal(texts["/"], (OPS.sign(texts["/"]),))
    return sound(compile_fleet(structs.replace(whole, domains={DOMAIN.key: inner}, seal=seal)))


def request(fleet: Fleet, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Order and field as the wire carries them."""
    node = fleet.by_path[path]
    made = order.build(fleet, node, profile(fleet, node, FACTS), None)
    both = (made, warrants.warrant(fleet, node, ()))
    return msgspec.json.decode(msgspec.json.encode(both), type=tuple[dict[str, Any], dict[str, Any]])


@pytest.mark.parametrize("own", [False, True])
def test_the_stub_takes_every_order_of_a_signed_fleet(own: bool) -> None:
    fleet = signed_fleet(own=own)

    for node in fleet.tree.nodes:
        made, signed = request(fleet, node.path)
        assert trust.verify(POLICY, orders.check(made, node.path), signed, NOW)


@pytest.mark.parametrize("path", ["/r2/app3", "/r1/app1", "/r1", "/m", "/m/z1", "/m/z1/app2"])
def test_no_order_passes_for_another_node(path: str) -> None:
    fleet = signed_fleet()
    made, _ = request(fleet, path)

    for node in fleet.tree.nodes:
        if node.path != path:
            with refused("is signed by|is not what"):
                trust.verify(POLICY, orders.check(made, path), request(fleet, node.path)[1], NOW)


def test_a_domain_is_spoken_for_by_its_own_signer_alone() -> None:
    fleet = signed_fleet()
    made, signed = request(fleet, "/m/z1/app2")
    by_ops = {**signed, "signatures": [OPS.sign(signed["statement"])]}

    with refused(r"/m/z1/app2 \(domain at /m\) is signed by ops@acme; it takes rule 2"):
        trust.verify(POLICY, orders.check(made, "/m/z1/app2"), by_ops, NOW)
