"""Known hosts are read as ssh reads them."""

import hashlib
import hmac
from base64 import b64encode
from pathlib import Path

import asyncssh

from ramify.transport.known_hosts import KnownHosts

KEYS = [asyncssh.generate_private_key("ssh-ed25519").convert_to_public() for _ in range(3)]
LINES = [key.export_public_key().decode().strip() for key in KEYS]


def trusted(known: KnownHosts, host: str, port: int = 22) -> list[asyncssh.SSHKey]:
    return list(known.match(host, port).trusted)


def test_a_line_speaks_for_the_names_that_it_lists() -> None:
    known = KnownHosts(f"a,b {LINES[0]}\nc {LINES[1]} comment\n")

    assert [trusted(known, name) for name in "abcd"] == [[KEYS[0]], [KEYS[0]], [KEYS[1]], []]


def test_a_line_with_the_port_is_preferred_to_one_without() -> None:
    known = KnownHosts(f"[a]:2222 {LINES[0]}\na {LINES[1]}\nb {LINES[2]}\n")

    assert trusted(known, "a", 2222) == [KEYS[0]]
    assert trusted(known, "a") == [KEYS[1]]
    assert trusted(known, "b", 2222) == [KEYS[2]]


def test_patterns_and_hashed_names_match() -> None:
    salt = b"01234567890123456789"
    hashed = b64encode(hmac.new(salt, b"secret", hashlib.sha1).digest()).decode()
    known = KnownHosts(f"*.lan,!bad.lan {LINES[0]}\n|1|{b64encode(salt).decode()}|{hashed} {LINES[1]}\n")

    assert trusted(known, "good.lan") == [KEYS[0]]
    assert trusted(known, "bad.lan") == []
    assert trusted(known, "secret") == [KEYS[1]]


def test_revoked_keys_and_authorities_are_told_apart() -> None:
    known = KnownHosts(f"@cert-authority *.lan {LINES[0]}\n@revoked * {LINES[1]}\n@revoked [a]:7 {LINES[2]}")

    assert known.match("a.lan", 22) == ((), (KEYS[0],), (KEYS[1],))
    assert known.match("a", 7).revoked == (KEYS[2], KEYS[1], KEYS[1])


def test_a_line_that_cannot_be_read_vouches_for_nobody() -> None:
    known = KnownHosts(f"a not-a-key\n# a {LINES[1]}\n@odd a {LINES[1]}\na\na {LINES[0]}\n")

    assert trusted(known, "a") == [KEYS[0]]


def test_files_add_to_the_text_and_missing_ones_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "own").write_text(f"a {LINES[1]}\n")
    known = KnownHosts(f"a {LINES[0]}\n", [tmp_path / "own", tmp_path / "missing"])
    known.load_file(tmp_path / "own")

    assert trusted(known, "a") == [KEYS[0], KEYS[1]]
