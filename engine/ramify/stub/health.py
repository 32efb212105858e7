"""What an order says of a service's health: checked, and told by the values of the service's environment."""

from __future__ import annotations

from ramify.stub import orders
from ramify.stub.wire import CUT, FAILED, StubError, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

KINDS = ("exec", "http", "tcp")
HEALTHY = "healthy"
UNHEALTHY = "unhealthy"
STARTING = "starting"
PASSIVE = "passive"  # nobody is asked while the service pauses
FILE = "health"  # in the service's run folder
_WORDS = (HEALTHY, UNHEALTHY, STARTING)
MOST_OUTPUT = 500


def check(value: object) -> orders.Order:
    """The part of an order in full.

    Raises:
        StubError: a field is missing or of the wrong kind.
    """
    fields = orders.as_object(value, "service.health")
    kind, path, retries = fields.get("kind"), fields.get("path", "/"), fields.get("retries", 3)
    if kind not in KINDS:
        raise orders.wrong("service.health.kind", f"one of {', '.join(KINDS)}")
    if not isinstance(path, str) or not path.startswith("/") or any(not "!" <= sign <= "~" for sign in path):
        raise orders.wrong("service.health.path", "a path that begins with /")
    if type(retries) is not int or not 0 < retries <= 1000:
        raise orders.wrong("service.health.retries", "a number from 1 to 1000")
    argv = fields.get("argv")
    result: orders.Order = {"kind": kind, "path": path, "retries": retries, "argv": None}
    if kind == "exec":
        result["argv"] = orders.as_argv(argv, "service.health.argv")
    for name, usual in (("host", "127.0.0.1"), ("port", "")):
        result[name] = orders.as_text(fields.get(name, usual), f"service.health.{name}")
    for name, least, seconds in (("interval", 0.1, 10), ("timeout", 0.1, 5), ("start_period", 0, 0)):
        result[name] = orders.as_seconds(fields.get(name, seconds), f"service.health.{name}")
        if result[name] < least:
            raise orders.wrong(f"service.health.{name}", f"at least {least:g} s")
    return result


def told(said: orders.Order, env: Dict[str, str]) -> orders.Order:
    """The same with `$NAME` replaced.

    Raises:
        StubError: there is no such variable, or what it holds is no port.
    """
    known = {name: _value(said[name], env) for name in ("host", "port")}
    if said["kind"] != "exec" and not (known["port"].isdigit() and 0 < int(known["port"]) < 65536):
        raise StubError(FAILED, f"health: {said['port']} is not a port: {known['port'][:40]}")
    return dict(said, **known)


def _value(text: str, env: Dict[str, str]) -> str:
    if not text.startswith("$"):
        return text
    if text[1:] not in env:
        raise StubError(FAILED, f"health: the service has no variable {text[1:]}")
    return env[text[1:]]


def limit(said: orders.Order) -> float:
    """Seconds after its start in which a service must have passed its first check."""
    return float(said["start_period"] + said["retries"] * said["interval"])


def read(run: str) -> Optional[Dict[str, Any]]:
    """What is recorded in a service's run folder; the folder is the service's, which may write there, too."""
    try:
        with open(f"{run}/{FILE}", "rb", 0) as stream:
            value = decode(stream.read(4096))
        if value["state"] in (*_WORDS, PASSIVE):
            output = bounded(str(value["output"]))
            return {"state": value["state"], "since": float(value["since"]), "output": output}
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        pass
    return None


def bounded(output: str) -> str:
    """What a check said, or as much of it as is kept."""
    return output if len(output) <= MOST_OUTPUT else output[: MOST_OUTPUT - 1] + CUT


def state(run: str) -> Optional[Dict[str, Any]]:
    """The same for a reply: nothing of a service that pauses."""
    found = read(run)
    return found if found is not None and found["state"] in _WORDS else None
