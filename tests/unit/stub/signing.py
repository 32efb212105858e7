"""A signed realm for tests, put together from plain values, apart from all code that makes or checks one."""

import hashlib
import json
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ramify.stub.wire import StubError

ARTIFACT = "a" * 64
RUNTIME = "b" * 64
NOW = 1_800_000_000


def canonical(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def root(level: Sequence[str]) -> str:
    """The Merkle root of a list."""
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [digest(canonical(["pair", *pair])) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def beside(level: Sequence[str], at: int) -> list[list[str]]:
    """What stands beside the way from one of a list up to their root."""
    found = []
    while len(level) > 1:
        if at % 2:
            found.append(["left", level[at - 1]])
        elif at + 1 < len(level):
            found.append(["right", level[at + 1]])
        pairs = [level[n : n + 2] for n in range(0, len(level), 2)]
        level = [root(pair) for pair in pairs]
        at //= 2
    return found


class Key:
    """An ed25519 key that signs as `ssh-keygen -Y sign -n ramify` does."""

    def __init__(self, seed: int) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.raw = self._private.public_key().public_bytes_raw()
        self.blob = string(b"ssh-ed25519") + string(self.raw)
        self.line = f"ssh-ed25519 {base64(self.blob)}"

    def sign(self, text: str, **parts: bytes) -> str:
        """A signature; `parts` replace what it is made of."""
        name = parts.get("hash", b"sha512")
        hashed = hashlib.new("sha512" if name == b"md5" else name.decode(), text.encode()).digest()
        namespace, reserved = parts.get("namespace", b"ramify"), parts.get("reserved", b"")
        frame = string(namespace) + string(reserved) + string(name)
        raw = self._private.sign(b"SSHSIG" + frame + string(hashed))
        inner = string(parts.get("kind", b"ssh-ed25519")) + string(parts.get("raw", raw))
        head = parts.get("magic", b"SSHSIG") + parts.get("version", b"\0\0\0\1")
        return base64(
            head + string(parts.get("key", self.blob)) + frame + string(inner) + parts.get("end", b"")
        )


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def base64(data: bytes) -> str:
    return b64encode(data).decode()


OPS, WEB, STRANGER = Key(1), Key(2), Key(3)


def policy(**parts: Any) -> dict[str, Any]:
    """ops may speak for all but /free, which needs nobody, and web for one domain."""
    return {
        "format": 1,
        "rules": [
            {"mount": "/", "paths": ["/**"], "signers": ["ops@acme"]},
            {"mount": "/web", "paths": ["/web/**"], "signers": ["web@acme", "ops@acme"]},
            {"mount": "/", "paths": ["/region1/**"], "signers": ["web@acme"]},
        ],
        "serial": 3,
        "signers": [
            {"key": OPS.line, "name": "ops@acme", "options": {"namespaces": "ramify"}},
            {"key": WEB.line, "name": "web@acme", "options": {}},
        ],
        "unsigned": ["/free/**"],
        **parts,
    }


def known(kind: str, name: str, text: str | None, *, mode: int = 0, late: bool = False) -> list[Any]:
    return [kind, name, mode, late, text]


INSTALL_FACTS = [ARTIFACT, ["sh", "install.sh"], 60.0, None]
SERVICE_FACTS = [
    ARTIFACT,
    "service",
    {"main": ["sh", "run.sh"]},
    "manifest",
    ["TERM", 5.0],
    {"argv": None, "signal": "CONT"},
    {"argv": ["./pause"], "signal": None},
    {"argv": None, "signal": "HUP"},
    0.02,
    None,
]
INSTALL = [
    known("env", "WHERE", "here"),
    known("args", "--deep", None),
    known("files", "a/install.conf", "größe\n", mode=0o600),
]
SERVICE = [
    known("env", "PORT", "80"),
    known("env", "NAMED", None),
    known("env", "ADDRESS", "{{ host.address }}", late=True),
    known("args", "--level", "3"),
    known("args", "", "bare"),
    known("args", "X", "1"),
    known("args", "Y", "{{ host.name }}", late=True),
    known("files", "own.conf", None, mode=0o640),
    known("files", "late.conf", "{{ facts.cpus }}", mode=0o600, late=True),
]


class Node:
    """One node of a realm, with all that is said about it."""

    def __init__(self, path: str, *children: "Node", **parts: Any) -> None:
        self.path = path
        self.children = children
        self.install_facts = parts.get("install_facts", INSTALL_FACTS)
        self.service_facts = parts.get("service_facts", SERVICE_FACTS)
        self.install = parts.get("install", INSTALL)
        self.service = parts.get("service", SERVICE)
        self.install_values = parts.get("install_values", [f"deep {path}"])
        self.service_values = parts.get("service_values", [f"name of {path}", f"file of {path}"])
        self.names = parts.get("names", [child.path.rpartition("/")[2] for child in children])
        text_i = canonical([self.install_facts, self.install])
        text_s = canonical([self.service_facts, self.service])
        text_e = canonical([digest(text_i), self.install_values]) if self.install_values else None
        text_v = canonical([digest(text_s), "acme", path, self.names, self.service_values])
        self.evidence = {
            "install": text_i,
            "environment": text_e,
            "service_class": text_s,
            "service": text_v,
        }
        self.environment = digest(text_e or text_i)
        self.told = digest(text_v)
        self.own = digest(canonical(["node", self.environment, self.told]))
        self.below = root([child.subtree for child in children]) if children else ""

    @property
    def subtree(self) -> str:
        return digest(canonical(["subtree", self.own, self.below])) if self.children else self.own


class Realm:
    """Nodes, and the statement about them."""

    def __init__(self, *tops: Node, mount: str = "/") -> None:
        self.tops = tops
        self.mount = mount
        self.tree = root([top.subtree for top in tops])
        parts = {"format": 1, "lock": "c" * 64, "project": "acme", "runtimes": [RUNTIME], "tree": self.tree}
        self.statement = canonical(parts)

    def way(self, path: str) -> list[Node]:
        """The nodes from the top down to a path."""
        found: list[Node] = []
        level = self.tops
        while not found or found[-1].path != path:
            found += [node for node in level if path == node.path or path.startswith(node.path + "/")]
            level = found[-1].children
        return found

    def signed(self, path: str, *keys: Key) -> dict[str, Any]:
        """The field of a request."""
        nodes = self.way(path)
        proof = []
        for parent, node in zip([None, *nodes], nodes, strict=False):
            siblings = parent.children if parent else self.tops
            steps = beside([one.subtree for one in siblings], siblings.index(node))
            proof.append({"beside": steps, "node": parent.own if parent else None})
        return {
            "statement": self.statement,
            "signatures": [key.sign(self.statement) for key in keys],
            "mount": self.mount,
            "evidence": nodes[-1].evidence,
            "below": nodes[-1].below,
            "proof": proof[::-1],
        }

    def order(self, path: str) -> dict[str, Any]:
        """The order for a node, all fields written out."""
        node = self.way(path)[-1]
        full = path if self.mount == "/" else self.mount + path
        return {
            "path": full,
            "digest": node.own,
            "environment_digest": node.environment,
            "service_digest": node.told,
            "binding": "where it is",
            "code": {"artifact": ARTIFACT, "share": False},
            "shared": {},
            "install": {
                "argv": ["sh", "install.sh"],
                "env": {"WHERE": "here"},
                "args": ["--deep", f"deep {path}"],
                "files": [{"name": "a/install.conf", "mode": 0o600, "content": "größe\n"}],
                "timeout": 60.0,
            },
            "uninstall": {"argv": None},
            "service": {
                "start": {"main": ["sh", "run.sh"]},
                "start_from": "manifest",
                "stop": {"signal": "TERM", "timeout": 5.0},
                "control": {
                    "activate": {"signal": "CONT"},
                    "deactivate": {"argv": ["./pause"]},
                    "reload": {"signal": "HUP"},
                },
                "env": {
                    "PORT": "80",
                    "NAMED": f"name of {path}",
                    "ADDRESS": "10.0.0.1",
                    "RAMIFY_PROJECT": "acme",
                    "RAMIFY_PATH": full,
                    "RAMIFY_NAME": full.rpartition("/")[2],
                    "RAMIFY_HOST": "h1",
                    "RAMIFY_ADDRESS": "10.0.0.1",
                    "RAMIFY_PARENT": full.rpartition("/")[0] or "/",
                    "RAMIFY_PARENT_ADDRESS": "",
                    "RAMIFY_CHILDREN": " ".join(f"{full}/{name}" for name in node.names or ()),
                    "RAMIFY_CHILDREN_ADDRESSES": "",
                },
                "args": ["--level", "3", "bare", "X=1", "Y=h1"],
                "files": [
                    {"name": "own.conf", "mode": 0o640, "content": f"file of {path}"},
                    {"name": "late.conf", "mode": 0o600, "content": "8"},
                ],
                "grace": 0.02,
            },
        }


def realm(mount: str = "/") -> Realm:
    """Seven nodes, /region1/zone2/app of which is the one that tests look at; /free is below no rule."""
    apps = [Node(f"/region1/zone2/app{number}") for number in (1, 2, 3)]
    zones = [Node("/region1/zone1"), Node("/region1/zone2", *apps)]
    return Realm(Node("/region0"), Node("/region1", *zones), Node("/region2"), mount=mount)


APP = "/region1/zone2/app3"


def keygen(folder: Path, kind: str, *options: str) -> Path:
    """A key made by `ssh-keygen`."""
    file = folder / f"key-{kind}{''.join(options)}"
    argv = ["ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-C", "", "-f", str(file)]
    subprocess.run(argv, check=True, capture_output=True)
    return file


def sign(key: Path, text: str, namespace: str = "ramify", *options: str) -> str:
    """The armored signature that `ssh-keygen` makes."""
    argv = ["ssh-keygen", "-Y", "sign", "-n", namespace, *options, "-f", str(key)]
    result = subprocess.run(argv, input=text.encode(), check=True, capture_output=True)
    return result.stdout.decode()


def public(key: Path) -> str:
    return key.with_name(key.name + ".pub").read_text().strip()


def refused(message: str) -> Any:
    """Expect a refusal, and what it says."""
    return pytest.raises(StubError, match=message)
