"""Placement: which host carries a node. Kept apart from identity: no digest of a node knows its host."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from ramify.compile import templates
from ramify.compile.tree import Node, expand_name
from ramify.compile.views import NodeView
from ramify.model.diagnostics import Diagnostics, Origin, did_you_mean
from ramify.model.inventory import Host, HostSettings, HostSpec, Inventory, Placement
from ramify.model.patterns import selected

MAX_PORT = 65535


def hosts(inventory: Inventory, diagnostics: Diagnostics) -> dict[str, Host]:
    """Every host of an inventory with all settings decided, in the order written."""
    found: dict[str, Host] = {}
    for spec in inventory.hosts:
        settings = _over(spec.settings, inventory.defaults)
        for name, index in expand_name(spec.name):
            host = _host(name, index, settings, spec, diagnostics)
            if host is not None:
                found[name] = host
    return found


def _over(settings: HostSettings, defaults: HostSettings) -> HostSettings:
    own = {key: value for key, value in structs.asdict(settings).items() if value is not None}
    return structs.replace(defaults, **{**own, "labels": {**defaults.labels, **settings.labels}})


def _host(
    name: str, index: int | None, settings: HostSettings, spec: HostSpec, diagnostics: Diagnostics
) -> Host | None:
    context = {"name": name, "index": index}
    try:
        texts = {
            key: templates.parse(value).render(context) if isinstance(value, str) else value
            for key, value in structs.asdict(settings).items()
            if key != "labels" and value is not None
        }
        labels = {key: templates.parse(value).render(context) for key, value in settings.labels.items()}
        ports = {key: _port(texts.pop(key)) for key in ("port", "service_port") if key in texts}
    except (templates.BadTemplateError, ValueError) as error:
        diagnostics.error(
            "bad-host",
            f'host "{name}": {error}',
            "Host settings may use {{ name }} and {{ index }}.",
            spec.origin,
        )
        return None
    address = texts.pop("address", "127.0.0.1" if settings.transport == "local" else name)
    decided: dict[str, Any] = {
        **texts,
        **ports,
        "name": name,
        "index": index,
        "address": address,
        "labels": labels,
    }
    return msgspec.convert(decided, Host)


def _port(value: str | int) -> int:
    port = int(value)
    if not 0 < port <= MAX_PORT:
        raise ValueError(f"port {port} is not between 1 and {MAX_PORT}")
    return port


class _Pools:
    """Hosts by labels, and how often each was taken for one placement."""

    def __init__(self, all_hosts: dict[str, Host]) -> None:
        self._hosts = all_hosts
        self._members: dict[tuple[tuple[str, str], ...], list[str]] = {}
        self._taken: dict[tuple[int, str], int] = {}

    def members(self, labels: dict[str, str]) -> list[str]:
        key = tuple(sorted(labels.items()))
        if key not in self._members:
            self._members[key] = [
                host.name
                for host in self._hosts.values()
                if all(host.labels.get(name) == value for name, value in key)
            ]
        return self._members[key]

    def take(self, rule: int, name: str, limit: int) -> bool:
        if self._taken.get((rule, name), 0) >= limit:
            return False
        self._taken[rule, name] = self._taken.get((rule, name), 0) + 1
        return True


class _Wish(Struct, frozen=True, eq=False):
    """A node that waits for a host of a pool."""

    node: Node
    rule: int
    labels: dict[str, str]


class Placer:
    """Places nodes: first match wins; pools are filled after all named hosts, pinned nodes first."""

    def __init__(
        self,
        placements: Sequence[Placement],
        all_hosts: dict[str, Host],
        pins: dict[str, str],
        diagnostics: Diagnostics,
    ) -> None:
        self._placements = placements
        self._hosts = all_hosts
        self._pools = _Pools(all_hosts)
        self._pins = pins
        self._diagnostics = diagnostics
        self._rules: dict[frozenset[int], int | None] = {}
        self._wishes: list[_Wish] = []
        self._uncovered: list[Node] = []
        self.placed: dict[str, Host] = {}

    def place(self, nodes: Iterable[tuple[Node, frozenset[int]]]) -> None:
        """Place all nodes; the sets hold the indices of the placements' patterns that match."""
        for node, matched in nodes:
            rule = self._rule(matched)
            if rule is None:
                self._uncovered.append(node)
            elif self._placements[rule].host is not None:
                self._named(node, rule)
            else:
                self._wish(node, rule)
        self._tell_uncovered()
        self._fill_pools()

    def _rule(self, matched: frozenset[int]) -> int | None:
        if matched not in self._rules:
            self._rules[matched] = next(self._matching(matched), None)
        return self._rules[matched]

    def _matching(self, matched: frozenset[int]) -> Iterator[int]:
        first = 0
        for rule, placement in enumerate(self._placements):
            own = frozenset(at - first for at in matched if first <= at < first + len(placement.patterns))
            if selected(placement.patterns, own):
                yield rule
            first += len(placement.patterns)

    def _named(self, node: Node, rule: int) -> None:
        placement = self._placements[rule]
        name = self._render(placement.host or "", node, placement.origin)
        if name is None:
            return
        if name not in self._hosts:
            self._diagnostics.error(
                "unknown-host", f'{node.path} is placed on host "{name}", which the inventory does not have',
                did_you_mean(name, self._hosts), placement.origin,
            )  # fmt: skip
            return
        self.placed[node.path] = self._hosts[name]

    def _wish(self, node: Node, rule: int) -> None:
        placement = self._placements[rule]
        labels = {
            key: self._render(value, node, placement.origin) for key, value in (placement.pool or {}).items()
        }
        known = {key: value for key, value in labels.items() if value is not None}
        if len(known) == len(labels):
            self._wishes.append(_Wish(node, rule, known))

    def _render(self, text: str, node: Node, origin: Origin) -> str | None:
        view = NodeView(node)
        try:
            return templates.parse(text).render(
                {"node": view, "parent": view.parent, "vars": node.scope.values}
            )
        except templates.BadTemplateError as error:
            self._diagnostics.error("bad-placement", f"cannot place {node.path}: {error}", "", origin)
            return None

    def _fill_pools(self) -> None:
        # A pinned node keeps its host as long as that host is still of its pool: growing moves nobody.
        for wish in self._wishes:
            pin = self._pins.get(wish.node.path)
            if pin in self._pools.members(wish.labels) and self._take(wish, pin):
                self.placed[wish.node.path] = self._hosts[pin]
        for wish in self._wishes:
            if wish.node.path not in self.placed:
                self._first_free(wish)

    def _take(self, wish: _Wish, name: str) -> bool:
        return self._pools.take(wish.rule, name, self._placements[wish.rule].per_host)

    def _first_free(self, wish: _Wish) -> None:
        members = self._pools.members(wish.labels)
        name = next((name for name in members if self._take(wish, name)), None)
        if name is not None:
            self.placed[wish.node.path] = self._hosts[name]
            return
        placement = self._placements[wish.rule]
        shown = ", ".join(f"{key}={value}" for key, value in sorted(wish.labels.items()))
        self._diagnostics.error(
            "pool-too-small",
            f"no host left for {wish.node.path}: pool {{{shown}}} has {len(members)}",
            f"Each host takes {placement.per_host}; add hosts with these labels, or raise `per_host`.",
            placement.origin,
        )

    def _tell_uncovered(self) -> None:
        if self._uncovered:
            first = self._uncovered[0]
            more = f" and {len(self._uncovered) - 1} more" if len(self._uncovered) > 1 else ""
            self._diagnostics.error(
                "not-placed",
                f"no placement covers {first.path}{more}",
                "Add an entry to `placements:` of the inventory whose `match` takes it.",
                first.spec.origin,
            )

    @property
    def pooled(self) -> dict[str, str]:
        """Host names of the nodes that a pool placed: what the next bundle pins."""
        return {
            w.node.path: self.placed[w.node.path].name for w in self._wishes if w.node.path in self.placed
        }
