"""Policies: who may speak for which paths. Values and pure functions, the same for all who check.

A policy is canonical JSON text made of a project's trust file; hosts pin it. Rules:

1. A rule speaks for statements of realms that are mounted at exactly its `mount`.
2. Its paths, and those of `unsigned`, are held against full paths: a step is a name, `*` (one step of any
   name) or `**` (any number of steps, none too).
3. What is not understood in full is refused in full: a restriction that nobody enforces is worse than none.
"""

from __future__ import annotations

from ramify.stub import allowed, claims, layout
from ramify.stub.wire import StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Collection, Dict, List, Sequence, Tuple

FORMAT = 1
ROOT = "/"
EVERYTHING = "/**"
_MAX_NAME = 256
_ANY = "**"
_TOLD = 4
_MAX_SERIAL = 1 << 53  # what every JSON reader takes


class Rule:
    """These signers may speak for these paths, in the realm mounted there."""

    __slots__ = ("mount", "number", "paths", "signers")

    def __init__(self, number: int, mount: str, paths: List[str], signers: List[str]) -> None:
        self.number = number
        self.mount = mount
        self.paths = paths
        self.signers = signers

    def __str__(self) -> str:
        where = "" if self.mount == ROOT else f" of the domain at {self.mount}"
        return f"rule {self.number} ({_few(self.signers)} for {_few(self.paths)}{where})"


class Policy:
    """A policy that has been read."""

    __slots__ = ("rules", "serial", "signers", "text", "unsigned")

    def __init__(self, text: str, fields: Dict[str, Any]) -> None:
        self.text = text
        self.serial: int = fields["serial"]
        self.signers: List[allowed.Signer] = fields["signers"]
        self.rules: List[Rule] = fields["rules"]
        self.unsigned: List[str] = fields["unsigned"]


def read(text: object) -> Policy:
    """The policy that `text` is.

    Raises:
        StubError: it is none, or says something that is not understood (code "untrusted").
    """
    fields = claims.members(text, ("format", "rules", "serial", "signers", "unsigned"), "policy")
    if fields["format"] != FORMAT or type(fields["format"]) is not int:
        raise claims.refusal(f"policy: format {layout.shorten(fields['format'])} is not {FORMAT}")
    if type(fields["serial"]) is not int or not 0 <= fields["serial"] < _MAX_SERIAL:
        raise claims.refusal("policy.serial is not a number from 0 up")
    signers = [
        _signer(item, f"policy.signers[{at}]")
        for at, item in enumerate(claims.items(fields["signers"], "policy.signers"))
    ]
    known = {signer.name for signer in signers}
    rules = [
        _rule(item, at, known) for at, item in enumerate(claims.items(fields["rules"], "policy.rules"), 1)
    ]
    unsigned = [
        _pattern(item, "policy.unsigned") for item in claims.items(fields["unsigned"], "policy.unsigned")
    ]
    parts = {"serial": fields["serial"], "signers": signers, "rules": rules, "unsigned": unsigned}
    return Policy(str(text), parts)


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern, as a policy has them, takes a full path."""
    steps = pattern[1:].split("/")
    reached = _open(steps, {0})
    for name in path[1:].split("/"):
        after = {at for at in reached if at < len(steps) and steps[at] == _ANY}
        after.update(at + 1 for at in reached if at < len(steps) and steps[at] in ("*", name))
        reached = _open(steps, after)
    return len(steps) in reached


def _open(steps: Sequence[str], reached: Collection[int]) -> Collection[int]:
    """Whoever waits at `**` also waits behind it, for it may stand for nothing."""
    found = set(reached)
    for first in reached:
        at = first
        while at < len(steps) and steps[at] == _ANY:
            at += 1
            found.add(at)
    return found


def vouched(policy: Policy, mount: str, path: str, names: Collection[str]) -> Tuple[bool, str]:
    """Whether a node is vouched for by signers whose signatures stand, valid, over its realm's statement.

    Args:
        policy: the policy to hold it against.
        mount: where the realm is mounted: "/" for the project, the full path of its node for a domain.
        path: the full path of the node.
        names: of the signers, as `signatures.signers` gives them.

    Returns:
        True and the rule that allows it, in words; or False and the reason why none does, which names the
        signers (or "nobody"), the path and the rules.
    """
    for pattern in policy.unsigned:
        if matches(pattern, path):
            return True, f"{pattern} may be unsigned"
    speaking = [rule for rule in policy.rules if rule.mount == mount and _covers(rule, path)]
    for rule in speaking:
        if any(name in names for name in rule.signers):
            return True, str(rule)
    return False, _reason(policy, mount, path, names, speaking)


def _covers(rule: Rule, path: str) -> bool:
    return any(matches(pattern, path) for pattern in rule.paths)


def _reason(policy: Policy, mount: str, path: str, names: Collection[str], speaking: List[Rule]) -> str:
    where = path if mount == ROOT else f"{path} (domain at {mount})"
    said = f"{where} is signed by {_few(sorted(names)) or 'nobody'}"
    if speaking:
        return f"{said}; it takes {_some(speaking)}"
    theirs = [rule for rule in policy.rules if any(name in names for name in rule.signers)]
    if theirs:
        return f"{said}, who may speak by {_some(theirs)} only"
    return f"{said}, and no rule of the policy lets anybody speak for it"


def _some(rules: List[Rule]) -> str:
    return _few([str(rule) for rule in rules], " or ")


def _few(words: Sequence[str], between: str = ", ") -> str:
    """Words for a message, not thousands of them."""
    more = [f"{len(words) - _TOLD} more"] if len(words) > _TOLD else []
    return between.join([*words[:_TOLD], *more])


def governs(policy: Policy, names: Collection[str]) -> bool:
    """Whether one of these signers may replace the policy: whoever may speak for "/**" at mount "/"."""
    return any(
        rule.mount == ROOT and EVERYTHING in rule.paths and any(name in names for name in rule.signers)
        for rule in policy.rules
    )


def governors(policy: Policy) -> List[str]:
    """Who may replace the policy, sorted; empty if nobody may, so that hosts keep it for ever."""
    return sorted({signer.name for signer in policy.signers if governs(policy, (signer.name,))})


def join(mount: str, path: str) -> str:
    """The full path of what is at `path` in a realm mounted at `mount`."""
    return path if mount == ROOT else mount + path


def check_mount(value: object) -> str:
    """`value` itself, when a realm can be mounted there.

    Raises:
        StubError: it is neither "/" nor the path of a node (code "untrusted").
    """
    if value == ROOT:
        return ROOT
    try:
        return layout.check_path(value)
    except StubError:
        raise claims.refusal(f"no realm can be mounted at {layout.shorten(value)}") from None


def _name(found: object, what: str) -> str:
    if not isinstance(found, str) or not 0 < len(found) <= _MAX_NAME or not found.isprintable():
        raise claims.refusal(f"{what} is not a name")
    return found


def _signer(found: object, what: str) -> allowed.Signer:
    fields = claims.exactly(found, ("key", "name", "options"), what)
    return allowed.Signer(_name(fields["name"], f"{what}.name"), fields["key"], fields["options"], what)


def _rule(found: object, number: int, known: Collection[str]) -> Rule:
    what = f"policy.rules[{number - 1}]"
    fields = claims.exactly(found, ("mount", "paths", "signers"), what)
    paths = [_pattern(item, f"{what}.paths") for item in claims.items(fields["paths"], f"{what}.paths")]
    signers = [_name(item, f"{what}.signers") for item in claims.items(fields["signers"], f"{what}.signers")]
    for name in signers:
        if name not in known:
            raise claims.refusal(f"{what} names {name}, of whom the policy has no key")
    return Rule(number, check_mount(fields["mount"]), paths, signers)


def _pattern(found: object, what: str) -> str:
    if isinstance(found, str) and found.startswith("/") and len(found) <= 4096:
        steps = found[1:].split("/")
        if all(step in ("*", _ANY) or layout.is_word(step) for step in steps):
            return found
    raise claims.refusal(f"{what}: {layout.shorten(found)} is no pattern of names, * and **")
