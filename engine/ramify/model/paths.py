"""Paths: a node's identity, `child = parent + "/" + name` (HPL 5.2). Never an address or a host name."""

import re

ROOT = "/"
MAX_DEPTH = 32
MAX_NAME = 64

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


def normalise(text: str) -> str:
    """One leading slash, no trailing one, no empty step (HPL Figure 8 leaves the leading one out)."""
    return ROOT + "/".join(step for step in text.split("/") if step)


def valid_name(name: str) -> bool:
    """Whether a word can be one step of a path."""
    return len(name) <= MAX_NAME and NAME.match(name) is not None


def problem(path: str) -> str | None:
    """What is wrong with a path, or None."""
    if not path.startswith("/") or path == ROOT:
        return f'expected a path such as "/region1/zone3", got "{path}"'
    steps = path[1:].split("/")
    if len(steps) > MAX_DEPTH:
        return f"path is deeper than {MAX_DEPTH} steps"
    bad = next((step for step in steps if not valid_name(step)), None)
    return None if bad is None else f'"{bad}" cannot be a step of a path'


def child(parent: str, name: str) -> str:
    """The path of a child."""
    return f"/{name}" if parent == ROOT else f"{parent}/{name}"


def parent(path: str) -> str:
    """The path of the parent; that of a top node is the root, the operator's own place."""
    return path.rpartition("/")[0] or ROOT


def name(path: str) -> str:
    """The last step."""
    return path.rpartition("/")[2]


def depth(path: str) -> int:
    """The number of steps: 0 for the root, 1 for a top node."""
    return 0 if path == ROOT else path.count("/")


def within(path: str, ancestor: str) -> bool:
    """Whether a path is an ancestor's own or lies below it."""
    return ancestor in {ROOT, path} or path.startswith(ancestor + "/")
