"""Trust files and allowed_signers: what they become, and what is told of mistakes."""

import subprocess
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from ramify.documents import allowed_signers, trust
from ramify.documents.trust import TrustFile
from ramify.model.diagnostics import Diagnostics
from ramify.model.trust import Policy, Rule, Seal
from ramify.repository.vouching import voices
from ramify.stub import policies
from unit import signers

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJLAVsO9kEuTj0IkPVryPUPg0/NMgqMJUndqz7ZcRxni"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFLAVsO9kEuTj0IkPVryPUPg0/NMgqMJUndqz7ZcRxni"
SIGNERS = f"""\
# the team
ops@acme,boss@acme {ED} somebody's "laptop
m7@acme namespaces="git,ramify",valid-after="20200101Z",valid-before="203012312359Z" {OTHER}
git@acme namespaces="git" {OTHER}
idle@acme {OTHER}
"""
GOOD = """\
signers: allowed_signers
serial: 3
rules:
  - {paths: ["/**"], signers: [ops@acme]}
  - {paths: ["/region[1-2]/zone[08-09]/*"], signers: [m7@acme, ops@acme]}
  - {domain: /MA/M7, signers: [m7@acme]}
  - {domain: /MA/M7, paths: ["/*/M7/a/**"], signers: [boss@acme]}
unsigned: ["/lab/**"]
"""


def read(text: str = GOOD, signers: str = SIGNERS) -> tuple[TrustFile | None, list[str]]:
    value, found = trust.read(text, "site/trust.yml", lambda _: signers)
    return value, [f"{item}\n    {item.detail}" for item in found]


def good(text: str = GOOD, signers: str = SIGNERS) -> TrustFile:
    value, found = read(text, signers)
    assert found == []
    assert value is not None
    return value


def names(line: str) -> list[str]:
    found = Diagnostics()
    made = allowed_signers.read(line, "allowed_signers", found)
    assert list(map(str, found)) == []
    return [signer.name for signer in made.signers]


def test_a_trust_file_becomes_the_policy_of_the_contract_to_the_byte() -> None:
    options = '{"namespaces":"ramify","valid-after":"20200101000000Z","valid-before":"20301231235900Z"}'
    assert good().policy.text() == (
        '{"format":1,"rules":['
        '{"mount":"/","paths":["/**"],"signers":["ops@acme"]},'
        '{"mount":"/","paths":["/region1/zone08/*","/region1/zone09/*","/region2/zone08/*","/region2/zone09/*"],'
        '"signers":["m7@acme","ops@acme"]},'
        '{"mount":"/MA/M7","paths":["/MA/M7/**"],"signers":["m7@acme"]},'
        '{"mount":"/MA/M7","paths":["/*/M7/a/**"],"signers":["boss@acme"]}],'
        '"serial":3,"signers":['
        f'{{"key":"{ED}","name":"ops@acme","options":{{}}}},'
        f'{{"key":"{ED}","name":"boss@acme","options":{{}}}},'
        f'{{"key":"{OTHER}","name":"m7@acme","options":{options}}}],'
        '"unsigned":["/lab/**"]}'
    )


def test_what_is_read_here_hosts_can_read() -> None:
    policy = policies.read(good().policy.text())

    assert policy.serial == 3
    assert policies.governors(policy) == ["ops@acme"]
    assert policies.vouched(policy, "/MA/M7", "/MA/M7/x/y", ["m7@acme"])[0]


def test_a_signer_whom_no_rule_names_does_not_change_the_policy() -> None:
    without = "\n".join(line for line in SIGNERS.splitlines() if not line.startswith(("idle", "git", "#")))

    assert good(signers=without).policy.text() == good().policy.text()


def test_every_mistake_is_told_with_its_place(golden: Callable[[str, str], None]) -> None:
    signers = f"""\
ok@acme {ED}
*@acme {ED}
a@acme,!b@acme {ED}
ca@acme cert-authority {ED}
late@acme valid-before="20301231" {ED}
late@acme valid-before="20301301Z" {ED}
late@acme valid-before="soon" {ED}
old@acme ssh-dss AAAA
none@acme
none@acme ssh-ed25519
short@acme ssh-ed25519 AAAA
torn@acme ssh-ed25519 A!AA
more@acme colour="red" {ED}
bare@acme namespaces=ramify {ED}
twice@acme namespaces="ramify",namespaces="git" {ED}
git@acme namespaces="git" {ED}
"""
    text = """\
signers: allowed_signers
serial: -1
rules:
  - {paths: ["/zone*", "!/a", a, "/a[1-40]/b[1-40]", "/a?", "/a[3-1]", "/", "/a b"], signers: [ok@acme]}
  - {domain: /MA/M7, paths: ["/MA/M8/**", /MA], signers: [ok@acme]}
  - {domain: MA, signers: [ok@acme]}
  - {signers: [ok@acme]}
  - {paths: [], signers: []}
  - {path: ["/**"], signers: [ok@acme]}
unsinged: ["/lab/**"]
"""
    golden("trust/mistakes.txt", "\n".join(read(text, signers)[1]) + "\n")


def test_a_rule_names_signers_that_are_known(golden: Callable[[str, str], None]) -> None:
    text = 'signers: s\nrules:\n  - {paths: ["/**"], signers: [opps@acme, git@acme, nobody]}\n'

    golden("trust/unknown-signers.txt", "\n".join(read(text)[1]) + "\n")


def test_a_policy_that_nobody_could_change_is_told() -> None:
    _, found = read('signers: s\nrules:\n  - {paths: ["/a/**"], signers: [ops@acme]}\n')

    assert [line.split(": ")[1] for line in found] == ["warning[fixed-policy]"]


def test_ranges_stand_for_a_bounded_number_of_patterns() -> None:
    rule = '  - {{paths: ["/a[1-{}]"], signers: [ops@acme]}}\n'
    head = GOOD[: GOOD.index('  - {paths: ["/region')]

    assert len(good(head + rule.format(999)).policy.rules[1].paths) == 999
    assert "too-large" in read(head + rule.format(1000))[1][0]


@pytest.mark.parametrize(
    ("namespaces", "counts"),
    [
        ("ramify", True),
        ("git,ramify", True),
        ("*", True),
        ("ram*", True),
        ("git", False),
        ("*,!ramify", False),
    ],
)
def test_a_key_is_for_the_namespaces_that_its_line_has(namespaces: str, counts: bool) -> None:
    assert names(f'a@acme namespaces="{namespaces}" {ED}') == (["a@acme"] if counts else [])


def test_lines_end_as_people_end_them() -> None:
    assert names(f'  a@acme\t{ED}\r\n\n   # b\r\n"b@acme,c@acme" {ED}') == ["a@acme", "b@acme", "c@acme"]


LINES = [
    "{key}",
    "{key} a comment with 'quotes\"",
    'namespaces="ramify" {key}',
    'NAMESPACES="ramify,git" {key}',
    'valid-after="20200101Z" {key}',
    'valid-before="20200101Z" {key}',
    'valid-before="209901010000Z",namespaces="*" {key}',
    'namespaces="git" {key}',
    'namespaces="*,!ramify" {key}',
]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("keys")
    return [signers.key(folder, kind, kind) for kind in ("ed25519", "rsa")]


@pytest.mark.parametrize(("line", "number"), list(product(LINES, (0, 1))))
def test_whom_openssh_takes_for_a_signer_is_one_here(
    keys: list[Path], line: str, number: int, tmp_path: Path
) -> None:
    key = keys[number]
    allowed, signature = tmp_path / "allowed", tmp_path / "signature"
    allowed.write_text(f"a@acme {line.format(key=signers.public(key))}\n")
    signature.write_text(signers.sign(key, "words"))
    command = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-n",
        "ramify",
        "-I",
        "a@acme",
        "-f",
        str(allowed),
        "-s",
        str(signature),
    ]
    verified = subprocess.run(command, input=b"words", capture_output=True, check=False).returncode == 0

    found = Diagnostics()
    known = allowed_signers.read(allowed.read_text(), "allowed", found)
    rule = Rule(mount="/", paths=("/**",), signers=("a@acme",))
    policy = Policy(rules=(rule,) if known.signers else (), signers=known.signers)
    said = voices(policies.read(policy.text()), Seal("words", (signature.read_text(),)))

    assert not found.failed
    assert said.names == (("a@acme",) if verified else ())
