"""What a project says of one small fleet, with all of it that may change."""

from typing import Any, NamedTuple

from ramify.model.bundle import Bundle
from sim.expected import above
from sim.spec import Spec

NODES = ("/gw1", "/gw1/app1", "/gw1/zone1", "/gw1/zone1/app1", "/gw1/zone1/app2",
         "/gw2", "/gw2/app1", "/gw2/app2", "/lone")  # fmt: skip
TOPS = ("/gw1", "/gw2", "/lone")
INITIATORS = ("/gw1", "/gw1/zone1", "/gw2")
OPTIONAL = ("/gw1/zone1", "/gw1/zone1/app2", "/gw1/app1", "/gw2", "/gw2/app2", "/lone")
POOLED = ("/gw2/app1", "/gw2/app2")
MOVABLE = ("/gw1", "/gw1/zone1", "/gw1/zone1/app1", "/lone")
SPARE = "spare4"
"""Where nodes move to, and come back from."""
POOLS = (("spare1", "spare2", "spare3"), ("spare1", "spare2"), ("spare2", "spare3"), ("spare3", "spare1"))

_HOSTS = (*(path[1:].replace("/", ".") for path in NODES), *POOLS[0], SPARE)


class Project(NamedTuple):
    """Its files, as values."""

    absent: frozenset[str] = frozenset()
    words: tuple[str, ...] = ("a", "a", "a")
    on_drift: tuple[str, ...] = ("", "", "")
    leaf: str = "leaf"
    moved: frozenset[str] = frozenset()
    pool: tuple[str, ...] = POOLS[0]
    rollout: tuple[tuple[str, Any], ...] = ()

    def with_word(self, path: str, word: str) -> "Project":
        """Another value for a node and its neighbours."""
        at = TOPS.index(f"/{path.split('/')[1]}")
        return self._replace(words=(*self.words[:at], word, *self.words[at + 1 :]))


_MADE: dict[Project, Bundle] = {}


def bundle_of(project: Project, spec: Spec) -> Bundle:
    """What a project says; made once, for all worlds have the same artifacts."""
    if project not in _MADE:
        _MADE[project] = _made(project, spec)
    return _MADE[project]


def _made(project: Project, spec: Spec) -> Bundle:
    tree: dict[str, Any] = {}
    for path in NODES:
        if project.absent.intersection((path, *above(path))):
            continue
        level = tree
        *parents, name = path[1:].split("/")
        for one in parents:
            level = level[one].setdefault("children", {})
        level[name] = {} if parents else _top(project, TOPS.index(path))
    return spec.bundle(
        tree,
        leaf=project.leaf,
        moved=dict.fromkeys(sorted(project.moved), SPARE),
        pooled=POOLED,
        pool=project.pool,
        hosts=_HOSTS,
        rollout=dict(project.rollout),
    )


def _top(project: Project, number: int) -> dict[str, Any]:
    drift = project.on_drift[number]
    return {"vars": {"word": project.words[number]}, **({"on_drift": drift} if drift else {})}
