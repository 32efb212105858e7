"""The domains of a project, and theirs: each read once, however many nodes it is mounted at."""

from collections.abc import Iterator

from msgspec import Struct, structs

from ramify.compile import mounts
from ramify.compile.mounts import Mount, Specs
from ramify.model.bundle import Bundle, UnusableBundleError
from ramify.model.circles import arrows
from ramify.model.hierarchy import Domain, Hierarchy
from ramify.model.inventory import Inventory
from ramify.model.trust import Seal
from ramify.repository import domains, seals
from ramify.repository.files import place
from ramify.repository.parts import Lock, Parts, Shop
from ramify.repository.references import References
from ramify.repository.targets import Base

MAX_DEPTH = 16
MAX_DOMAINS = 1000

_NOWHERE = Hierarchy(())
_NO_HOSTS = Inventory((), ())


class Around(Struct, frozen=True):
    """Where a domain is named: what names count from there, its lock, and the domains that it is in."""

    base: Base
    lock: Lock
    chain: tuple[str, ...] = ()

    def within(self, where: str, base: Base, lock: Lock) -> "Around":
        """The same inside a domain."""
        return Around(base, lock, (*self.chain, where))


class Domains:
    """Reads the domains that hierarchies name; what is wrong with them is told."""

    def __init__(self, shop: Shop, project: str, *, sealed: bool) -> None:
        """Those of files are part of the `project`; if that is `sealed`, so may they be."""
        self._shop = shop
        self._project = project
        self._sealed = sealed
        self._found = shop.files.found
        self._known: dict[str, Bundle | None] = {}
        self._sizes: dict[int, tuple[Bundle, int]] = {}

    def below(self, tree: Hierarchy, around: Around) -> dict[str, Bundle]:
        """The domains of a hierarchy, by their keys; without those that only an initiator can ask for."""
        return self._all(mounts.top(tree), around)

    def _all(self, specs: Specs, around: Around) -> dict[str, Bundle]:
        found = {}
        for mount in mounts.mounts(specs):
            bundle = self._one(mount, around)
            if bundle is not None:
                found[mount.domain.key] = bundle
        return found

    def _one(self, mount: Mount, around: Around) -> Bundle | None:
        domain = mount.domain
        if not self._whole(mount) or (domain.server and domain.planned == "there"):
            return None
        where = self._where(domain, around.base)
        if len(around.chain) >= MAX_DEPTH:
            summary = f"domains are nested deeper than {MAX_DEPTH}"
            self._found.error("too-deep", summary, "Make the tree of domains flatter.", domain.origin)
            return None
        if not domain.server and not domain.hierarchy:
            return self._bounded(self._from_files(mount, around, where), domain)
        if where in around.chain:
            self._tell_circle((*around.chain[around.chain.index(where) :],), domain)
            return None
        if where not in self._known:
            read = self._served if domain.server else self._from_files
            self._known[where] = read(mount, around, where)
        return self._bounded(self._known[where], domain)

    def _whole(self, mount: Mount) -> bool:
        """Whether the domain or its nodes say what is below, and not both: templates are merged only now."""
        domain = mount.domain
        named = bool(domain.hierarchy or domain.server)
        if all(bool(children) != named for children in mount.children):
            return True
        if named:
            summary = "children beside a domain that says what is below"
            way_out = "Leave out `children:`, in the node and in its templates, or what says it in `domain:`."
        else:
            summary = "nothing says what is below the node"
            way_out = "Add `hierarchy:` to its domain, or `children:` beside it."
        self._found.error("bad-domain", summary, way_out, domain.origin)
        return False

    def _where(self, domain: Domain, base: Base) -> str:
        """What a domain is, wherever it is named."""
        if domain.server:
            return domain.server
        parts = (domain.repository, domain.hierarchy, domain.inventory, *domain.collections)
        return " ".join(self._full(part, base) for part in parts if part)

    def _full(self, name: str, base: Base) -> str:
        url = References.url(name, base)
        return url if url or isinstance(base, str) else self._shop.files.shown(place(base, name))

    def _tell_circle(self, circle: tuple[str, ...], domain: Domain) -> None:
        way_out = "A domain cannot be inside itself: take one of these steps out."
        summary = f"domains go in a circle: {arrows(circle)}"
        self._found.error("domain-cycle", summary, way_out, domain.origin)

    def _bounded(self, bundle: Bundle | None, domain: Domain) -> Bundle | None:
        """The bundle of a domain, unless it stands for too many."""
        if bundle is None or self._size(bundle) <= MAX_DOMAINS:
            return bundle
        summary = f"more than {MAX_DOMAINS:,} domains, each counted wherever it is mounted by another"
        self._found.error("too-large", summary, "Make the tree of domains flatter.", domain.origin)
        return None

    def _size(self, bundle: Bundle) -> int:
        if id(bundle) not in self._sizes:
            size = 1 + sum(map(self._size, bundle.domains.values()))
            self._sizes[id(bundle)] = (bundle, size)  # kept, so that its id stays its own
        return self._sizes[id(bundle)][1]

    # Domains of files.

    def _from_files(self, mount: Mount, around: Around, where: str) -> Bundle | None:
        domain = mount.domain
        parts = Parts(self._shop, domain, around.base, around.lock)
        if self._shop.reading.skip and not parts.at_hand():
            return None
        grown = parts.hierarchy() if domain.hierarchy else (_NOWHERE, around.base)
        hosts = parts.inventory() if domain.inventory else _NO_HOSTS
        content = parts.led_to()
        if grown is None:
            return None
        tree, base = grown
        inside = around.within(where, base, parts.lock)
        below = self.below(tree, inside) if domain.hierarchy else self._all(mount.inside, inside)
        if hosts is None or content is None:
            return None
        return Bundle(
            project=self._project,
            hierarchy=tree,
            repository=content.lists,
            inventory=hosts,
            configurations=content.configurations,
            components=content.components,
            domains=below,
            seal=self._seal(parts),
        )

    def _seal(self, parts: Parts) -> Seal | None:
        """What the domain's own signers said, beside its repository."""
        if not self._sealed or parts.at is None:
            return None
        return seals.read_signed(parts.at.parent / seals.NAME, self._shop.files).statement

    # Domains of servers.

    def _served(self, mount: Mount, around: Around, where: str) -> Bundle | None:
        domain = mount.domain
        if not self._shop.reading.servers:
            return None
        references = self._shop.references(around.lock)
        url, origin = domains.bundle_url(domain.server), domain.origins.get("server", domain.origin)
        if self._shop.reading.skip and not references.at_hand(url, "", domains.MAX_BUNDLE):
            self._shop.left_out[domain.server] = None
            return None
        at = references.resolve(url, "", origin, domains.MAX_BUNDLE)
        if at is None:
            return None
        try:
            bundle = domains.opened(at.path.read_bytes(), domain.server)
        except UnusableBundleError as error:
            self._found.error("bad-bundle", f"{url} is no bundle: {error}", "", origin)
            return None
        return self._grown(
            bundle, mounts.top(bundle.hierarchy), around.within(where, domain.server, around.lock)
        )

    def _grown(self, bundle: Bundle, specs: Specs, around: Around) -> Bundle:
        """A bundle from a server with the domains that its server did not ask for, and where the lab is."""
        domains_of = dict(self._inner(bundle, specs, around))
        for domain in mounts.unknown(bundle, specs):
            made = self._one(Mount(domain, ((),)), around)
            if made is not None:
                domains_of[domain.key] = made
        inventory = self._shop.overlay(bundle.inventory)
        return structs.replace(bundle, domains=domains_of, inventory=inventory)

    def _inner(self, bundle: Bundle, specs: Specs, around: Around) -> Iterator[tuple[str, Bundle]]:
        for mount in mounts.mounts(specs):
            inner = bundle.domains.get(mount.domain.key)
            if inner is not None:
                inside = mounts.top(inner.hierarchy) or mount.inside
                where = f"{around.chain[-1]} {mount.domain.key}"
                yield (
                    mount.domain.key,
                    self._grown(inner, inside, around.within(where, around.base, around.lock)),
                )
