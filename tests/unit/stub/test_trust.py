"""Trust: of an order nothing can be forged, and a policy is replaced only by those whom it names."""

import copy
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.stub import archive, claimed, evidence, orders, policies, trust
from ramify.stub.wire import StubError
from unit.stub import host as hosts
from unit.stub import signing
from unit.stub.host import Host, commands, interpreters, pack, put, states
from unit.stub.signing import (
    APP,
    ARTIFACT,
    NOW,
    OPS,
    RUNTIME,
    STRANGER,
    WEB,
    Node,
    Realm,
    canonical,
    known,
    policy,
    realm,
    refused,
)

REALM = realm()
POLICY = policies.read(canonical(policy()))

Change = Callable[[dict[str, Any]], object]


def verify(order: dict[str, Any], signed: object, found: policies.Policy = POLICY) -> str:
    return trust.verify(found, orders.check(order, order["path"]), signed, NOW)


@pytest.mark.parametrize(
    "path",
    ["/region0", "/region1", "/region1/zone1", "/region1/zone2", APP, "/region2", "/region1/zone2/app1"],
)
def test_every_node_of_a_signed_realm_is_believed(path: str) -> None:
    assert "rule 1" in verify(REALM.order(path), REALM.signed(path, OPS))


def test_a_realm_of_one_node_is_its_own_root() -> None:
    one = Realm(Node("/a"))

    assert one.tree == one.tops[0].own
    assert verify(one.order("/a"), one.signed("/a", OPS))


def test_a_domain_speaks_for_what_is_below_its_mount_only() -> None:
    domain = realm(mount="/web")
    order, signed = domain.order(APP), domain.signed(APP, WEB)

    assert "rule 2" in verify(order, signed)
    with refused(r"/region1/zone2/app3 \(domain at /web\) is signed by web@acme"):
        verify({**order, "path": APP}, signed)
    with refused("path is not what web@acme signed"):
        verify({**order, "path": f"/web/other{APP}"}, signed)
    with refused("no realm can be mounted"):
        verify(order, {**signed, "mount": "/web/"})


def test_the_same_statement_counts_only_where_its_signer_may_speak() -> None:
    with refused(r"/web/region1/zone2/app3 is signed by web@acme; it takes rule 1"):
        domain = realm(mount="/web")
        verify(domain.order(APP), {**domain.signed(APP, WEB), "mount": "/"})


def test_what_need_not_be_signed_is_taken_as_it_comes() -> None:
    order = {**REALM.order(APP), "path": "/free/x"}

    assert "may be unsigned" in verify(order, None)
    assert "may be unsigned" in verify(order, "rubbish")


@pytest.mark.parametrize(
    ("keys", "reason"),
    [((), "signed by nobody"), ((STRANGER,), "signed by nobody"), ((OPS,), ""), ((STRANGER, WEB), "")],
)
def test_somebody_who_may_must_have_signed(keys: tuple[signing.Key, ...], reason: str) -> None:
    signed = REALM.signed(APP, *keys)
    if reason:
        with refused(reason):
            verify(REALM.order(APP), signed)
    else:
        assert verify(REALM.order(APP), signed)


def test_no_signature_at_all_is_told_with_path_and_rule() -> None:
    with refused(rf"{APP} is signed by nobody; it takes rule 1 \(ops@acme for /\*\*\)"):
        verify(REALM.order(APP), None)


FORGERIES: list[tuple[str, Change]] = [
    ("digest", lambda o: o.update(digest="0" * 64)),
    ("environment_digest", lambda o: o.update(environment_digest="0" * 64)),
    ("service_digest", lambda o: o.update(service_digest="")),
    ("code.artifact", lambda o: o["code"].update(artifact="d" * 64)),
    ("code.artifact", lambda o: o["code"].update(artifact=None)),
    ("code.share", lambda o: o["code"].update(share=True)),
    ("shared", lambda o: o.update(shared={"runtime": "d" * 64})),
    ("shared", lambda o: o.update(shared={"runtime": RUNTIME, "other": RUNTIME})),
    ("shared", lambda o: o.update(shared={"other": RUNTIME})),
    ("install.argv", lambda o: o["install"]["argv"].append("x")),
    ("install.argv", lambda o: o["install"].update(argv=None)),
    ("install.env.WHERE", lambda o: o["install"]["env"].update(WHERE="there")),
    ("install.env.LD_PRELOAD", lambda o: o["install"]["env"].update(LD_PRELOAD="/tmp/x")),
    ("install.env.WHERE", lambda o: o["install"]["env"].clear()),
    ("install.args", lambda o: o["install"]["args"].append("x")),
    ("install.args", lambda o: o["install"]["args"].pop()),
    ("install.args", lambda o: o["install"]["args"].reverse()),
    ("install.args", lambda o: o["install"]["args"].__setitem__(1, "deep")),
    ("install.files", lambda o: o["install"]["files"].clear()),
    ("install.files", lambda o: o["install"]["files"].append({"name": "x", "content": ""})),
    ("install.files", lambda o: o["install"]["files"][0].update(content="")),
    ("install.files", lambda o: o["install"]["files"][0].update(name="b")),
    ("install.files", lambda o: o["install"]["files"][0].update(mode=0o777)),
    ("install.files", lambda o: o["install"]["files"][0].update(base64="")),
    ("install.timeout", lambda o: o["install"].update(timeout=61)),
    ("uninstall.argv", lambda o: o["uninstall"].update(argv=["rm", "-rf", "/"])),
    ("service.start", lambda o: o["service"].update(start=None)),
    ("service.start", lambda o: o["service"]["start"].update(main=["sh", "-c", "x"])),
    ("service.start", lambda o: o["service"]["start"].update(other=["sh"])),
    ("service.start_from", lambda o: o["service"].update(start_from="installer")),
    ("service.stop", lambda o: o["service"]["stop"].update(signal="KILL")),
    ("service.stop", lambda o: o["service"]["stop"].update(timeout=0)),
    ("service.control.activate", lambda o: o["service"]["control"].update(activate=None)),
    ("service.control.activate", lambda o: o["service"]["control"].update(activate={"signal": "HUP"})),
    ("service.control.deactivate", lambda o: o["service"]["control"].update(deactivate={"argv": ["./x"]})),
    ("service.control.deactivate", lambda o: o["service"]["control"].update(deactivate={"signal": "STOP"})),
    ("service.control.reload", lambda o: o["service"]["control"].update(reload={"argv": ["./x"]})),
    ("service.control.reload", lambda o: o["service"]["control"].pop("reload")),
    ("service.grace", lambda o: o["service"].update(grace=0)),
    ("service.health", lambda o: o["service"].update(health={"kind": "tcp", "port": "80"})),
    ("service.env.PORT", lambda o: o["service"]["env"].update(PORT="81")),
    ("service.env.NAMED", lambda o: o["service"]["env"].update(NAMED="x")),
    ("service.env.ADDRESS", lambda o: o["service"]["env"].pop("ADDRESS")),
    ("service.env.RAMIFY_PROJECT", lambda o: o["service"]["env"].update(RAMIFY_PROJECT="other")),
    ("service.env.RAMIFY_PATH", lambda o: o["service"]["env"].update(RAMIFY_PATH="/region2")),
    ("service.env.RAMIFY_NAME", lambda o: o["service"]["env"].update(RAMIFY_NAME="x")),
    ("service.env.RAMIFY_PARENT", lambda o: o["service"]["env"].update(RAMIFY_PARENT="/")),
    ("service.env.RAMIFY_CHILDREN", lambda o: o["service"]["env"].update(RAMIFY_CHILDREN="/x")),
    ("service.env.RAMIFY_HOST", lambda o: o["service"]["env"].pop("RAMIFY_HOST")),
    ("service.env.RAMIFY_MORE", lambda o: o["service"]["env"].update(RAMIFY_MORE="x")),
    ("service.env.RAMIFY_INTERPRETER", lambda o: o["service"]["env"].update(RAMIFY_INTERPRETER="/tmp/x")),
    ("service.args", lambda o: o["service"]["args"].__setitem__(1, "4")),
    ("service.args", lambda o: o["service"]["args"].__setitem__(2, "bear")),
    ("service.args", lambda o: o["service"]["args"].__setitem__(3, "X=2")),
    ("service.args", lambda o: o["service"]["args"].__setitem__(4, "Z=h1")),
    ("service.args", lambda o: o["service"]["args"].append("--evil")),
    ("service.files", lambda o: o["service"]["files"][0].update(content="")),
    ("service.files", lambda o: o["service"]["files"][1].update(mode=0o777)),
    ("service.files", lambda o: o["service"]["files"][1].update(name="own.conf")),
    ("service.files", lambda o: o["service"]["files"].reverse()),
]


@pytest.mark.parametrize(("part", "change"), FORGERIES)
def test_no_part_of_an_order_can_be_forged(part: str, change: Change) -> None:
    order = REALM.order(APP)
    change(order)

    with refused(f"{APP}: {part}.* is not what ops@acme signed"):
        verify(order, REALM.signed(APP, OPS))


def leaves(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every plain value, and of every container."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, item in inner for place in leaves(item, (*at, key)))]


# What placement decides, or the spec declares late: anything else in an order is signed.
FREE = [
    ("binding",),
    ("service", "env", "ADDRESS"),
    ("service", "env", "RAMIFY_HOST"),
    ("service", "env", "RAMIFY_ADDRESS"),
    ("service", "env", "RAMIFY_PARENT_ADDRESS"),
    ("service", "env", "RAMIFY_CHILDREN_ADDRESSES"),
    ("service", "files", 1, "content"),
]
ORDER = REALM.order(APP)
SIGNED = REALM.signed(APP, OPS)
PLACES = [place for place in leaves(ORDER) if place and place not in FREE and place != ("service", "args", 4)]
ANYTHING = st.none() | st.booleans() | st.integers(-1, 9) | st.floats() | st.text(max_size=3)
ANYTHING |= st.sampled_from(
    [[], {}, ["x"], {"x": "y"}, ["left", "0" * 64], [[]] * 3, "0" * 64, '["x"]', "/", "/region1"]
)


def replaced(whole: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made = copy.deepcopy(whole)
    inner: Any = made
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return made


def at(whole: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        whole = whole[key]
    return whole


@given(st.sampled_from(PLACES), ANYTHING)
def test_whatever_is_put_into_an_order_it_is_refused_or_means_the_same(
    place: tuple[Any, ...], value: Any
) -> None:
    forged = replaced(ORDER, place, value)
    with suppress(StubError):  # anything else that is raised would be a bug
        full = orders.check(forged, APP)
        trust.verify(POLICY, full, SIGNED, NOW)
        assert full == orders.check(ORDER, APP)


@given(st.sampled_from([place for place in leaves(SIGNED) if place]), ANYTHING)
def test_whatever_is_put_into_the_evidence_it_is_refused(place: tuple[Any, ...], value: Any) -> None:
    forged = replaced(SIGNED, place, value)
    if forged == SIGNED and type(at(forged, place)) is type(at(SIGNED, place)):
        return
    with pytest.raises(StubError) as caught:
        trust.verify(POLICY, orders.check(ORDER, APP), forged, NOW)
    assert caught.value.code == "untrusted"


@given(st.recursive(ANYTHING, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_whatever_comes_as_signed_is_refused(signed: object) -> None:
    with pytest.raises(StubError) as caught:
        trust.verify(POLICY, orders.check(ORDER, APP), signed, NOW)
    assert caught.value.code == "untrusted"


@pytest.mark.parametrize("place", FREE)
def test_what_is_placed_or_late_is_free(place: tuple[Any, ...]) -> None:
    assert verify(replaced(ORDER, place, "another"), SIGNED)


def test_the_runtime_of_the_statement_may_come_with_an_order() -> None:
    assert verify({**ORDER, "shared": {"runtime": RUNTIME}}, SIGNED)


def test_evidence_of_one_node_says_nothing_of_another() -> None:
    other = REALM.signed("/region1/zone2/app1", OPS)
    with refused("path is not what ops@acme signed"):
        verify(ORDER, other)
    with refused("not part of what ops@acme signed"):
        verify(ORDER, {**SIGNED, "proof": other["proof"]})


@pytest.mark.parametrize("part", ["install", "service_class"])
def test_a_class_that_a_node_is_not_of_says_nothing_about_it(part: str) -> None:
    """Only the digest of the class stands in the node's own texts: it must be that of the text shown."""
    facts = {"install": [ARTIFACT, ["sh", "-c", "evil"], 60.0, None], "service_class": signing.SERVICE_FACTS}
    values = {"install": signing.INSTALL, "service_class": signing.SERVICE}
    shown = {**SIGNED["evidence"], part: canonical([facts[part], [*values[part], known("env", "EVIL", "1")]])}
    with refused(f"is that of another class than evidence.{part}"):
        verify(ORDER, {**SIGNED, "evidence": shown})


def test_a_statement_of_another_tree_proves_nothing() -> None:
    other = Realm(Node("/region0"))
    signatures = [OPS.sign(other.statement)]
    with refused("not part of what"):
        verify(ORDER, {**SIGNED, "statement": other.statement, "signatures": signatures})


def test_nested_claims_are_refused_not_followed() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    text = canonical([["x"], "DEEP"]).replace('"DEEP"', "[" * 500 + "]" * 500)
    for forged in (
        deep,
        {**SIGNED, "proof": deep},
        {**SIGNED, "evidence": {**SIGNED["evidence"], "install": text}},
    ):
        with pytest.raises(StubError, match=r"signed|proof|evidence"):
            verify(ORDER, forged)


PYTHON = "/opt/ramify/bin/python"
INITIATOR = ["{runtime}/python", "-m", "ramify.initiator.service"]


def initiator(value: list[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Order and signed field of an initiator whose interpreter is a value."""
    facts = [*signing.SERVICE_FACTS]
    facts[1:3] = ["initiator", {"initiator": INITIATOR, "main": ["sh", "run.sh"]}]
    made = Realm(Node("/a", service_facts=facts, service=[*signing.SERVICE, value]))
    order = made.order("/a")
    order["service"]["env"]["RAMIFY_INTERPRETER"] = PYTHON
    order["service"]["start"] = {"initiator": [PYTHON, *INITIATOR[1:]], "main": ["sh", "run.sh"]}
    return order, made.signed("/a", OPS)


@pytest.mark.parametrize("late", [False, True])
def test_an_initiator_runs_with_the_interpreter_that_its_values_name(late: bool) -> None:
    order, signed = initiator(known("env", "RAMIFY_INTERPRETER", "{{ x }}" if late else PYTHON, late=late))

    assert verify(order, signed)
    with refused("service.start is not"):
        verify(replaced(order, ("service", "start", "initiator"), INITIATOR), signed)
    with refused("service.start is not"):
        verify(replaced(order, ("service", "start", "main"), [PYTHON, *INITIATOR[1:]]), signed)


def test_children_of_a_domain_are_its_own_business() -> None:
    made = Realm(Node("/a", names=None))
    order = made.order("/a")
    order["service"]["env"]["RAMIFY_CHILDREN"] = "/a/x /a/y"

    assert verify(order, made.signed("/a", OPS))


def variants() -> Realm:
    """Code for two kinds of hosts; the third entry of both has the same files, started otherwise."""
    small, large, third = "os == 'small'", "os == 'large'", "os == 'third'"
    quick = [*signing.SERVICE_FACTS[:-2], 0.5, None]
    installs = [
        [small, signing.INSTALL_FACTS],
        [large, ["e" * 64, None, 60.0, None]],
        [third, [ARTIFACT, None, 60.0, None]],
    ]
    services = [
        [small, signing.SERVICE_FACTS],
        [large, ["e" * 64, *signing.SERVICE_FACTS[1:]]],
        [third, quick],
    ]
    return Realm(Node("/a", install_facts={"variants": installs}, service_facts={"variants": services}))


def test_an_order_fits_one_variant_of_the_code_and_no_mixture() -> None:
    made = variants()
    signed = made.signed("/a", OPS)
    first = made.order("/a")
    large = replaced(first, ("code", "artifact"), "e" * 64)
    without = replaced(first, ("install", "argv"), None)

    assert verify(first, signed)
    assert verify(replaced(large, ("install", "argv"), None), signed)
    assert verify(replaced(without, ("service", "grace"), 0.5), signed)
    for mixed in (large, without, replaced(first, ("service", "grace"), 0.5)):
        with refused("code .* is not what"):
            verify(mixed, signed)


def test_of_nothing_that_runs_there_is_no_order() -> None:
    made = Realm(Node("/a", install_facts=[], service_facts=[]))
    with refused("code.artifact is not what"):
        verify(made.order("/a"), made.signed("/a", OPS))


@pytest.mark.parametrize(
    ("children", "levels"), [(1, [0]), (2, [0, 1]), (3, [2]), (5, [0, 4]), (7, [3, 6]), (33, [0, 16, 32])]
)
def test_a_proof_leads_to_the_root_from_every_place(children: int, levels: list[int]) -> None:
    nodes = [Node(f"/n{number}") for number in range(children)]
    made = Realm(*nodes)
    for number in levels:
        signed = made.signed(f"/n{number}", OPS)
        assert evidence.fold(nodes[number].own, "", signed["proof"]) == made.tree


def test_proofs_have_bounds() -> None:
    level = {"beside": [], "node": "0" * 64}
    with refused("not a list of at most"):
        evidence.fold("0" * 64, "", [level] * 100)
    with refused("not a list of at most"):
        evidence.fold("0" * 64, "", [{**level, "beside": [["left", "0" * 64]] * 100}])
    with refused("has no node, and is not the last"):
        evidence.fold("0" * 64, "", [{**level, "node": None}, level])


# The policy itself.

NEXT = canonical(policy(serial=4))


def test_a_policy_is_replaced_by_whom_it_lets_speak_for_everything() -> None:
    assert trust.succeed(POLICY, NEXT, [OPS.sign(NEXT)], NOW).serial == 4
    same = canonical(policy(unsigned=[]))
    assert trust.succeed(POLICY, same, [OPS.sign(same)], NOW).unsigned == []


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        (NEXT, WEB, r"signed by web@acme; the pinned one takes another from ops@acme \(/\*\*\)"),
        (NEXT, STRANGER, "signed by nobody"),
        (canonical(policy(serial=2)), OPS, "serial 2 is below that of the pinned one, 3"),
        ("{}", OPS, "policy has no format"),
    ],
)
def test_a_policy_is_replaced_by_nobody_else(text: str, key: signing.Key, reason: str) -> None:
    with refused(reason):
        trust.succeed(POLICY, text, [key.sign(text)], NOW)


def test_a_policy_cannot_let_its_own_signer_in() -> None:
    usurped = [{"mount": "/", "paths": ["/**"], "signers": ["web@acme"]}]
    text = canonical(policy(serial=9, rules=usurped))
    with refused("signed by web@acme; the pinned one takes another from ops@acme"):
        trust.succeed(POLICY, text, [WEB.sign(text)], NOW)
    own = {"key": STRANGER.line, "name": "ops@acme", "options": {}}
    text = canonical(policy(serial=9, signers=[own, *policy()["signers"]]))
    with refused("signed by nobody"):
        trust.succeed(POLICY, text, [STRANGER.sign(text)], NOW)


# On a host.


def pin(text: str = canonical(policy()), *keys: signing.Key) -> dict[str, Any]:
    return {"op": "trust", "policy": text, "signatures": [key.sign(text) for key in keys]}


FILES = {"install.sh": "exit 0", "run.sh": "exec sleep 1000", "pause": "#!/bin/sh\n"}


def small() -> tuple[tuple[str, bytes], dict[str, Any], dict[str, Any]]:
    """A pack, and order and signed field of a node that runs it."""
    digest, data = pack(FILES)
    facts = {
        "install_facts": [digest, *signing.INSTALL_FACTS[1:]],
        "service_facts": [digest, *signing.SERVICE_FACTS[1:]],
    }
    made = Realm(Node("/a", **facts), Node("/b"))
    order = replaced(made.order("/a"), ("code", "artifact"), digest)
    return (digest, data), order, made.signed("/a", OPS)


@pytest.mark.parametrize("python", interpreters())
def test_a_host_obeys_whom_it_trusts_on_every_python(tmp_path: Path, python: str) -> None:
    host = Host(tmp_path, python)
    packed, order, signed = small()
    forged = replaced(order, ("install", "argv"), ["sh", "-c", f"touch {tmp_path}/evil"])
    good = {**commands("deploy", order=order, path="/a"), "signed": signed}
    bad = {**commands("deploy", order=forged, path="/a"), "signed": signed}
    none = commands("deploy", order=order, path="/a")
    try:
        pinned, _, unsigned, refusal, deployed = host.session(pin(), put(*packed), none, bad, good)
        gone = host.commands("shutdown", "uninstall", path="/a")
    finally:
        host.clean()

    assert pinned["trust"] == signing.digest(canonical(policy()))
    for reply in (unsigned, refusal):
        assert reply["error"]["code"] == "untrusted"
    assert "/a is signed by nobody; it takes rule 1 (ops@acme for /**)" in unsigned["error"]["message"]
    assert refusal["error"]["message"] == "/a: install.argv is not what ops@acme signed"
    assert not (tmp_path / "evil").exists()
    assert states(deployed) == ("installed", "active")
    assert states(gone) == ("non-existent", "non-existent")


def test_a_policy_outlives_the_last_node(host: Host) -> None:
    packed, order, signed = small()
    deploy = {**commands("deploy", order=order, path="/a"), "signed": signed}
    host.session(pin(), put(*packed), deploy)
    host.commands("shutdown", "uninstall", path="/a")

    assert [file.name for file in host.root.iterdir()] == ["trust.json"]
    assert (host.root / "trust.json").stat().st_mode & 0o777 == 0o600
    assert (host.root / "trust.json").read_text() == canonical(policy())


def test_refused_orders_leave_no_trace(host: Host) -> None:
    host.session(pin(), commands("deploy", order=small()[1], path="/a"))

    assert sorted(file.name for file in host.root.iterdir()) == ["stub", "trust.json"]


def test_the_greeting_names_the_policy(host: Host) -> None:
    stub = archive.build()
    sent = stub.data + hosts.frame({"id": 1, **pin()}) + hosts.parts()
    before = hosts.frames(host.run(sent, len(stub.data)).stdout)[0]
    (after,) = hosts.frames(host.run(b"").stdout)

    assert before["trust"] == ""
    assert after["trust"] == signing.digest(canonical(policy()))


def test_without_a_pinned_policy_what_is_signed_is_ignored(host: Host) -> None:
    packed, order, _ = small()
    _, reply = host.session(put(*packed), {**commands("deploy", order=order, path="/a"), "signed": 3})

    assert states(reply) == ("installed", "active")


def test_the_first_policy_is_pinned_and_others_need_signatures(host: Host) -> None:
    first, again, unsigned, by_web, by_ops, older = host.session(
        pin(), pin(), pin(NEXT), pin(NEXT, WEB), pin(NEXT, WEB, OPS), pin(canonical(policy()), OPS)
    )

    assert first["trust"] == again["trust"] == signing.digest(canonical(policy()))
    assert "signed by nobody" in unsigned["error"]["message"]
    assert "signed by web@acme" in by_web["error"]["message"]
    assert by_ops["trust"] == signing.digest(NEXT)
    assert "serial 3 is below" in older["error"]["message"]
    assert {reply["error"]["code"] for reply in (unsigned, by_web, older)} == {"untrusted"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"op": "trust"}, "malformed"),
        ({"op": "trust", "policy": 1, "signatures": []}, "malformed"),
        ({"op": "trust", "policy": "{}", "signatures": None}, "malformed"),
        ({"op": "trust", "policy": "{}", "signatures": []}, "untrusted"),
    ],
)
def test_what_is_no_policy_is_not_pinned(host: Host, request_: dict[str, Any], code: str) -> None:
    (reply,) = host.session(request_)

    assert reply["error"]["code"] == code
    assert not (host.root / "trust.json").exists()


@pytest.mark.parametrize("text", ["", "{}", "\xff", canonical(policy(format=2))])
def test_where_the_pinned_policy_cannot_be_read_nothing_is_trusted(host: Host, text: str) -> None:
    packed, order, signed = small()
    host.root.mkdir()
    (host.root / "trust.json").write_bytes(text.encode("latin-1"))
    deploy = {**commands("deploy", order=order, path="/a"), "signed": signed}
    _, refusal, repin = host.session(put(*packed), deploy, pin(NEXT, OPS))

    for reply in (refusal, repin):
        assert reply["error"]["code"] == "untrusted"
        assert "cannot read the pinned policy" in reply["error"]["message"]
        assert "remove" in reply["error"]["detail"]


def test_a_link_to_nowhere_is_no_way_around_a_policy(host: Host) -> None:
    host.root.mkdir()
    (host.root / "trust.json").symlink_to("nowhere")
    (reply,) = host.session(commands("deploy", order=small()[1], path="/a"))

    assert reply["error"]["code"] == "untrusted"


def test_of_many_first_policies_one_is_pinned(tmp_path: Path) -> None:
    """Each contact is told the policy that holds, whoever came first."""
    host = Host(tmp_path)
    texts = [canonical(policy(serial=number)) for number in range(6)]
    replies: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda text=text: replies.extend(host.session(pin(text)))) for text in texts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    pinned = [reply for reply in replies if reply["ok"]]
    assert len(replies) == len(texts)
    assert [reply["trust"] for reply in pinned] == [signing.digest((host.root / "trust.json").read_text())]
    assert sorted(file.name for file in host.root.iterdir()) == ["stub", "trust.json"]


def test_a_session_without_trust_loads_nothing_of_it(host: Host) -> None:
    stub = archive.build()
    argv = archive.arguments(host.python, str(host.root), stub.digest, len(stub.data))
    packed, order, _ = small()
    requests = [put(*packed), (commands("deploy", order=order, path="/a"), b"")]
    stream = b"".join(hosts.frame({"id": n, **item[0]}, item[1]) for n, item in enumerate(requests))
    argv[1:1] = ["-X", "importtime"]
    said = subprocess.run(argv, input=stub.data + stream, capture_output=True, check=True).stderr

    assert b"ramify.stub.commands" in said
    for name in (b"trust", b"policies", b"signatures", b"ed25519", b"claims", b"evidence", b"keygen"):
        assert b"ramify.stub." + name not in said


@pytest.mark.parametrize("kind", [("rsa", "-b", "2048"), ("ecdsa",)])
def test_a_host_asks_its_ssh_keygen_about_other_keys(
    host: Host, tmp_path: Path, kind: tuple[str, ...]
) -> None:
    key = signing.keygen(tmp_path, *kind)
    signer = {"key": signing.public(key), "name": "ops@acme", "options": {}}
    text = canonical(policy(signers=[signer, policy()["signers"][1]]))
    packed, order, signed = small()
    signed["signatures"] = ["".join(signing.sign(key, signed["statement"]).split("\n")[1:-2])]
    deploy = {**commands("deploy", order=order, path="/a"), "signed": signed}
    other = replaced(deploy, ("signed", "statement"), signed["statement"] + " ")
    _, _, refusal, reply = host.session(pin(text), put(*packed), other, deploy)

    assert refusal["error"]["code"] == "untrusted"
    assert "ssh-keygen: " in refusal["error"]["detail"]
    assert states(reply) == ("installed", "active")
    assert not list(host.root.glob(".verify*"))


def test_what_differs_is_told_of_values_alone() -> None:
    """The comparison itself needs no signature: whoever made an order can ask what is wrong with it."""
    said = evidence.statement(REALM.statement)
    shown = evidence.Evidence(SIGNED["evidence"])

    assert claimed.difference(orders.check(ORDER, APP), "/", said, shown) == ""
    assert claimed.difference(orders.check({**ORDER, "digest": ARTIFACT}, APP), "/", said, shown) == "digest"
