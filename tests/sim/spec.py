"""Small bundles: `gw*` and `zone*` deploy what is below them, everything else is a service."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ramify.compile.fleet import compile_fleet
from ramify.documents import configuration, hierarchy, inventory, repository
from ramify.model.bundle import Bundle, Runtime
from ramify.model.component import Component
from ramify.model.ranges import expand
from ramify.repository.artifacts import ArtifactFile, build
from ramify.repository.store import Store
from sim.stubs import KIND

INITIATOR = "collection:ramify.core.initiator"
LEAF = "code/leaf"
Tree = Mapping[str, Any]


def artifacts(store: Store) -> dict[str, str]:
    """Put tiny packs into a store; their digests by name."""
    made = {}
    for name in ("initiator", "runtime", "leaf", "leaf2"):
        artifact = build([ArtifactFile("run", 0o755, name.encode() * 1000)])
        store.add(artifact)
        made[name] = artifact.digest
    return made


class Spec:
    """Bundles that share a store."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "store")
        self.digests = artifacts(self.store)
        self._hosts: dict[str, None] = {}

    def bundle(
        self,
        tree: Tree,
        *,
        moved: Mapping[str, str] | None = None,
        gone: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> Bundle:
        """A bundle of a hierarchy: `/gw1/a` is on host `gw1.a`, and so on, unless it is `moved`.

        Those `pooled` are on any hosts of the `pool`, each on one of its own.
        """
        hierarchy_value, problems = hierarchy.read(
            _text({"tree": tree, "rollout": changes.get("rollout", {})}), "hierarchy.yml"
        )
        assert hierarchy_value is not None, list(problems)
        config, problems = configuration.read(_text({"env": env or {"WORD": "{{ vars.word }}"}}), "leaf.yml")
        assert config is not None, list(problems)
        lists, problems = repository.read(_text(_lists(changes.get("plain", ()))), "repository.yml")
        assert lists is not None, list(problems)
        bundle = Bundle(
            project="sim",
            hierarchy=hierarchy_value,
            repository=lists,
            inventory=self._inventory(tree, moved or {}, gone, changes),
            configurations={"leaf.yml": msgspec.structs.replace(config, ref="leaf.yml")},
            components=self._components(changes.get("leaf", "leaf"), changes.get("parameters", {})),
            runtimes=(Runtime(changes.get("kind", KIND), self.digests["runtime"], 1, "e"),),
        )
        fleet = compile_fleet(bundle)
        assert not fleet.diagnostics.failed, list(fleet.diagnostics)
        return bundle

    def _components(self, leaf: str, parameters: Mapping[str, Any]) -> dict[str, Component]:
        initiator = Component(
            ref=INITIATOR, artifact=self.digests["initiator"], size=1, role="initiator",
            name="initiator", start={"initiator": ("{python}",)}, parameters=dict(parameters),
        )  # fmt: skip
        service = Component(
            ref=LEAF, artifact=self.digests[leaf], size=1, name="leaf", start={"service": ("./run",)}
        )
        return {INITIATOR: initiator, LEAF: service}

    def _inventory(
        self, tree: Tree, moved: Mapping[str, str], gone: tuple[str, ...], changes: Mapping[str, Any]
    ) -> Any:
        # Hosts stay in the inventory when their nodes leave, as long as nobody takes them out.
        self._hosts |= dict.fromkeys(_hosts(tree, ""))
        more = ("spare1", "spare2", *changes.get("hosts", ()))
        names = [name for name in (*self._hosts, *more) if name not in gone]
        pool, pooled = changes.get("pool", ()), list(changes.get("pooled", ()))
        label = {"labels": {"free": "yes"}}
        text = {
            "defaults": {"auth": changes.get("auth", "key")},
            "hosts": {
                name: label if name in pool else {}
                for name in dict.fromkeys((*names, *moved.values(), *pool))
            },
            "placements": [
                *({"match": path, "host": name} for path, name in moved.items()),
                *({"match": pooled, "pool": {"free": "yes"}, "per_host": 1} for _ in pooled[:1]),
                {"match": "/**", "host": "{{ node.path[1:].replace('/', '.') }}"},
            ],
        }
        value, problems = inventory.read(_text(text), "inventory.yml")
        assert value is not None, list(problems)
        return value


def _lists(plain: tuple[str, ...]) -> dict[str, Any]:
    """The repository; paths in `plain` are services whatever they are called."""
    initiators = ["/**/gw*", "/**/zone*", *(f"!{path}" for path in plain)]
    others = ["/**", "!/**/gw*", "!/**/zone*"]
    services = [{"match": match} for match in (others, list(plain)) if match]
    return {
        "code": [{"match": initiators, "ref": INITIATOR}, *({**one, "ref": LEAF} for one in services)],
        "service-config": [{**one, "ref": "leaf.yml"} for one in services],
    }


def _hosts(tree: Tree, above: str) -> list[str]:
    found = []
    for name, spec in tree.items():
        for word, _ in expand(name):
            found.append(above + word)
            found += _hosts((spec or {}).get("children") or {}, f"{above}{word}.")
    return found


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def leaves(*names: str, **more: Any) -> dict[str, Any]:
    """Children of one node."""
    return {"children": {name: {} for name in names}, "vars": {"word": "hello"}, **more}
