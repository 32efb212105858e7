"""`ramify sign`: real keys of ssh-keygen and a real agent; who signed what, and what is refused without."""

import json
import os
import pty
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from unit import signers
from unit.cli.conftest import Ramify, Result

TRUST = """\
signers: allowed_signers
serial: 1
rules:
  - {paths: ["/**"], signers: [boss@acme]}
  - {paths: ["/site", "/site/room1/**"], signers: [ops@acme]}
  - {paths: ["/site/room2/**"], signers: [m7@acme]}
"""
KINDS = {"boss": "ecdsa", "ops": "ed25519", "m7": "rsa", "stranger": "ed25519"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: signers.key(folder, name, kind) for name, kind in KINDS.items()}


@pytest.fixture(autouse=True)
def nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No agent, and no keys in ~/.ssh, but those that a test puts there."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def trusting(project: Path, keys: dict[str, Path]) -> Path:
    """The project with a trust file, and nothing signed."""
    known = (f"{name}@acme {signers.public(keys[name])}\n" for name in ("boss", "ops", "m7"))
    (project / "allowed_signers").write_text("".join(known))
    (project / "trust.yml").write_text(TRUST)
    with (project / "ramify.yml").open("a") as file:
        file.write("\ntrust: trust.yml\n")
    return project


def plain(text: str) -> str:
    """Without what is different for each key and each version of Ramify."""
    text = re.sub(r"Building Ramify's runtime.*\n", "", text)
    text = re.sub(r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:FINGERPRINT", text)
    return re.sub(r"\b[0-9a-f]{12}\b", "DIGEST", text)


def shown(*results: Result) -> str:
    parts = (f"{one.out}{one.err}exit code {one.code}\n" for one in results)
    return plain("\n".join(parts))


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_a_team_signs_one_after_the_other(
    trusting: Path, keys: dict[str, Path], ramify: Ramify, golden: Callable[[str, str], None]
) -> None:
    def by(name: str) -> Result:
        return ramify("sign", "--key", str(keys[name]))

    story = [ramify("plan"), by("ops"), ramify("sign", "--check"), by("m7"), ramify("sign", "--check")]
    golden("trust/team.txt", shown(*story))
    assert ramify("plan").code == 0


def test_a_policy_that_hosts_would_refuse_is_refused_where_it_is_made(trusting: Path, ramify: Ramify) -> None:
    kind, key = signers.public(signers.key(trusting, "short", "ed25519")).split()
    cut = b64encode(b64decode(key)[:-1]).decode()
    (trusting / "trust.yml").write_text(f'{TRUST}  - {{paths: ["/lab"], signers: [short@acme]}}\n')
    with (trusting / "allowed_signers").open("a") as file:
        file.write(f"short@acme {kind} {cut}\n")

    refused = ramify("validate")
    assert refused.code == 1
    assert "trust.yml:1:1: error[bad-policy]: no host takes this policy" in refused.out
    assert "short@acme" in refused.out


@pytest.fixture
def mounted(trusting: Path) -> Path:
    """The trusting project with one domain below two of its nodes, which m7 alone may speak for."""
    (trusting / "hierarchy.yml").write_text(
        "tree:\n  site:\n    children:\n      room[1-2]:\n"
        "        domain: {repository: m7/repository.yml, hierarchy: m7/hierarchy.yml}\n"
    )
    (trusting / "repository.yml").write_text(
        "code: [{match: [/site, /site/*], ref: 'collection:ramify.core.initiator'}]\n"
    )
    (trusting / "inventory.yml").write_text(
        "defaults: {transport: lab}\nhosts: {h: {}}\nplacements: [{match: /**, host: h}]\n"
    )
    (trusting / "m7").mkdir()
    (trusting / "m7/hierarchy.yml").write_text("tree: {box: {}}\n")
    (trusting / "m7/repository.yml").write_text("code: [{match: /box, ref: box.sh}]\n")
    (trusting / "m7/box.sh").write_text("#!/bin/sh\nexec sleep 1000\n")
    rules = [f"  - {{domain: /site/room{number}, signers: [m7@acme]}}\n" for number in (1, 2)]
    (trusting / "trust.yml").write_text(TRUST + "".join(rules))
    return trusting


def test_a_domain_is_signed_where_the_project_is_and_once_for_all_its_mounts(
    mounted: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    assert ramify("repo", "lock").code == 0
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    way_out = ramify("plan").err
    assert "`ramify sign --domain /site/room1` signs what is here now." in way_out

    signed = ramify("sign", "--domain", "/site/room1", "--key", str(keys["m7"]))
    assert signed.out.startswith("m7/ramify.sig: signed by m7@acme")
    assert "m7@acme may speak for 1 of 1 node." in signed.out
    assert ramify("sign", "--check", "--domain", "/site/room2").code == 0
    assert ramify("plan").code == 0

    edit(mounted / "m7/box.sh", "1000", "2000")
    assert ramify("repo", "lock").code == 0
    assert "signed-otherwise" in ramify("sign", "--check", "--domain", "/site/room2").err
    assert ramify("sign", "--check").code == 1
    assert ramify("plan").code == 1


def test_nobody_signs_a_domain_for_its_signers(mounted: Path, keys: dict[str, Path], ramify: Ramify) -> None:
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    signed = ramify("sign", "--domain", "/site/room1", "--key", str(keys["boss"]))

    assert "boss@acme may speak for 0 of 1 node." in signed.out
    assert "/site/room1/box (domain at /site/room1) is signed by boss@acme" in signed.err
    assert ramify("plan").code == 1


def test_what_is_no_domain_is_not_signed_as_one(mounted: Path, ramify: Ramify) -> None:
    refused = ramify("sign", "--domain", "/site/room3")
    assert (refused.code, "error[no-domain]" in refused.err) == (1, True)
    assert 'Did you mean "/site/room' in refused.err
    assert ramify("sign", "--domain", "/site/room1", "--policy").code == 1
    assert not (mounted / "m7/ramify.sig").exists()


def test_a_domain_and_a_project_of_its_own_are_signed_alike(
    mounted: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    def own() -> object:
        told = ramify("-C", str(mounted / "m7"), "sign", "--key", str(keys["m7"]), "--json")
        return json.loads(told.out)["statement"]

    assert ramify("sign", "--domain", "/site/room1", "--key", str(keys["m7"])).code == 0
    before = json.loads(ramify("sign", "--check", "--domain", "/site/room1", "--json").out)["statement"]
    project = (mounted / "ramify.yml").read_text().replace("trust: trust.yml\n", "")
    (mounted / "m7/ramify.yml").write_text(project)
    (mounted / "m7/inventory.yml").write_text("hosts: {x: {}}\nplacements: [{match: /**, host: x}]\n")

    assert own() == before


def test_one_who_may_speak_for_all_signs_the_policy_too(
    trusting: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    told = json.loads(ramify("sign", "--check", "--json").out)

    assert [voice["signers"] for voice in told["signatures"]] == [["boss@acme"]]
    assert [voice["signers"] for voice in told["policy"]["signatures"]] == [["boss@acme"]]
    assert (told["signatures"][0]["nodes"], told["nodes"], told["lacking"]) == (7, 7, [])


def test_a_change_drops_what_was_signed_of_another_state(
    trusting: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    before = (trusting / "ramify.sig").read_text()
    edit(trusting / "hierarchy.yml", "interval: 2", "interval: 3")

    refused = ramify("plan")
    assert (refused.code, "error[signed-otherwise]" in refused.err) == (1, True)
    assert ramify("apply", "-y").code == 1
    assert ramify("plan", "--unsigned").code == 0
    assert ramify("status").code == 0
    signed = ramify("sign", "--key", str(keys["ops"]))
    assert "1 signature dropped" in signed.err
    assert "/site/room2 is signed by ops@acme" in signed.err
    (trusting / "ramify.sig").write_text(before)
    assert "signed-otherwise" in ramify("plan").err


def test_a_saved_plan_is_what_was_signed_when_it_was_made(
    trusting: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    assert ramify("plan", "--unsigned", "-o", "unsigned.plan").code == 0
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    assert ramify("plan", "-o", "signed.plan").code == 0
    edit(trusting / "hierarchy.yml", "interval: 2", "interval: 3")

    assert "error[unsigned]" in ramify("apply", "unsigned.plan").err
    assert "error[lab-down]" in ramify("apply", "signed.plan").err


def test_the_same_key_signs_the_same_state_once(
    trusting: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    for _ in range(2):
        assert ramify("sign", "--key", str(keys["m7"])).code == 0

    assert (trusting / "ramify.sig").read_text().count("BEGIN SSH SIGNATURE") == 1


def test_a_policy_that_changed_is_signed_by_one_whom_it_lets_go(
    trusting: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    edit(trusting / "trust.yml", "signers: [boss@acme]", "signers: [ops@acme]")
    assert "warning[policy-changed]" in ramify("validate").out

    assert ramify("sign", "--policy", "--key", str(keys["boss"])).code == 0
    assert "policy-changed" not in ramify("validate").out
    assert ramify("sign", "--key", str(keys["ops"])).code == 0
    assert ramify("plan").code == 0


def test_validate_warns_and_with_signed_refuses(
    trusting: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    assert (ramify("validate").code, ramify("validate", "--signed").code) == (0, 1)
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    assert ramify("validate", "--signed", "--strict").out == "Valid: no errors, no warnings.\n"
    assert ramify("validate", "trust.yml", "allowed_signers").code == 0


def test_what_cannot_be_checked_is_not_called_signed(
    trusting: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    [file] = [file for file in trusting.glob("*.yml") if "service-config:" in file.read_text()]
    entry = "service-config:\n  - {match: '/site', ref: 'http://127.0.0.1:9/never.yml'}"
    edit(file, "service-config:", entry)

    assert ramify("validate").code == 0
    refused = ramify("validate", "--signed")
    assert (refused.code, "error[not-fetched]" in refused.out) == (1, True)


def test_the_agent_signs_with_a_key_that_lies_nowhere(
    trusting: Path, keys: dict[str, Path], ramify: Ramify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = tmp_path / "only.pub"
    public.write_text(signers.public(keys["boss"]) + "\n")
    with signers.agent(tmp_path / "a", keys["boss"], keys["stranger"]) as environ:
        monkeypatch.setenv("SSH_AUTH_SOCK", environ["SSH_AUTH_SOCK"])
        assert ramify("sign").code == 0  # the one key of the agent that the trust file knows
        assert ramify("plan").code == 0
        (trusting / "ramify.sig").unlink()
        assert ramify("sign", "--key", str(public)).code == 0
    assert ramify("plan").code == 0
    assert ramify("sign", "--key", str(public)).code == 1


def test_a_key_in_the_home_folder_is_found_and_of_two_one_is_to_be_named(
    trusting: Path, keys: dict[str, Path], ramify: Ramify, nobodys_home: Path
) -> None:
    for name in ("ops", "stranger"):
        for suffix in ("", ".pub"):
            os.link(f"{keys[name]}{suffix}", nobodys_home / ".ssh" / f"id_{name}{suffix}")
    assert "signed by ops@acme" in ramify("sign").out
    (nobodys_home / ".ssh" / "old.pub").write_text(signers.public(keys["m7"]))
    refused = ramify("sign")
    assert (refused.code, "several keys may sign" in refused.err) == (1, True)


TERMINAL = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.argv[1], sys.argv[1:])"


def test_a_passphrase_is_asked_for_once_at_the_users_terminal(
    trusting: Path, ramify: Ramify, tmp_path: Path
) -> None:
    key = signers.key(tmp_path / "locked", "boss", passphrase="open, please")
    (trusting / "allowed_signers").write_text(f"boss@acme {signers.public(key)}\n")
    (trusting / "trust.yml").write_text(TRUST[: TRUST.index('  - {paths: ["/site"')])
    ours, theirs = pty.openpty()
    # Whoever begins a session and opens a terminal has it for its own, as a login shell does.
    command = [sys.executable, "-c", TERMINAL, sys.executable, "-m", "ramify", "sign", "--key", str(key)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "engine")}
    child = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env=environ
    )
    os.close(theirs)
    shown = b""
    while b"passphrase" not in shown:
        shown += os.read(ours, 1000)
    os.write(ours, b"open, please\n")

    assert child.wait(60) == 0
    os.close(ours)
    assert (trusting / "ramify.sig").read_text().count("BEGIN SSH SIGNATURE") == 2  # the policy, too
    assert ramify("plan").code == 0


def test_without_a_key_nothing_is_written(trusting: Path, ramify: Ramify, tmp_path: Path) -> None:
    for words in ([], ["--key", str(tmp_path / "missing")]):
        assert ramify("sign", *words).code == 1
    assert not (trusting / "ramify.sig").exists()


def test_what_has_drifted_from_the_lock_is_not_signed(
    trusting: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    assert ramify("repo", "lock").code == 0
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    assert "no lock" not in ramify("sign", "--check").out
    [config] = (trusting / "config").iterdir()
    config.write_text(config.read_text() + "\n# changed\n")

    refused = ramify("sign", "--key", str(keys["boss"]))
    assert (refused.code, "error[drifted]" in refused.err) == (1, True)
    assert ramify("repo", "lock").code == 0
    assert "lock" in ramify("plan").err
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    assert ramify("plan").code == 0


def test_a_project_with_errors_is_not_signed(trusting: Path, keys: dict[str, Path], ramify: Ramify) -> None:
    edit(trusting / "hierarchy.yml", "vars.interval >= 1", "vars.interval >= 1000")

    assert ramify("sign", "--key", str(keys["boss"])).code == 1
    assert not (trusting / "ramify.sig").exists()


def test_a_signature_of_nobodys_or_for_something_else_counts_for_nothing(
    trusting: Path, keys: dict[str, Path], ramify: Ramify, golden: Callable[[str, str], None]
) -> None:
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    whole = (trusting / "ramify.sig").read_text()
    [text] = re.findall(r"statement:\n  text: '(.*)'", whole)
    stories = {
        "for git": signers.sign(keys["boss"], text, "git"),
        "over another text": signers.sign(keys["m7"], text + " "),
        "over another text, by Ed25519": signers.sign(keys["ops"], text + " "),
        "by a stranger": signers.sign(keys["stranger"], text),
    }
    told = []
    for name, armor in stories.items():
        block = "".join(f"      {line}\n" for line in armor.splitlines())
        head = whole[: whole.index("    - |")]
        (trusting / "ramify.sig").write_text(f"{head}    - |\n{block}")
        told.append(f"# {name}\n{shown(ramify('plan'))}")
    golden("trust/no-signature.txt", "\n".join(told))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1", "version: 2"),
        ('\'{"format":1,', '\'{"format":9,'),
        ("      U1NIU0lH", "      AAAAAAAA"),
        ("-----BEGIN SSH SIGNATURE-----", "-----BEGIN PGP SIGNATURE-----"),
        ("version: 1", "<<<<<<< HEAD\nversion: 1"),
        ("signatures:", "signature:"),
    ],
)
def test_a_damaged_file_of_signatures_is_told_by_line(
    trusting: Path, keys: dict[str, Path], ramify: Ramify, before: str, after: str
) -> None:
    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    edit(trusting / "ramify.sig", before, after)

    for words in (["plan"], ["validate"], ["sign", "--key", str(keys["boss"])], ["sign", "--check"]):
        refused = ramify(*words)
        assert refused.code == 1
        assert re.search(r"^ramify\.sig:\d+:\d+: error\[", refused.out + refused.err, re.MULTILINE)
    assert "internal" not in refused.err


def test_without_a_trust_file_anybody_may_sign_and_nobody_asks(
    project: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    assert ramify("sign", "--check").code == 0
    assert ramify("sign", "--key", str(keys["stranger"])).code == 0
    assert (project / "ramify.sig").exists()
    assert "no trust file" in ramify("sign", "--check").out
    assert ramify("sign", "--policy", "--key", str(keys["boss"])).code == 1
    assert ramify("plan").code == 0


def test_a_key_that_is_not_valid_any_more_does_not_count(
    trusting: Path, keys: dict[str, Path], ramify: Ramify
) -> None:
    edit(trusting / "allowed_signers", "boss@acme ", 'boss@acme valid-before="20200101Z" ')

    assert ramify("sign", "--key", str(keys["boss"])).code == 0
    assert "no longer valid" in ramify("plan").err
