"""Policies: which are read, which paths their patterns take, and what is said about a node."""

import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.model import patterns
from ramify.stub import policies
from ramify.stub.wire import StubError
from unit.stub.signing import OPS, canonical, policy, refused

NAMES = st.sampled_from(["a", "b", "ab"])
PATHS = st.lists(NAMES, min_size=1, max_size=6).map(lambda steps: "/" + "/".join(steps))
STEPS = st.lists(NAMES | st.sampled_from(["*", "**"]), min_size=1, max_size=6)


@given(STEPS.map(lambda steps: "/" + "/".join(steps)), PATHS)
def test_a_pattern_means_what_it_means_everywhere_else(pattern: str, path: str) -> None:
    everywhere = patterns.Matcher([patterns.Pattern(pattern)]).matches(path)

    assert policies.matches(pattern, path) == bool(everywhere)


@pytest.mark.parametrize(
    ("mount", "path", "names", "reason"),
    [
        ("/", "/region2/x", ["ops@acme"], r"rule 1 \(ops@acme for /\*\*\)"),
        ("/", "/region1/x", ["web@acme"], r"rule 3"),
        ("/web", "/web/x", ["web@acme"], r"rule 2 .* of the domain at /web"),
        ("/", "/free/x", [], r"/free/\*\* may be unsigned"),
        ("/web", "/free/x", [], r"/free/\*\* may be unsigned"),
    ],
)
def test_whoever_a_rule_names_is_believed(mount: str, path: str, names: list[str], reason: str) -> None:
    allowed, said = policies.vouched(policies.read(canonical(policy())), mount, path, names)

    assert allowed
    assert re.search(reason, said)


@pytest.mark.parametrize(
    ("mount", "path", "names", "reason"),
    [
        (
            "/",
            "/region2/x",
            ["web@acme"],
            r"/region2/x is signed by web@acme; it takes rule 1 \(ops@acme for /\*\*\)",
        ),
        ("/", "/region1/x", [], r"/region1/x is signed by nobody; it takes rule 1 .* or rule 3"),
        ("/web", "/region1/x", ["web@acme"], r"web@acme, who may speak by rule 2 .* or rule 3 .* only"),
        ("/other", "/other/x", [], r"/other/x \(domain at /other\) is signed by nobody, and no rule"),
        ("/", "/web/x", ["web@acme"], r"/web/x is signed by web@acme; it takes rule 1"),
    ],
)
def test_a_refusal_names_signer_path_and_rule(mount: str, path: str, names: list[str], reason: str) -> None:
    allowed, said = policies.vouched(policies.read(canonical(policy())), mount, path, names)

    assert not allowed
    assert re.search(reason, said)


def test_messages_stay_short_however_long_a_policy_is() -> None:
    rule = {"mount": "/", "paths": [f"/r{number}/**" for number in range(1000)], "signers": ["ops@acme"]}
    read = policies.read(canonical(policy(rules=[rule] * 50)))

    assert len(policies.vouched(read, "/", "/x", ["ops@acme"])[1]) < 1000
    assert len(policies.vouched(read, "/", "/r1/x", [])[1]) < 1000


@pytest.mark.parametrize(
    ("paths", "mount", "governs"),
    [(["/a/**", "/**"], "/", True), (["/*/**"], "/", False), (["/**"], "/web", False), ([], "/", False)],
)
def test_only_who_may_speak_for_everything_may_replace_a_policy(
    paths: list[str], mount: str, governs: bool
) -> None:
    read = policies.read(canonical(policy(rules=[{"mount": mount, "paths": paths, "signers": ["ops@acme"]}])))

    assert policies.governs(read, ["ops@acme"]) == governs
    assert not policies.governs(read, ["web@acme"])
    assert policies.governors(read) == (["ops@acme"] if governs else [])


def signer(**parts: Any) -> dict[str, Any]:
    return policy(signers=[{"key": OPS.line, "name": "ops@acme", "options": {}, **parts}], rules=[])


def rule(**parts: Any) -> dict[str, Any]:
    return policy(rules=[{"mount": "/", "paths": ["/**"], "signers": ["ops@acme"], **parts}])


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "policy is not text"),
        ("", "not JSON"),
        ("[]", "not an object"),
        ("[" * 100_000, "nested too deeply"),
        ('"\ud800"', "not Unicode"),
        (" " * (1 << 20) + "{}", "longer than"),
        (canonical({**policy(), "extra": 1}), "'extra' is not understood"),
        (canonical({k: v for k, v in policy().items() if k != "unsigned"}), "no unsigned"),
        (canonical(policy(format=2)), "format 2 is not 1"),
        (canonical(policy(format=True)), "format"),
        (canonical(policy(serial=-1)), "serial"),
        (canonical(policy(serial=1.0)), "serial"),
        (canonical(policy(serial=True)), "serial"),
        (canonical(policy(signers={})), "signers is not a list"),
        (canonical(policy(rules=[[]])), "not an object"),
        (canonical(policy(unsigned=["a"])), "no pattern"),
        (canonical(policy(unsigned=["/"])), "no pattern"),
        (canonical(policy(unsigned=["/a*"])), "no pattern"),
        (canonical(policy(unsigned=["/[1-2]"])), "no pattern"),
        (canonical(policy(unsigned=["/.."])), "no pattern"),
        (canonical(policy(unsigned=["/" + "**/" * 5000 + "a"])), "no pattern"),
        (canonical(policy(unsigned=[1])), "no pattern"),
        (canonical(rule(mount="web")), "no realm"),
        (canonical(rule(mount=None)), "no realm"),
        (canonical(rule(signers=["who@acme"])), "names who@acme, of whom the policy has no key"),
        (canonical(rule(also=1)), "not understood"),
        (canonical(signer(name="")), "not a name"),
        (canonical(signer(name="a\nb")), "not a name"),
        (canonical(signer(key=OPS.line[:-4])), "is no public key"),
        (canonical(signer(key=OPS.line.replace("ssh-ed25519", "ssh-rsa"))), "is no public key"),
        (canonical(signer(key="ssh-dss AAAA")), "'ssh-dss' is none of"),
        (canonical(signer(key="ssh-ed25519-cert-v01@openssh.com AAAA")), "is none of"),
        (canonical(signer(key="ssh-ed25519 größe")), "is no public key"),
        (canonical(signer(key=None)), "is not text"),
        (canonical(signer(options=[])), "options is not an object"),
        (canonical(signer(options={"cert-authority": ""})), "certificates are not supported"),
        (canonical(signer(options={"source": "x"})), "'source' is not understood"),
        (canonical(signer(options={"namespaces": 1})), "not understood"),
        (canonical(signer(options={"valid-after": "tomorrow"})), "no time such as"),
        (canonical(signer(options={"valid-after": "20230229Z"})), "there is no"),
        (canonical(signer(options={"valid-before": "2026013124"})), "no time such as"),
        (canonical(signer(options={"valid-before": "202601312400Z"})), "there is no"),
    ],
)
def test_what_is_not_understood_in_full_is_refused(found: object, reason: str) -> None:
    with refused(reason):
        policies.read(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.sampled_from(["format", "rules", "serial", "signers", "unsigned"]), JSON)
def test_of_whatever_values_a_policy_is_made_it_is_read_or_refused(name: str, value: object) -> None:
    with suppress(StubError):
        assert policies.read(canonical(policy(**{name: value}))).serial >= 0
