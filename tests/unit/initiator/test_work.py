"""A plan cut into branches: each child once, with what is planned below it and nothing else's."""

from pathlib import Path

import pytest

from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.planning import plan
from ramify.initiator.work import Branch, branches
from ramify.model.record import NodeRecord
from sim.spec import Spec, leaves

TREE = {"gw[1-2]": leaves("app[1-2]", "db"), "lone": leaves()}
TREE["gw[1-2]"]["children"]["app[1-2]"] = {"after": ["db"]}


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return Spec(tmp_path)


def cut(
    fleet: Fleet,
    records: dict[str, NodeRecord] | None = None,
    *,
    everything: bool = False,
    mounts: tuple[str, ...] = (),
) -> dict[str, Branch]:
    made = plan(fleet, "b", records or {})
    found = branches(fleet, made, records or {}, everything=everything, mounts=mounts)
    assert len({branch.path for branch in found}) == len(found)
    return {branch.path: branch for branch in found}


def up(fleet: Fleet, path: str) -> NodeRecord:
    digests, host = fleet.digests[path], fleet.host_of(path)
    assert host is not None
    return NodeRecord(
        path, host.name, "", "installed", "active", digests.node, digests.environment, digests.service,
        digests.binding, 1,
    )  # fmt: skip


def test_each_child_has_its_own_part(spec: Spec) -> None:
    fleet = compile_fleet(spec.bundle(TREE))

    found = cut(fleet)

    assert list(found) == ["/gw1", "/gw2", "/lone"]
    assert found["/gw1"].all == ("/gw1", "/gw1/app1", "/gw1/app2", "/gw1/db")
    assert found["/gw1"].deploys
    assert found["/lone"].all == ("/lone",)
    assert not found["/lone"].deploys


def test_within_an_initiator_its_children_are_the_branches(spec: Spec) -> None:
    found = cut(compile_fleet(spec.bundle(TREE), "/gw1"))

    assert list(found) == ["/gw1/app1", "/gw1/app2", "/gw1/db"]
    assert found["/gw1/app2"].after == ("/gw1/db",)


def test_who_has_nothing_to_do_is_no_branch_unless_everybody_is_looked_at(spec: Spec) -> None:
    fleet = compile_fleet(spec.bundle(TREE))
    records = {node.path: up(fleet, node.path) for node in fleet.tree.nodes}

    assert cut(fleet, records) == {}
    assert len(cut(fleet, records, everything=True)["/gw1"].below) == 3
    del records["/gw1/db"]
    (branch,) = cut(fleet, records).values()
    assert (branch.path, branch.touched, branch.below) == ("/gw1", False, ("/gw1/db",))


def test_a_child_that_left_the_hierarchy_is_found_where_it_is_recorded(spec: Spec) -> None:
    whole = compile_fleet(spec.bundle(TREE))
    records = {node.path: up(whole, node.path) for node in whole.tree.nodes}
    fleet = compile_fleet(spec.bundle({"lone": leaves()}, gone=("gw2",)))

    found = cut(fleet, records)

    assert set(found) == {"/gw1", "/gw2"}
    assert found["/gw1"].node is None
    assert found["/gw1"].found is not None
    assert found["/gw1"].retires
    assert (found["/gw2"].found, found["/gw2"].found_on) == (None, "gw2")


@pytest.mark.parametrize(("auth", "wanted"), [("agent", True), ("key", False)])
def test_the_agent_is_forwarded_to_those_only_that_have_to_pass_it_on(
    spec: Spec, auth: str, wanted: bool
) -> None:
    whole = compile_fleet(spec.bundle(TREE, auth=auth))
    found = cut(whole)
    assert found["/gw1"].needs_agent is wanted
    assert not found["/lone"].needs_agent

    # Also when all that is left to do below is to take nodes away.
    records = {node.path: up(whole, node.path) for node in whole.tree.nodes}
    assert (
        cut(compile_fleet(spec.bundle({"lone": leaves()}, auth=auth)), records)["/gw1"].needs_agent is wanted
    )


def test_whoever_leads_to_what_is_planned_by_its_initiator_is_a_branch(spec: Spec) -> None:
    whole = compile_fleet(spec.bundle(TREE))
    records = {node.path: up(whole, node.path) for node in whole.tree.nodes}

    (branch,) = cut(whole, records, mounts=("/gw2/db", "/gw2/app1/far")).values()

    assert (branch.path, branch.mounts, branch.below) == ("/gw2", ("/gw2/db", "/gw2/app1/far"), ())
    assert branch.leads_on
    assert not branch.touched
    own = compile_fleet(spec.bundle(TREE), "/gw2")
    assert set(cut(own, records, mounts=("/gw2", "/gw2/db"))) == {"/gw2/db"}


def test_the_agent_goes_where_hosts_that_cannot_be_seen_may_need_it(spec: Spec) -> None:
    for auth in ("agent", "key"):
        fleet = compile_fleet(spec.bundle(TREE, auth=auth))
        records = {node.path: up(fleet, node.path) for node in fleet.tree.nodes}
        assert cut(fleet, records, mounts=("/gw1",))["/gw1"].needs_agent == (auth == "agent")
