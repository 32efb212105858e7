"""Placement: which host carries a node. Kept apart from identity: no digest of a node knows its host."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ramify.compile import templates, views
from ramify.compile.problems import Problem, Problems, first_of
from ramify.compile.references import BadTemplateError
from ramify.compile.templates import PLACE_NAMES
from ramify.compile.tree import Node
from ramify.model.diagnostics import Diagnostics, did_you_mean
from ramify.model.inventory import Host, Placement

Labels = tuple[tuple[str, str], ...]


class Asked(Struct, frozen=True, eq=False, gc=False):
    """A node that wants a host, and the placement that takes it, of the realm that is mounted at `base`."""

    node: Node
    rule: Placement | None
    base: int


class _Wish(Struct, frozen=True, eq=False, gc=False):
    """A node that waits for a host of a pool."""

    node: Node
    rule: Placement
    labels: Labels


class Placer:
    """Places nodes: the first placement that takes one says where; pinned nodes choose first in a pool."""

    def __init__(self, all_hosts: dict[str, Host], pins: Mapping[str, str], problems: Problems) -> None:
        self._hosts = all_hosts
        self._pins = pins
        self._pools = _Pools(all_hosts)
        self._problems = problems
        self._wishes: list[_Wish] = []
        self._unknown: dict[int, tuple[Placement, dict[str, list[str]]]] = {}
        self.placed: dict[str, Host] = {}

    def place(self, nodes: Iterable[Asked], diagnostics: Diagnostics) -> None:
        """Place all nodes, each with the placement that takes it."""
        for asked in nodes:
            if asked.rule is None:
                self._problems.add(asked.node.path, _uncovered(asked.node))
            elif asked.rule.host is not None:
                self._named(asked, asked.rule, asked.rule.host)
            else:
                self._wish(asked, asked.rule)
        self._tell_unknown(diagnostics)
        self._fill_pools()

    def _named(self, asked: Asked, rule: Placement, template: str) -> None:
        name, node = self._render(template, asked, rule), asked.node
        if name is None:
            return
        host = self._hosts.get(name)
        if host is not None:
            self.placed[node.path] = host
        else:
            _, names = self._unknown.setdefault(id(rule), (rule, {}))
            names.setdefault(name, []).append(node.path)

    def _wish(self, asked: Asked, rule: Placement) -> None:
        labels = []
        for key, template in sorted((rule.pool or {}).items()):
            value = self._render(template, asked, rule)
            if value is None:
                return
            labels.append((key, value))
        self._wishes.append(_Wish(asked.node, rule, tuple(labels)))

    def _render(self, text: str, asked: Asked, rule: Placement) -> str | None:
        try:
            template = templates.parse(text, PLACE_NAMES)
            return template.render(views.context(asked.node, names=template.names, base=asked.base))
        except BadTemplateError as error:
            self._problems.add(
                asked.node.path, Problem("bad-placement", f'"{text}": {error}', error.hint, rule.origin)
            )
            return None

    def _fill_pools(self) -> None:
        # A pinned node keeps its host as long as that host is still of its pool: growing moves nobody.
        for wish in self._wishes:
            pin = self._pins.get(wish.node.path)
            if pin is not None and self._pools.take(wish, pin):
                self.placed[wish.node.path] = self._hosts[pin]
        for wish in self._wishes:
            if wish.node.path not in self.placed:
                self._first_free(wish)

    def _first_free(self, wish: _Wish) -> None:
        name = self._pools.take_first(wish)
        if name is not None:
            self.placed[wish.node.path] = self._hosts[name]
            return
        shown = ", ".join(f"{key}={value}" for key, value in wish.labels)
        size = len(self._pools.members(wish.labels))
        self._problems.add(
            wish.node.path,
            Problem(
                "pool-too-small",
                f"no host left in pool {{{shown}}}: it has {size}, each takes {wish.rule.per_host}",
                "Add hosts with these labels, or raise `per_host`.",
                wish.rule.origin,
            ),
        )

    def _tell_unknown(self, diagnostics: Diagnostics) -> None:
        for rule, names in self._unknown.values():
            first = next(iter(names))
            more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
            nodes = [path for found in names.values() for path in found]
            diagnostics.error(
                "unknown-host",
                f'{first_of(nodes)}: the inventory has no host "{first}"{more}',
                did_you_mean(first, self._hosts),
                rule.origin,
            )

    @property
    def pooled(self) -> dict[str, str]:
        """Host names of the nodes that a pool placed: what the next bundle pins."""
        paths = (wish.node.path for wish in self._wishes)
        return {path: self.placed[path].name for path in paths if path in self.placed}


def _uncovered(node: Node) -> Problem:
    return Problem(
        "not-placed",
        "no placement takes it",
        "Add an entry to `placements:` of the inventory whose `match` takes it.",
        node.spec.origin,
    )


class _Pools:
    """Hosts by labels, and how often each was taken for one placement."""

    def __init__(self, all_hosts: dict[str, Host]) -> None:
        self._hosts = all_hosts
        self._labelled: dict[tuple[str, str], list[str]] = {}
        self._members: dict[Labels, dict[str, None]] = {}
        self._taken: dict[tuple[int, str], int] = {}
        self._waiting: dict[tuple[int, Labels], list[str]] = {}

    def members(self, labels: Labels) -> dict[str, None]:
        """The names of hosts that have all of the labels, in the order of the inventory."""
        found = self._members.get(labels)
        if found is None:
            candidates = self._with_label(labels[0]) if labels else list(self._hosts)
            found = self._members[labels] = dict.fromkeys(
                name
                for name in candidates
                if all(self._hosts[name].labels.get(key) == value for key, value in labels)
            )
        return found

    def _with_label(self, label: tuple[str, str]) -> list[str]:
        if not self._labelled:
            for host in self._hosts.values():
                for own in host.labels.items():
                    self._labelled.setdefault(own, []).append(host.name)
        return self._labelled.get(label, [])

    def take(self, wish: _Wish, name: str) -> bool:
        """Take a host for a node, if it is of the pool and not full."""
        key = (id(wish.rule), name)
        if name not in self.members(wish.labels) or self._taken.get(key, 0) >= wish.rule.per_host:
            return False
        self._taken[key] = self._taken.get(key, 0) + 1
        return True

    def take_first(self, wish: _Wish) -> str | None:
        """Take the first host that is not full."""
        key = (id(wish.rule), wish.labels)
        if key not in self._waiting:
            self._waiting[key] = list(reversed(self.members(wish.labels)))
        waiting = self._waiting[key]
        # Hosts only ever get fuller: one that is full is never looked at again.
        while waiting and not self.take(wish, waiting[-1]):
            waiting.pop()
        return waiting[-1] if waiting else None
