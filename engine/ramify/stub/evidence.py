"""Evidence: what a signed statement says about one node. Pure functions.

A realm's statement names the root of a tree of hashes; see `fold`. The texts of the evidence hash to the
digests of the node, and the node's digest, folded with those beside its way up, to that root: so the texts
are what was signed. What they say is held against the order in `claimed`.
"""

from __future__ import annotations

from ramify.stub import claims, files, layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

FORMAT = 1
_TEXT_LIMIT = 8 << 20  # what a frame can carry: configuration files are in these texts
_MOST_BESIDE = 64
_MOST_LEVELS = layout.MAX_DEPTH


class Statement:
    """What is signed: the root of a realm's tree, and what goes with it."""

    __slots__ = ("lock", "project", "runtimes", "tree")

    def __init__(self, fields: Dict[str, Any]) -> None:
        self.lock: str = fields["lock"]
        self.project: str = fields["project"]
        self.runtimes: List[str] = fields["runtimes"]
        self.tree: str = fields["tree"]


def statement(text: object) -> Statement:
    """The statement that `text` is.

    Raises:
        StubError: it is none (code "untrusted").
    """
    fields = claims.members(text, ("format", "lock", "project", "runtimes", "tree"), "statement")
    if fields["format"] != FORMAT or type(fields["format"]) is not int:
        raise claims.refusal(f"statement: format {layout.shorten(fields['format'])} is not {FORMAT}")
    _digest(fields["tree"], "statement.tree")
    for item in claims.items(fields["runtimes"], "statement.runtimes"):
        _digest(item, "statement.runtimes")
    return Statement(fields)


def node(environment: str, service: str) -> str:
    """The digest of a node: H(["node", environment, service])."""
    return _tagged("node", environment, service)


def subtree(own: str, below: str) -> str:
    """The digest of a node that has children: H(["subtree", own, below])."""
    return _tagged("subtree", own, below)


def pair(left: str, right: str) -> str:
    """The digest over two neighbours: H(["pair", left, right])."""
    return _tagged("pair", left, right)


def _tagged(tag: str, one: str, other: str) -> str:
    return _hash(f'["{tag}","{one}","{other}"]'.encode("ascii"))  # three words that JSON writes as they are


def _hash(data: bytes) -> str:
    return str(files.hasher(len(data))(data).hexdigest())


def _digest(value: object, what: str) -> str:
    if not layout.is_digest(value):
        raise claims.refusal(f"{what}: {layout.shorten(value)} is no digest")
    return str(value)


def fold(own: str, below: object, proof: object) -> str:
    """The root that a node's digest leads to.

    Args:
        own: the node's digest.
        below: the Merkle root of its children's subtrees, empty if it has none in its realm.
        proof: levels from the node upwards: [{"beside": [["left"|"right", HEX], ...], "node": HEX|null}];
            `node` is the parent's digest, null where the level is the realm's top.

    Raises:
        StubError: the proof is none (code "untrusted").
    """
    current = own if below == "" else subtree(own, _digest(below, "below"))
    levels = claims.items(proof, "proof", _MOST_LEVELS)
    for number, item in enumerate(levels):
        what = f"proof[{number}]"
        level = claims.exactly(item, ("beside", "node"), what)
        for one in claims.items(level["beside"], f"{what}.beside", _MOST_BESIDE):
            current = _beside(current, one, what)
        if level["node"] is not None:
            current = subtree(_digest(level["node"], f"{what}.node"), current)
        elif number + 1 < len(levels):
            raise claims.refusal(f"{what} has no node, and is not the last")
    return current


def _beside(current: str, one: object, what: str) -> str:
    if not isinstance(one, list) or len(one) != 2 or one[0] not in ("left", "right"):
        raise claims.refusal(f"{what}.beside: {layout.shorten(one)} is not a side and a digest")
    digest = _digest(one[1], f"{what}.beside")
    return pair(digest, current) if one[0] == "left" else pair(current, digest)


class Part:
    """What an installer or a service is given: alternatives of facts, and each value.

    `alternatives` are pairs of a condition on the host's facts (None: always) and the facts of the component;
    `known` is [kind, name, mode, late, text]: `text` is None where nothing is known but that it is late.
    """

    __slots__ = ("alternatives", "digest", "known")

    def __init__(self, text: object, what: str) -> None:
        data = claims.utf8(text, what, _TEXT_LIMIT)
        self.digest = _hash(data)
        fields = _fields(claims.value(text, what, _TEXT_LIMIT), 2, what)
        self.alternatives = _alternatives(fields[0], what)
        self.known = [_value(item, what) for item in claims.items(fields[1], f"{what}: values")]

    def fill(self, values: object, what: str) -> None:
        """Give the values that differ from node to node, in their order."""
        rest = list(claims.items(values, f"{what}: values"))
        for item in self.known:
            if item[4] is None and not item[3]:
                item[4] = rest.pop(0) if rest else None
                if not isinstance(item[4], str):
                    raise claims.refusal(f"{what}: no value for {layout.shorten(item[1])}")
            elif item[3]:
                item[4] = None
        if rest:
            raise claims.refusal(f"{what}: more values than names")


def _fields(value: object, count: int, what: str) -> List[Any]:
    if len(claims.items(value, what)) != count:
        raise claims.refusal(f"{what} is not a list of {count}")
    return list(value)  # type: ignore[call-overload,no-any-return]


def _alternatives(value: object, what: str) -> List[List[Any]]:
    if isinstance(value, list):
        return [[None, value]]
    variants = claims.items(claims.exactly(value, ("variants",), what)["variants"], what)
    return [_fields(item, 2, what) for item in variants]


def _value(value: object, what: str) -> List[Any]:
    fields = _fields(value, 5, what)
    kind, name, mode, late, text = fields
    good = kind in ("env", "args", "files") and isinstance(name, str) and type(mode) is int
    if not good or not isinstance(late, bool) or not (text is None or isinstance(text, str)):
        raise claims.refusal(f"{what}: {layout.shorten(value)} is not a value")
    return fields


class Evidence:
    """The texts of the evidence, read, and the digests that they come to."""

    __slots__ = ("children", "environment", "install", "node", "path", "project", "service", "told")

    def __init__(self, texts: object) -> None:
        names = ("install", "environment", "service_class", "service")
        fields = claims.exactly(texts, names, "evidence")
        self.install = Part(fields["install"], "evidence.install")
        self.service = Part(fields["service_class"], "evidence.service_class")
        self.environment = self._environment(fields["environment"], "evidence.environment")
        self.told = _hash(claims.utf8(fields["service"], "evidence.service", _TEXT_LIMIT))
        self._service(fields["service"], "evidence.service")
        self.node = node(self.environment, self.told)

    def _environment(self, text: object, what: str) -> str:
        if text is None:
            self.install.fill([], what)
            return self.install.digest
        fields = _fields(claims.value(text, what, _TEXT_LIMIT), 2, what)
        if fields[0] != self.install.digest:
            raise claims.refusal(f"{what} is that of another class than evidence.install")
        self.install.fill(fields[1], what)
        return _hash(claims.utf8(text, what, _TEXT_LIMIT))

    def _service(self, text: object, what: str) -> None:
        digest, project, path, children, values = _fields(claims.value(text, what, _TEXT_LIMIT), 5, what)
        if digest != self.service.digest:
            raise claims.refusal(f"{what} is that of another class than evidence.service_class")
        if not isinstance(project, str) or not isinstance(path, str):
            raise claims.refusal(f"{what} names no project and no path")
        self.project = project
        self.path = path
        self.children: Optional[List[str]] = None
        if children is not None:
            self.children = [
                name if layout.is_word(name) else _no_name(name, what)
                for name in claims.items(children, f"{what}: children")
            ]
        self.service.fill(values, what)


def _no_name(value: object, what: str) -> str:
    raise claims.refusal(f"{what}: {layout.shorten(value)} is not the name of a child")
