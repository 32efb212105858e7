"""Signed orders: what an initiator sends of a compiled fleet the stub takes, and nothing else."""

import hashlib
from collections.abc import Callable
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
from ramify.stub.wire import StubError
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


SECRET = document(
    "secret.yml",
    {"PASSWORD": "{{ secrets.db }}", "URL": "db://{{ node.name }}:{{ secrets.db }}@x"},
    files={"db.conf": "{{ secrets.db }}"},
)


def with_secrets(value: str) -> Fleet:
    """A signed project whose services are given a secret; what was signed knows nothing of its value."""
    made = bundle(
        spec("r", spec("app[1-3]")),
        documents=(SECRET,),
        code=(entry("/r", "init", 1), entry("/r/*", "agent", 2)),
        components=COMPONENTS,
        service=(entry("/r/*", "secret.yml", 4),),
    )
    made = structs.replace(made, secrets={"db": hashlib.sha256(value.encode()).hexdigest()})
    (claim,) = trusting.claims(sound(compile_fleet(made)))
    text = trusting.statement(claim).text()
    assert value not in text
    return sound(compile_fleet(structs.replace(made, seal=Seal(text, (OPS.sign(text),)))))


def secret_request(value: str) -> tuple[dict[str, Any], dict[str, Any]]:
    fleet = with_secrets(value)
    node = fleet.by_path["/r/app2"]
    made = order.build(fleet, node, profile(fleet, node, FACTS, {"db": value}), None)
    both = (made, warrants.warrant(fleet, node, ()))
    return msgspec.json.decode(msgspec.json.encode(both), type=tuple[dict[str, Any], dict[str, Any]])


def test_an_order_with_secrets_is_taken_and_its_warrant_has_none() -> None:
    made, signed = secret_request("hunter2-hunter2")

    assert trust.verify(POLICY, orders.check(made, "/r/app2"), signed, NOW)
    assert made["service"]["env"]["URL"] == "db://app2:hunter2-hunter2@x"
    assert "hunter2" not in str(signed)


def test_a_signature_stays_good_when_a_secret_is_changed() -> None:
    made, _ = secret_request("rotated-rotated")
    _, signed = secret_request("hunter2-hunter2")

    assert trust.verify(POLICY, orders.check(made, "/r/app2"), signed, NOW)


FORGED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another variable": (lambda it: it["service"]["env"].update(COPY="x"), "service.env.COPY"),
    "a variable left out": (lambda it: it["service"]["env"].pop("PASSWORD"), "service.env.PASSWORD"),
    "an argument": (lambda it: it["service"]["args"].append("x"), "service.args"),
    "a readable file": (lambda it: it["service"]["files"][0].update(mode=0o644), "service.files: 'db.conf'"),
    "another file": (lambda it: it["service"]["files"][0].update(name="a"), "service.files: 'a'"),
    "a file for the installer": (
        lambda it: it["install"]["files"].append(it["service"]["files"][0]),
        "install.files",
    ),
    "another program": (lambda it: it["service"]["start"].update(service=["env"]), "service.start"),
    "a stop that tells": (lambda it: it["uninstall"].update(argv=["env"]), "uninstall.argv"),
    "other code": (lambda it: it["code"].update(artifact="c" * 64), "code.artifact"),
}


@pytest.mark.parametrize("name", FORGED)
def test_an_order_that_would_have_a_secret_somewhere_else_is_refused(name: str) -> None:
    forge, words = FORGED[name]
    made, signed = secret_request("hunter2-hunter2")
    forge(made)

    with pytest.raises(StubError) as told:
        trust.verify(POLICY, orders.check(made, "/r/app2"), signed, NOW)
    assert words in told.value.message + told.value.detail
    assert "hunter2" not in told.value.message + told.value.detail


def test_an_order_with_secrets_that_somebody_else_signed_is_refused() -> None:
    made, signed = secret_request("hunter2-hunter2")

    for signatures in ([], [WEB.sign(signed["statement"])]):
        with pytest.raises(StubError) as told:
            trust.verify(POLICY, orders.check(made, "/r/app2"), {**signed, "signatures": signatures}, NOW)
        assert "hunter2" not in told.value.message + told.value.detail
