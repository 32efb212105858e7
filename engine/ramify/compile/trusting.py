"""Trust: whether those who may speak for paths have signed what is to be done there.

Whose signatures are valid is found out elsewhere: here are the policy, their names, and what they signed.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ramify.compile.fleet import Fleet
from ramify.compile.problems import first_of
from ramify.compile.proofs import Proof, below, mount_of, tree_digest
from ramify.compile.tree import Node
from ramify.model import paths
from ramify.model.bundle import Bundle, Runtime
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.patterns import Matcher, Pattern
from ramify.model.trust import Seal, Statement
from ramify.stub import evidence, policies


class Claim(Struct, frozen=True, kw_only=True):
    """What somebody is about to do for a realm, and what its signers said.

    `mount` is the path that the realm is mounted at, `paths` the full paths of its nodes that are looked at,
    `runtimes` what its initiators would be given. Without `lock` nobody here knows the lock's file. `server`
    is the URL that the realm comes from, or one around it; such a realm is signed there.
    """

    mount: str
    project: str
    tree: str
    paths: Sequence[str]
    runtimes: tuple[Runtime, ...] = ()
    lock: str | None = None
    seal: Seal | None = None
    server: str = ""


class Voices(Struct, frozen=True):
    """Whose signatures over a claim's statement are valid; and of each that is not, why."""

    names: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


class Places(Struct, frozen=True):
    """Where a user can look: the file of the policy, its rules, and the signatures."""

    policy: str = "the policy that this host has pinned"
    rules: tuple[Origin, ...] = ()
    signatures: Origin | None = None


def claims(fleet: Fleet, lock: str | None = None, above: Proof = ()) -> list[Claim]:
    """What is about to be done below a fleet's scope, realm by realm, the one around the scope first.

    Args:
        fleet: with digests.
        lock: the sha256 of the project's lock, for whoever has it.
        above: the proof of the scope's own node, for whoever compiled nothing beside it.
    """
    own = fleet.by_path.get(fleet.scope)
    by_mount: dict[str, list[str]] = {}
    bundles: dict[str, tuple[Bundle, bool]] = {}
    if own is None:
        bundles[paths.ROOT] = (fleet.bundle, False)
    for node in fleet.within(fleet.scope):
        if node is own:
            continue
        mount = mount_of(node)
        component = fleet.class_of(node).component
        deploys = component is not None and component.deploys
        bundle, before = bundles.get(mount, (fleet.realm_of(node).bundle, False))
        bundles[mount] = (bundle, before or deploys)
        by_mount.setdefault(mount, []).append(node.path)
    return [
        Claim(
            mount=mount,
            project=bundle.project,
            tree=_tree(fleet, own, above) if own and mount == mount_of(own) else tree_digest(fleet, mount),
            paths=tuple(by_mount.get(mount, ())),
            # Whoever plans brings Ramify itself, for the initiators of domains too.
            runtimes=fleet.bundle.runtimes if deploys else (),
            lock=lock if mount == paths.ROOT else None,
            seal=bundle.seal,
            server=_server(fleet, mount),
        )
        for mount, (bundle, deploys) in bundles.items()
    ]


def _server(fleet: Fleet, mount: str) -> str:
    """The server that a realm comes from, or the nearest realm around it that has one; nothing for files."""
    node = fleet.by_path.get(mount)
    while node is not None and not (node.spec.domain and node.spec.domain.server):
        node = fleet.by_path.get(mount_of(node))
    return node.spec.domain.server if node and node.spec.domain else ""


def _tree(fleet: Fleet, own: Node, above: Proof) -> str:
    """The root that the scope's subtree leads to, with what is beside its way up."""
    levels = [{"beside": [list(one) for one in level.beside], "node": level.node} for level in above]
    return evidence.fold(fleet.digests[own.path].node, below(fleet, own), levels)


def statement(claim: Claim) -> Statement:
    """What whoever signs a claim says."""
    return Statement(
        project=claim.project,
        tree=claim.tree,
        lock=claim.lock or "",
        runtimes=tuple(sorted({runtime.artifact for runtime in claim.runtimes})),
    )


def check(policy: policies.Policy, claim: Claim, voices: Voices, places: Places, found: Diagnostics) -> None:
    """Tell everything that keeps a claim from being vouched for."""
    vouching = Vouching(policy, claim.mount)
    needed = [path for some in vouching.wanting(claim.paths, ()).values() for path in some]
    if not needed:
        return
    sign = _way_to_sign(claim)
    if claim.seal is None or not claim.seal.signatures:
        way_out = f"{places.policy} lets {_speakers(policy, vouching, needed[0])}. {sign}"
        found.error("unsigned", f"{first_of(needed)}: nobody has signed it", way_out, places.signatures)
        return
    differences = list(_differences(claim, claim.seal.statement))
    if differences:
        where = "" if claim.mount == paths.ROOT else f" for the domain {claim.mount}"
        summary = f"what was signed{where} is not what is here: {'; '.join(differences)}"
        found.error("signed-otherwise", summary, sign, places.signatures)
        return
    faults = "".join(f"Of no account: {fault.rstrip('.')}.\n" for fault in voices.faults)
    way_out = f"{faults}Let somebody who may speak for it run `ramify sign`, or change {places.policy}."
    for covering, wanting in vouching.wanting(claim.paths, voices.names).items():
        _, reason = policies.vouched(policy, claim.mount, wanting[0], voices.names)
        more = f"; the same for {len(wanting) - 1:,} more" if len(wanting) > 1 else ""
        origin = places.rules[covering[0]] if covering and places.rules else places.signatures
        found.error("untrusted", f"{reason}{more}", way_out, origin)


def _way_to_sign(claim: Claim) -> str:
    if claim.server:
        return f"Its owners sign it in the project that {claim.server} serves."
    domain = "" if claim.mount == paths.ROOT else f" --domain {claim.mount}"
    return f"`ramify sign{domain}` signs what is here now."


def _speakers(policy: policies.Policy, vouching: "Vouching", path: str) -> str:
    """Who may speak for a path, as a part of a sentence."""
    rules = [policy.rules[at] for at in vouching.covering(path)]
    names = dict.fromkeys(name for rule in rules for name in rule.signers)
    return f"{' or '.join(names) or 'nobody'} speak for {path}"


def _differences(claim: Claim, text: str) -> Iterator[str]:
    """How what was signed differs from what is here."""
    try:
        signed = Statement.read(text)
    except ValueError as error:
        yield f"it cannot be read ({error})"
        return
    if signed.project != claim.project:
        yield f'project "{signed.project}" was signed, and this is "{claim.project}"'
    if signed.tree != claim.tree:
        yield f"tree {signed.tree[:12]} was signed, and this is {claim.tree[:12]}"
    if claim.lock is not None and signed.lock != claim.lock:
        yield f"lock {signed.lock[:12] or 'none'} was signed, and this is {claim.lock[:12] or 'none'}"
    for runtime in claim.runtimes:
        if runtime.artifact not in signed.runtimes:
            yield f"the runtime {runtime.kind} {runtime.artifact[:12]} was not signed"


class Vouching:
    """A policy held against many paths of one realm: the same answers as `policies.vouched`, found faster."""

    def __init__(self, policy: policies.Policy, mount: str) -> None:
        self._policy = policy
        rules = [at for at, rule in enumerate(policy.rules) if rule.mount == mount]
        patterns = [(text, -1) for text in policy.unsigned]
        patterns += [(text, at) for at in rules for text in policy.rules[at].paths]
        self._owners = [owner for _, owner in patterns]
        self._matcher = Matcher(Pattern(text) for text, _ in patterns)

    def covering(self, path: str) -> tuple[int, ...]:
        """The rules that speak of a path; -1 first when it may be unsigned."""
        owners = {self._owners[at] for at in self._matcher.matches(path)}
        return tuple(sorted(owners))

    def wanting(self, whole: Sequence[str], names: Sequence[str]) -> dict[tuple[int, ...], list[str]]:
        """The paths that these signers do not vouch for, by the rules that speak of them."""
        found: dict[tuple[int, ...], list[str]] = {}
        for path in whole:
            covering = self.covering(path)
            if not self._suffices(covering, names):
                found.setdefault(covering, []).append(path)
        return found

    def _suffices(self, covering: tuple[int, ...], names: Sequence[str]) -> bool:
        if covering[:1] == (-1,):
            return True
        return any(name in names for at in covering for name in self._policy.rules[at].signers)
