"""The trust file: who may speak for which paths. What it says becomes the policy that hosts pin."""

import posixpath
from collections.abc import Iterable, Sequence
from itertools import product
from math import prod

from msgspec import Struct

from ramify.documents import allowed_signers
from ramify.documents.allowed_signers import AllowedSigners
from ramify.documents.inventory import sourced
from ramify.documents.node import Node
from ramify.documents.reading import read_yaml
from ramify.documents.text import Source, no_source
from ramify.model import paths
from ramify.model.diagnostics import Diagnostics, Origin, did_you_mean
from ramify.model.patterns import ANY
from ramify.model.ranges import count, expand
from ramify.model.trust import Policy, Rule

MAX_PATTERNS = 1000
"""Hosts go through them for every order, and ranges are written out."""

_STEPS = "Steps are names, ranges such as [1-10], `*` for one step, and `**` for any number of them."


class TrustFile(Struct, frozen=True):
    """A policy, and where each of its rules is written; `signers` is the file of their keys."""

    policy: Policy
    file: str
    signers: str = ""
    rules: tuple[Origin, ...] = ()


def read(text: str | bytes, file: str, source: Source = no_source) -> tuple[TrustFile | None, Diagnostics]:
    """Read a trust file; `source` gives the text of the allowed_signers file that it names."""

    def build(root: Node, found: Diagnostics) -> TrustFile:
        named = posixpath.normpath(posixpath.join(posixpath.dirname(file), root["signers"].text))
        known = allowed_signers.read(sourced(root["signers"], source, found), named, found)
        return _Builder(file, named, known, found).build(root)

    value, found = read_yaml(text, file, "trust", build)
    elsewhere = [item for item in found if item.origin and item.origin.file != file]
    return value, Diagnostics((*(item for item in found if item not in elsewhere), *elsewhere))


class _Builder:
    """Makes the policy of a document."""

    def __init__(self, file: str, signers: str, known: AllowedSigners, found: Diagnostics) -> None:
        self._file = file
        self._signers = signers
        self._known = known
        self._names = {signer.name for signer in known.signers}
        self._unreadable = found.failed
        self._found = found
        self._patterns = 0

    def build(self, root: Node) -> TrustFile:
        rules = tuple(self._rule(node) for node in root["rules"].elements)
        self._tell_fixed(rules, root)
        named = {name for rule in rules for name in rule.signers}
        serial = root["serial"].value
        return TrustFile(
            Policy(
                rules=rules,
                # Whom no rule names would change the policy of all hosts without any effect.
                signers=tuple(signer for signer in self._known.signers if signer.name in named),
                unsigned=self._paths(root["unsigned"], paths.ROOT),
                serial=serial if isinstance(serial, int) else 0,
            ),
            self._file,
            self._signers,
            tuple(node.origin for node in root["rules"].elements),
        )

    def _tell_fixed(self, rules: Sequence[Rule], root: Node) -> None:
        """Tell when nobody could ever change the policy on hosts that have pinned it."""
        everything = f"/{ANY}"
        if rules and not any(rule.mount == paths.ROOT and everything in rule.paths for rule in rules):
            summary = f'no rule lets anybody speak for "{everything}"'
            way_out = "Hosts take another policy from such a signer only: from nobody, as it is."
            self._found.warning("fixed-policy", summary, way_out, root.key("rules"))

    def _rule(self, node: Node) -> Rule:
        mount = self._mount(node["domain"])
        # A misspelt key is told once, as one that is not known.
        if isinstance(node.value, dict) and set(node) <= {"signers"}:
            way_out = 'Add `paths: ["/**"]` for all of the project, or `domain:` for a domain in it.'
            self._found.error("missing-key", "a rule says neither paths nor domain", way_out, node.origin)
        written = self._paths(node["paths"], mount)
        whole = f"{mount.rstrip('/')}/{ANY}"
        return Rule(
            mount=mount,
            paths=written if "paths" in node else (whole,),
            signers=tuple(dict.fromkeys(self._signer(item) for item in node["signers"].texts())),
        )

    def _mount(self, node: Node) -> str:
        if not node.text:
            return paths.ROOT
        wrong = paths.problem(node.text)
        if wrong:
            self._found.error("bad-name", wrong, "A domain is named by the path of its node.", node.origin)
            return paths.ROOT
        return node.text

    def _signer(self, node: Node) -> str:
        name = node.text
        # A file of keys that has errors may hold the name in a line that could not be read.
        if name in self._names or self._unreadable:
            return name
        if name in self._known.elsewhere:
            summary = f'the keys of "{name}" are for other namespaces'
            way_out = f'Let namespaces="..." in {self._signers} have ramify, too.'
        else:
            summary = f'{self._signers} has no signer "{name}"'
            way_out = (
                did_you_mean(name, self._names) or f"Add a line with the name and the key to {self._signers}."
            )
        self._found.error("unknown-signer", summary, way_out, node.origin)
        return name

    def _paths(self, node: Node, mount: str) -> tuple[str, ...]:
        """Patterns with their ranges written out."""
        made = dict.fromkeys(text for item in node.texts() for text in self._expanded(item, mount))
        before, self._patterns = self._patterns, self._patterns + len(made)
        if before <= MAX_PATTERNS < self._patterns:
            summary = f"more than {MAX_PATTERNS:,} patterns, with ranges written out"
            self._found.error("too-large", summary, "Write `*` for a step of any name.", node.origin)
        return tuple(made)

    def _expanded(self, node: Node, mount: str) -> Iterable[str]:
        try:
            made = _written_out(node.text)
        except ValueError as error:
            self._found.error("bad-pattern", str(error), _STEPS, node.origin)
            return ()
        if not any(_reaches(steps, mount.strip("/").split("/")) for steps in made):
            way_out = f"The rule speaks for the domain {mount}, and paths are full ones: {mount}/**."
            self._found.error(
                "bad-pattern", f'no path of the domain fits "{node.text}"', way_out, node.origin
            )
        return ["/" + "/".join(steps) for steps in made]


def _written_out(text: str) -> list[tuple[str, ...]]:
    """The steps of all patterns that one with ranges stands for.

    Raises:
        ValueError: it cannot be read, or stands for too many.
    """
    steps = _steps(text)
    many = prod(map(count, steps))
    if many > MAX_PATTERNS:
        raise ValueError(f'"{text}" stands for {many:,} patterns, more than {MAX_PATTERNS:,}')
    return list(product(*([name for name, _ in expand(step)] for step in steps)))


def _steps(text: str) -> list[str]:
    """The steps of a pattern.

    Raises:
        ValueError: it has others than hosts can check.
    """
    if text.startswith("!"):
        raise ValueError(f'"{text}": a rule takes no paths away; name those that it is for')
    if not text.startswith("/") or not text.strip("/"):
        raise ValueError(f'"{text}" is no path that begins with "/"')
    steps = [step for step in text.split("/") if step]
    for step in steps:
        if step in {"*", ANY}:
            continue
        if "*" in step or "?" in step:
            raise ValueError(f'"{step}" in "{text}": here `*` stands for a whole step only')
        if not paths.valid_name(expand(step)[0][0]):
            raise ValueError(f'"{step}" in "{text}" cannot be a step of a path')
    return steps


def _reaches(pattern: Sequence[str], mount: Sequence[str]) -> bool:
    """Whether a pattern can fit a path at or below a mount."""
    for at, step in enumerate(mount):
        if at >= len(pattern):
            return not step
        if pattern[at] == ANY or not step:
            return True
        if pattern[at] not in {"*", step}:
            return False
    return True
