"""Secrets in random trees, whatever goes wrong: they are with the nodes that need them, and nowhere else."""

import gc
import hashlib
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from ramify.initiator import sealing
from ramify.initiator.masking import MASK
from ramify.initiator.messages import Ask
from ramify.initiator.ring import WITHHELD, Ring
from ramify.model import bundle as bundles
from ramify.model.bundle import Bundle
from ramify.model.configuration import Configuration, FileSetting, Setting
from ramify.model.diagnostics import Origin
from ramify.model.drift import Drift
from ramify.model.patterns import Kind, Pattern
from ramify.model.record import Outcome
from ramify.model.repository import Entry
from sim.operators import outcomes
from sim.spec import leaves
from sim.stage import Stage
from sim.test_faults import KINDS, Fault, all_paths, in_a_world, inflict, trees

HERE = Origin("secrets.yml", 1, 1)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=12, max_size=12).map("word-{}".format)


@dataclass
class Case:
    """A tree, which nodes get which secrets, what goes wrong, and the values before and after a rotation."""

    tree: dict[str, Any]
    given: dict[str, list[str]]
    faults: list[Fault]
    blabs: list[str]
    values: dict[str, str]
    rotated: dict[str, str] = field(default_factory=dict)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    tree = draw(trees())
    places = all_paths(tree)
    some = st.lists(st.sampled_from(places), min_size=1, max_size=4, unique=True)
    names = ["one", "two", "three"]
    words = draw(st.lists(WORDS, min_size=6, max_size=6, unique=True))
    faults = []
    for path in draw(some):
        kind = draw(st.sampled_from(KINDS))
        if kind not in ("link cut", "initiator dies") or not path.rpartition("/")[2].startswith(
            ("app", "lone")
        ):
            faults.append(Fault(kind, path, draw(st.integers(1, 14))))
    return Case(
        tree,
        {name: draw(some) for name in names},
        faults,
        draw(some),
        dict(zip(names, words[:3], strict=True)),
        dict(zip(names, words[3:], strict=True)),
    )


def with_secrets(made: Bundle, given: dict[str, list[str]], values: dict[str, str]) -> Bundle:
    """A bundle whose nodes are given secrets, in variables and in files, and which has digests of them."""
    documents = dict(made.configurations)
    entries = list(made.repository.service)
    for name, places in given.items():
        env = (Setting(name.upper(), f"<{{{{ secrets.{name} }}}}>", HERE),)
        files = (FileSetting(f"{name}.conf", f"{{{{ secrets.{name} }}}} {{{{ node.name }}}}", HERE),)
        documents[f"{name}.yml"] = Configuration(f"{name}.yml", env, (), files)
        patterns = tuple(Pattern(path, Kind.GLOB, origin=HERE) for path in places)
        entries.append(Entry(patterns, f"{name}.yml", HERE))
    return structs.replace(
        made,
        configurations=documents,
        repository=structs.replace(made.repository, service=tuple(entries)),
        secrets={name: hashlib.sha256(value.encode()).hexdigest() for name, value in values.items()},
    )


class Watch:
    """Sees all that crosses links between initiators, and all that is left of a run."""

    def __init__(self, stage: Stage, case: Case) -> None:
        self._stage = stage
        self._case = case
        self._words = [word.encode() for word in (*case.values.values(), *case.rotated.values())]
        stage.world.watching = lambda path, data: self.has_none(data, f"a frame at {path}")

    def has_none(self, data: bytes, where: str) -> None:
        assert not any(word in data for word in self._words), where

    def after(self, bundle: Bundle) -> None:
        """Nothing that is told, planned, recorded or kept by anybody has a secret in it."""
        operator = self._stage.operator
        self.has_none(bundles.encode(bundle), "the bundle")
        self.has_none(msgspec.json.encode(operator.plan(bundle)), "a plan")
        self.has_none(msgspec.json.encode(operator.records()), "records")
        for event in operator.events:
            self.has_none(msgspec.json.encode(event), "an event")
        for file in self._stage.world.folder.rglob("*"):
            if file.is_file():
                self.has_none(file.read_bytes(), str(file))

    def given(self, values: dict[str, str]) -> None:
        """Every host has just the secrets of its own nodes, as they are now."""
        for host in self._stage.world.hosts.values():
            for path, node in host.nodes.items():
                wanted = {name for name, places in self._case.given.items() if path in places}
                said = msgspec.json.encode(node.order).decode()
                assert {name for name, word in values.items() if word in said} == wanted, path
                env = node.order["service"]["env"]
                assert all(env[name.upper()] == f"<{values[name]}>" for name in wanted)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_no_secret_is_anywhere_but_with_the_nodes_that_it_is_for(case: Case) -> None:
    in_a_world(lambda stage: holds(stage, case))


async def holds(stage: Stage, case: Case) -> None:
    made = stage.spec.bundle(case.tree)
    before, after = (with_secrets(made, case.given, values) for values in (case.values, case.rotated))
    watch, operator = Watch(stage, case), stage.operator
    operator.secrets = case.values
    for fault in case.faults:
        inflict(stage, fault)
    for path in case.blabs:
        stage.world.host(path[1:].replace("/", ".")).blabs.add(path)

    await operator.apply(before)
    watch.after(before)
    await mended(stage, before)
    watch.after(before)
    watch.given(case.values)

    changed = {node.path for node in operator.plan(after).nodes if node.action.acts}
    assert changed >= {path for places in case.given.values() for path in places}
    operator.secrets = case.rotated
    await operator.apply(after)
    watch.after(after)
    watch.given(case.rotated)
    assert not operator.plan(after).summary.anything


async def mended(stage: Stage, bundle: Bundle) -> None:
    stage.world.mend()
    await stage.world.quiet()
    report = await stage.operator.apply(bundle)
    assert {one.outcome for one in report.results} <= {Outcome.DONE, Outcome.UNCHANGED}, report.results


DEEP = {"gw1": {"children": {"zone1": leaves("app", "other"), "zone2": leaves("app")}}}
APP = "/gw1/zone1/app"


def deep(stage: Stage, value: str = "hunter2-hunter2") -> Bundle:
    stage.operator.secrets = {"one": value}
    return with_secrets(stage.spec.bundle(DEEP), {"one": [APP]}, stage.operator.secrets)


async def test_only_the_initiator_just_above_asks_and_those_on_the_way_hand_a_closed_box_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks: list[Ask] = []
    opened: list[str] = []
    seal, opener = sealing.seal, sealing.Opener.open

    def sealing_one(ask: Ask, values: dict[str, str]) -> bytes:
        asks.append(ask)
        return seal(ask, values)

    def opening_one(self: sealing.Opener, ask: Ask, box: bytes) -> dict[str, str]:
        opened.append(ask.path)
        return opener(self, ask, box)

    monkeypatch.setattr(sealing, "seal", sealing_one)
    monkeypatch.setattr(sealing.Opener, "open", opening_one)

    assert set(outcomes(await stage.operator.apply(deep(stage))).values()) == {"done"}

    assert [(ask.path, ask.names) for ask in asks] == [("/gw1/zone1", ("one",))]
    assert opened == ["/gw1/zone1"]
    rings = [one for one in gc.get_objects() if isinstance(one, Ring)]
    assert {ring._path for ring in rings if ring._known.get("one") == "hunter2-hunter2"} <= {"/gw1/zone1"}


async def test_a_change_of_a_secret_is_planned_for_the_nodes_that_it_is_for_and_for_no_others(
    stage: Stage,
) -> None:
    await stage.operator.apply(deep(stage))

    rotated = deep(stage, "rotated-rotated")
    plan = stage.operator.plan(rotated)

    assert [node.path for node in plan.nodes if node.action.acts] == [APP]
    assert "rotated" not in str(plan)
    (changed,) = [node for node in plan.nodes if node.path == APP]
    assert [change.what for change in changed.changes] == ["service.env.ONE", "service.files.one.conf"]
    stage.world.host("gw1.zone1.app").nodes[APP].drift = (Drift("config/one.conf", "edited"),)
    await stage.operator.refresh(rotated)
    (drifted,) = [node for node in stage.operator.plan(rotated).nodes if node.path == APP]
    assert {change.what for change in changed.changes} <= {change.what for change in drifted.changes}


async def test_who_looks_at_hosts_does_not_take_new_values_for_theirs(stage: Stage) -> None:
    await stage.operator.apply(deep(stage))
    rotated = deep(stage, "rotated-rotated")
    plan = stage.operator.plan(rotated)

    await stage.operator.refresh(rotated)

    assert stage.operator.plan(rotated) == plan


async def test_what_a_program_prints_of_its_secrets_is_masked_on_its_way_up(stage: Stage) -> None:
    bundle, host = deep(stage), stage.world.host("gw1.zone1.app")
    host.blabs.add(APP)
    host.fails[APP] = "install"

    report = await stage.operator.apply(bundle)

    (failed,) = [one for one in report.results if one.outcome is Outcome.FAILED]
    assert f"<{MASK}>" in failed.detail
    assert "hunter2" not in str(stage.operator.events)


async def test_what_is_not_known_to_be_free_of_secrets_is_not_told_at_all(stage: Stage) -> None:
    bundle, host = deep(stage), stage.world.host("gw1.zone1.app")
    await stage.operator.apply(bundle)
    host.blabs.add(APP)
    host.fails[APP] = "shutdown"

    report = await stage.operator.command(bundle, "stop", APP)

    (failed,) = [one for one in report.results if one.outcome is Outcome.FAILED]
    assert failed.detail in (WITHHELD, "last words")
    assert "hunter2" not in str(stage.operator.events)
