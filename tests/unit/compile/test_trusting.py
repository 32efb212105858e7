"""Trust: who vouches for what, as the host would say, and what is told of what nobody vouches for."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.compile.trusting import Claim, Places, Voices, Vouching, check, statement
from ramify.model.bundle import Runtime
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.trust import Policy, Rule, Seal, Signer, Statement
from ramify.stub import policies

NAMES = ("ops@acme", "m7@acme", "lab@acme")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJLAVsO9kEuTj0IkPVryPUPg0/NMgqMJUndqz7ZcRxni"
MOUNTS = ("/", "/a", "/a/b")
STEPS = st.sampled_from(["a", "b", "c", "*", "**"])
PATTERNS = st.lists(STEPS, min_size=1, max_size=4).map(lambda steps: "/" + "/".join(steps))
PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map(lambda steps: "/" + "/".join(steps))
SOME = st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple)
RULES = st.builds(
    Rule,
    mount=st.sampled_from(MOUNTS),
    paths=st.lists(PATTERNS, min_size=1, max_size=3).map(tuple),
    signers=SOME,
)


def policy(*rules: Rule, unsigned: tuple[str, ...] = ()) -> policies.Policy:
    signers = tuple(Signer(name=name, key=KEY) for name in NAMES)
    return policies.read(Policy(rules=rules, signers=signers, unsigned=unsigned).text())


@settings(deadline=None)
@given(st.lists(RULES, max_size=4), st.lists(PATTERNS, max_size=2), st.sampled_from(MOUNTS), SOME, PATHS)
def test_many_paths_get_the_answers_that_the_host_gives_to_each(
    rules: list[Rule], unsigned: list[str], mount: str, names: tuple[str, ...], path: str
) -> None:
    made = policy(*rules, unsigned=tuple(unsigned))

    wanting = Vouching(made, mount).wanting((path,), names)

    assert (not wanting) == policies.vouched(made, mount, path, list(names))[0]


RULE_1 = Rule(mount="/", paths=("/region1", "/region1/**"), signers=("ops@acme",))
RULE_2 = Rule(mount="/", paths=("/region2/**",), signers=("m7@acme", "lab@acme"))
DOMAIN = Rule(mount="/MA/M7", paths=("/MA/M7/**",), signers=("m7@acme",))
RUNTIME = Runtime("cp311-linux-x86_64-glibc", "c" * 64, 1)
CLAIM = Claim(
    mount="/",
    project="acme",
    tree="a" * 64,
    paths=("/region1", "/region1/x", "/region2", "/region2/x"),
    runtimes=(RUNTIME,),
    lock="b" * 64,
)
NEW = Claim(mount="/", project="acme", tree="a" * 64, paths=("/new", "/new/x"))
THERE = Claim(mount="/MA/M7", project="m7", tree="d" * 64, paths=("/MA/M7/x",))
PLACES = Places(
    policy="trust.yml",
    rules=tuple(Origin("trust.yml", line, 5) for line in (3, 4, 5)),
    signatures=Origin("ramify.sig", 3, 1),
)


def told(
    claim: Claim, *names: str, unsigned: tuple[str, ...] = (), faults: tuple[str, ...] = ()
) -> list[str]:
    found = Diagnostics()
    made = policy(RULE_1, RULE_2, DOMAIN, unsigned=unsigned)
    check(made, claim, Voices(names, faults), PLACES, found)
    return [f"{item}\n    {item.detail}" for item in found]


def signed(claim: Claim = CLAIM, **changed: object) -> Claim:
    """The claim with a seal over what it says, or over something else."""
    fields = {name: getattr(statement(claim), name) for name in ("project", "tree", "lock", "runtimes")}
    text = Statement(**{**fields, **changed}).text()
    return Claim(
        **{name: getattr(claim, name) for name in claim.__struct_fields__ if name != "seal"},
        seal=Seal(text, ("x",)),
    )


def test_what_all_who_must_have_signed_is_vouched_for() -> None:
    assert told(signed(), "ops@acme", "m7@acme") == []


def test_who_may_be_unsigned_needs_nobody() -> None:
    assert told(CLAIM, unsigned=("/region1/**", "/region2/**")) == []


def test_a_rule_for_the_project_says_nothing_for_a_domain() -> None:
    assert told(signed(THERE), "m7@acme") == []
    assert "untrusted" in told(signed(THERE), "ops@acme")[0]


def test_every_refusal_names_the_signer_the_path_and_the_rule(golden: Callable[[str, str], None]) -> None:
    stories = {
        "nobody has signed": told(CLAIM),
        "one of two has signed": told(signed(), "ops@acme"),
        "a signature does not count": told(signed(), "ops@acme", faults=("signature 2: no longer valid",)),
        "somebody signed what is not theirs": told(signed(), "lab@acme"),
        "no rule speaks of it": told(signed(NEW), "ops@acme"),
        "all is another": told(signed(project="other", tree="e" * 64, lock="", runtimes=()), "ops@acme"),
        "a domain is another": told(signed(THERE, tree="e" * 64)),
    }  # fmt: skip
    golden(
        "trust/refusals.txt",
        "".join(f"# {name}\n" + "\n".join(lines) + "\n" for name, lines in stories.items()),
    )


@pytest.mark.parametrize("text", ["", "{}", '{"format":2,"project":"acme","tree":""}', "[" * 10_000])
def test_a_statement_that_cannot_be_read_is_nobodys(text: str) -> None:
    claim = Claim(mount="/", project="acme", tree="", paths=("/a",), seal=Seal(text, ("x",)))

    assert "signed-otherwise" in told(claim, *NAMES)[0]


def test_whoever_does_not_know_the_lock_does_not_ask_for_it() -> None:
    unknown = Claim(mount="/", project="acme", tree="a" * 64, paths=("/region1",), lock=None)

    assert told(signed(unknown, lock="f" * 64), "ops@acme") == []


def test_runtimes_beyond_those_that_are_needed_may_be_signed() -> None:
    assert told(signed(runtimes=("0" * 64, RUNTIME.artifact)), "ops@acme", "m7@acme") == []
