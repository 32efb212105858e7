"""Seals: what an initiator refuses before it acts, with signatures of real keys."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ramify.compile.trusting import Claim, statement
from ramify.model.bundle import Runtime
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.trust import Policy, Rule, Seal, Signer
from ramify.repository import signing, vouching
from unit import signers

KINDS = ("ed25519", "rsa", "ecdsa")
CLAIM = Claim(
    mount="/",
    project="acme",
    tree="a" * 64,
    paths=("/region1/a", "/region1/b"),
    runtimes=(Runtime("cp311-linux-x86_64-glibc", "c" * 64, 1),),
)
NOON = 1_900_000_000.0


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {kind: signers.key(folder, kind, kind) for kind in KINDS}


def policy(key: Path, **options: str) -> str:
    """A policy that lets one signer speak for /region1."""
    rule = Rule(mount="/", paths=("/region1/**",), signers=("r1@acme",))
    named = {name.replace("_", "-"): value for name, value in options.items()}
    return Policy(
        rules=(rule,), signers=(Signer(name="r1@acme", key=signers.public(key), options=named),)
    ).text()


def sealed(key: Path, paths: Sequence[str] = CLAIM.paths, tree: str = CLAIM.tree) -> Claim:
    """The claim, signed by a key; it may reach for other paths, or be of another tree, than was signed."""
    text = statement(CLAIM).text()
    seal = Seal(text, tuple(signing.sign([text], key)))
    return Claim(mount="/", project="acme", tree=tree, paths=paths, runtimes=CLAIM.runtimes, seal=seal)


def refused(policy: str, *claims: Claim, now: float = NOON) -> list[str]:
    with pytest.raises(DiagnosticsError) as caught:
        vouching.refuse_unless_vouched(policy, claims, now)
    return [item.summary for item in caught.value.diagnostics]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_signer_may_and_did_sign_is_done(keys: dict[str, Path], kind: str) -> None:
    vouching.refuse_unless_vouched(policy(keys[kind]), [sealed(keys[kind])], NOON)


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_signs_for_one_region_cannot_reach_for_another(keys: dict[str, Path], kind: str) -> None:
    [told] = refused(policy(keys[kind]), sealed(keys[kind], ("/region1/a", "/region2/a")))

    assert told == "/region2/a is signed by r1@acme, who may speak by rule 1 (r1@acme for /region1/**) only"


def test_another_tree_than_was_signed_is_refused(keys: dict[str, Path]) -> None:
    [told] = refused(policy(keys["rsa"]), sealed(keys["rsa"], tree="b" * 64))

    assert told.startswith("what was signed is not what is here: tree aaaaaaaaaaaa was signed")


def test_the_key_of_somebody_else_counts_for_nothing(keys: dict[str, Path]) -> None:
    [told] = refused(policy(keys["ed25519"]), sealed(keys["rsa"]))

    assert told.startswith("/region1/a is signed by nobody")


def test_every_realm_is_asked_and_all_that_is_wrong_is_told(keys: dict[str, Path]) -> None:
    domain = Claim(mount="/region1/m7", project="m7", tree="d" * 64, paths=("/region1/m7/x",))

    assert len(refused(policy(keys["rsa"]), sealed(keys["rsa"], tree="b" * 64), domain)) == 2


def test_a_signature_counts_while_its_key_is_valid(keys: dict[str, Path]) -> None:
    made = policy(keys["rsa"], valid_before="20300101000000Z")
    ends = 1_893_456_000.0

    vouching.refuse_unless_vouched(made, [sealed(keys["rsa"])], ends - 1)
    assert refused(made, sealed(keys["rsa"]), now=ends + 1)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format":1}'])
def test_a_policy_that_cannot_be_read_lets_nobody_do_anything(keys: dict[str, Path], text: str) -> None:
    [told] = refused(text, sealed(keys["rsa"]))

    assert told.startswith("the policy that this host has pinned cannot be used")
