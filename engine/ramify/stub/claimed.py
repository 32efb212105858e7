"""Whether an order is what the evidence says about its node: compared part by part. Pure functions.

The first difference is told in words; an order that is what was signed differs in nothing but what is late,
and where things are: the declaration that a value is late is part of what was signed, and so is its name.
"""

from __future__ import annotations

from ramify.stub import layout, policies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

    from ramify.stub.evidence import Evidence, Part, Statement
    from ramify.stub.orders import Order

    Expected = Sequence[Tuple[str, Optional[str]]]
    """What a word begins with, and the rest of it; None for the rest of a late one."""

RUNTIME = "runtime"
INTERPRETER = "RAMIFY_INTERPRETER"
_INITIATOR = "initiator"
_PLACED = ("HOST", "ADDRESS", "PARENT_ADDRESS", "CHILDREN_ADDRESSES")


def difference(order: Order, mount: str, said: Statement, evidence: Evidence) -> str:
    """The first part of an order that is not what the evidence says, in words; empty if there is none.

    Args:
        order: in full, as `orders.check` returns it.
        mount: where the realm is mounted.
        said: the realm's statement.
        evidence: of which somebody has seen that it leads to the statement's tree.
    """
    for name, same in _parts(order, mount, said, evidence):
        if not same:
            return name
    return ""


def _parts(order: Order, mount: str, said: Statement, evidence: Evidence) -> Iterator[Tuple[str, bool]]:
    """The parts of an order, and whether each is what it must be."""
    yield "path", order["path"] == policies.join(mount, evidence.path)
    yield "environment_digest", order["environment_digest"] == evidence.environment
    yield "service_digest", order["service_digest"] == evidence.told
    yield "digest", order["digest"] == evidence.node
    yield "code.share", order["code"]["share"] is False
    yield "shared", _runtime(order["shared"], said)
    yield from _values("install", order["install"], evidence.install, {})
    yield from _values("service", order["service"], evidence.service, _identity(mount, evidence))
    yield from _facts(order, evidence)


def _runtime(shared: Dict[str, str], said: Statement) -> bool:
    return not shared or (list(shared) == [RUNTIME] and shared[RUNTIME] in said.runtimes)


def _identity(mount: str, evidence: Evidence) -> Dict[str, Optional[str]]:
    """What a service learns of its place; None for what placement, or a domain, decides."""
    path = policies.join(mount, evidence.path)
    children = None
    if evidence.children is not None:
        children = " ".join(f"{path}/{name}" for name in evidence.children)
    known: Dict[str, Optional[str]] = {
        "PROJECT": evidence.project,
        "PATH": path,
        "NAME": path.rpartition("/")[2],
        "PARENT": path.rpartition("/")[0] or policies.ROOT,
        "CHILDREN": children,
    }
    known.update(dict.fromkeys(_PLACED))
    return {f"RAMIFY_{name}": text for name, text in known.items()}


def _values(
    what: str, given: Order, part: Part, identity: Dict[str, Optional[str]]
) -> Iterator[Tuple[str, bool]]:
    env: Dict[str, Optional[str]] = {}
    words: List[Tuple[str, Optional[str]]] = []
    files: List[List[Any]] = []
    for kind, name, mode, _, text in part.known:
        if kind == "env":
            env[name] = text
        elif kind == "args":
            words += _words(name, text)
        else:
            files.append([name, mode, text])
    env.update(identity)
    yield from _env(what, given["env"], env)
    yield f"{what}.args", _same_words(given["args"], words)
    yield from _files(what, given["files"], files)


def _words(name: str, text: Optional[str]) -> Expected:
    """The words that an argument is: an option and its value, NAME=VALUE, or bare (HPL Figure 3)."""
    if not name:
        return [("", text)]
    return [("", name), ("", text)] if name.startswith("-") else [(f"{name}=", text)]


def _env(what: str, given: Dict[str, str], env: Dict[str, Optional[str]]) -> Iterator[Tuple[str, bool]]:
    for name in sorted({*given, *env}):
        there = name in given and name in env
        yield f"{what}.env.{layout.shorten(name)[1:-1]}", there and env[name] in (None, given[name])


def _same_words(given: List[str], words: Expected) -> bool:
    return len(given) == len(words) and all(
        word.startswith(begins) if rest is None else word == begins + rest
        for word, (begins, rest) in zip(given, words)
    )


def _files(what: str, given: List[Order], files: List[List[Any]]) -> Iterator[Tuple[str, bool]]:
    yield f"{what}.files", len(given) == len(files)
    for file, (name, mode, text) in zip(given, files):
        same = file["name"] == name and file["mode"] == mode
        yield (
            f"{what}.files: {layout.shorten(file['name'])}",
            same and (text is None or file.get("content") == text),
        )


def _facts(order: Order, evidence: Evidence) -> Iterator[Tuple[str, bool]]:
    """Facts of the component: one alternative must be right for installer and service at once."""
    installs, services = evidence.install.alternatives, evidence.service.alternatives
    found = _differs(order, installs[0][1], services[0][1]) if installs and services else "code.artifact"
    if len(installs) == len(services) == 1:
        yield found, not found
        return
    fitting = any(
        not _differs(order, install, service)
        for when, install in installs
        for then, service in services
        if when == then
    )
    yield "code (none of its variants)", fitting


def _differs(order: Order, install: object, service: object) -> str:
    """The first part of the order in which it is not what the component's facts say."""
    if (
        not isinstance(install, list)
        or not isinstance(service, list)
        or (len(install), len(service)) != (4, 10)
    ):
        return "code.artifact"  # nothing is installed there
    given = order["service"]
    artifact, role, start, start_from, stop, activate, deactivate, reload, grace, health = service
    parts = (
        ("code.artifact", order["code"]["artifact"] == install[0] == artifact),
        ("install.argv", order["install"]["argv"] == install[1]),
        ("install.timeout", order["install"]["timeout"] == install[2]),
        ("uninstall.argv", order["uninstall"]["argv"] == install[3]),
        ("service.start", given["start"] == _start(start, role, given["env"])),
        ("service.start_from", given["start_from"] == start_from),
        ("service.stop", [given["stop"]["signal"], given["stop"]["timeout"]] == _stop(stop)),
        ("service.control.activate", given["control"]["activate"] == _control(activate)),
        ("service.control.deactivate", given["control"]["deactivate"] == _control(deactivate)),
        ("service.control.reload", given["control"]["reload"] == _control(reload)),
        ("service.grace", given["grace"] == grace),
        ("service.health", given["health"] == health),
    )
    return next((name for name, same in parts if not same), "")


def _start(start: Any, role: object, env: Dict[str, str]) -> Any:
    """An initiator may be run by an interpreter of its host that has Ramify."""
    own = env.get(INTERPRETER)
    if own and role == _INITIATOR and isinstance(start, dict) and _INITIATOR in start:
        return dict(start, **{_INITIATOR: [own, "-m", "ramify.initiator.service"]})
    return start


def _stop(stop: Any) -> Any:
    if isinstance(stop, list) and len(stop) == 2:
        return [_signal(stop[0]), stop[1]]
    return stop


def _control(control: Any) -> Any:
    """As the order has it: a command, a signal, or no way at all."""
    if not isinstance(control, dict):
        return control
    if control.get("argv"):
        return {"argv": control["argv"]}
    return {"signal": _signal(control["signal"])} if control.get("signal") else None


def _signal(name: Any) -> Any:
    return name[3:] if isinstance(name, str) and name.startswith("SIG") else name
