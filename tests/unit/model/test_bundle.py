"""Bundles: equal content, equal bytes; what arrives is checked."""

import pytest

from ramify.model import bundle
from ramify.model.bundle import Bundle, UnusableBundleError
from ramify.model.component import Component, Stop
from ramify.model.configuration import Configuration, Setting
from ramify.model.diagnostics import Origin
from ramify.model.hierarchy import Hierarchy, NodeSpec
from ramify.model.inventory import HostSettings, HostSpec, Inventory, Placement
from ramify.model.patterns import Kind, Pattern
from ramify.model.repository import Entry, Repository

HERE = Origin("x.yml", 1, 2)


def make(**changes: object) -> Bundle:
    parts: dict[str, object] = {
        "project": "acme",
        "hierarchy": Hierarchy(
            tree=(
                NodeSpec("a[1-3]", HERE, vars={"b": {"c": [1, None, True]}}, children=(NodeSpec("d", HERE),)),
            )
        ),
        "repository": Repository(
            code=(Entry((Pattern("/**", Kind.PAPER, negated=True, origin=HERE),), "x", HERE),)
        ),
        "inventory": Inventory(
            hosts=(HostSpec("h", HostSettings(port=22, labels={"a": "b"}), HERE),),
            placements=(Placement((Pattern("/**"),), HERE, pool={"a": "b"}),),
        ),
        "configurations": {"c": Configuration("c", env=(Setting("A", "1", HERE),))},
    }
    return Bundle(**{**parts, **changes})  # type: ignore[arg-type]


def test_a_bundle_survives_its_bytes() -> None:
    data = bundle.encode(make())

    assert bundle.decode(data, bundle.digest(data)) == make()


def test_equal_bundles_have_equal_bytes_whatever_the_order_of_their_keys() -> None:
    one = make(pins={"/a": "h", "/b": "g"})
    other = make(pins={"/b": "g", "/a": "h"})

    assert bundle.encode(one) == bundle.encode(other)
    assert bundle.encode(one) != bundle.encode(make())


def test_another_digest_is_refused() -> None:
    data = bundle.encode(make())

    with pytest.raises(UnusableBundleError, match="arrived as"):
        bundle.decode(data + b" ", bundle.digest(data))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", bundle.encode(make())[:-1]])
def test_bytes_that_are_no_bundle_are_refused(data: bytes) -> None:
    with pytest.raises(UnusableBundleError, match="cannot be read"):
        bundle.decode(data, bundle.digest(data))


def test_a_bundle_of_another_format_is_refused() -> None:
    data = bundle.encode(make(format=99))

    with pytest.raises(UnusableBundleError, match="format 99"):
        bundle.decode(data, bundle.digest(data))


def test_a_bundle_that_was_read_has_the_bytes_that_it_was_read_from() -> None:
    component = Component(ref="code/x", artifact="a", size=1, install_timeout=600, stop=Stop(timeout=10))
    data = bundle.encode(make(components={"code/x": component}))

    assert bundle.encode(bundle.decode(data, bundle.digest(data))) == data
