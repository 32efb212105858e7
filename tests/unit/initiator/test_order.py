"""Orders: what a profile becomes for the stub, and what a service learns of its place."""

from pathlib import Path

import pytest

from ramify.compile.fleet import compile_fleet
from ramify.compile.profiles import profile
from ramify.initiator import order
from ramify.stub import orders
from sim.spec import Spec, leaves

TREE = {"gw1": leaves("app[1-2]")}


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return Spec(tmp_path)


@pytest.mark.parametrize("path", ["/gw1", "/gw1/app1"])
def test_the_stub_takes_every_order(spec: Spec, path: str) -> None:
    fleet = compile_fleet(spec.bundle(TREE))
    node = fleet.by_path[path]

    made = order.build(fleet, node, profile(fleet, node), spec.digests["runtime"] if path == "/gw1" else None)

    orders.check(made, path)
    assert made["shared"] == ({"runtime": spec.digests["runtime"]} if path == "/gw1" else {})


def test_a_service_learns_who_is_above_and_below_it(spec: Spec) -> None:
    fleet = compile_fleet(spec.bundle(TREE))

    assert order.identity(fleet, fleet.by_path["/gw1"]) == {
        "RAMIFY_PROJECT": "sim",
        "RAMIFY_PATH": "/gw1",
        "RAMIFY_NAME": "gw1",
        "RAMIFY_HOST": "gw1",
        "RAMIFY_ADDRESS": "gw1",
        "RAMIFY_PARENT": "/",
        "RAMIFY_PARENT_ADDRESS": "",
        "RAMIFY_CHILDREN": "/gw1/app1 /gw1/app2",
        "RAMIFY_CHILDREN_ADDRESSES": "gw1.app1 gw1.app2",
    }
    assert order.identity(fleet, fleet.by_path["/gw1/app1"])["RAMIFY_PARENT_ADDRESS"] == "gw1"


def test_a_value_that_needs_facts_cannot_be_ordered_without_them(spec: Spec) -> None:
    fleet = compile_fleet(spec.bundle(TREE, env={"WHO": "{{ facts.hostname }}"}))
    node = fleet.by_path["/gw1/app1"]

    with pytest.raises(RuntimeError, match="WHO needs facts"):
        order.build(fleet, node, profile(fleet, node), None)
    made = order.build(fleet, node, profile(fleet, node, {"hostname": "h"}), None)
    assert made["service"]["env"]["WHO"] == "h"
