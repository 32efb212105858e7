"""Saved plans as bytes: what was saved comes back, and nothing else is taken for it."""

import hashlib
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ramify.model import saved
from ramify.model.plan import Action, Change, NodePlan, Plan, Summary
from ramify.model.record import NodeRecord, fingerprint, generation
from ramify.model.saved import Saved, UnusablePlanError

BUNDLE = b'{"a": "bundle"}' * 100
NODE = NodePlan(
    "/a",
    Action.UPDATE,
    "h",
    "/",
    ("deploy",),
    (Change("x", "1", None),),
    "why",
    conditional="if",
    opaque=("deploy",),
)
PLAN = Plan(hashlib.sha256(BUNDLE).hexdigest(), (NODE,), Summary(change=1), ("/a",))
SAVED = Saved(PLAN, BUNDLE, {"/a": "0123"}, "try", "now", "1.0")
RECORD = NodeRecord("/a", "h", "/", "installed", "active", "d", "e", "s", "b", 1)


def sealed(content: object, head: bytes = b"ramify-plan 1 ") -> bytes:
    """Bytes whose sum is right, whatever is in them."""
    packed = zlib.compress(msgspec.msgpack.encode(content))
    return head + hashlib.sha256(packed).hexdigest().encode() + b"\n" + packed


def test_what_was_saved_comes_back() -> None:
    assert saved.decode(saved.encode(SAVED)) == SAVED
    assert saved.is_saved(saved.encode(SAVED))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is no saved plan"),
        (b"hello\nworld", "it is no saved plan"),
        (saved.encode(SAVED)[:-1], "it is damaged"),
        (saved.encode(SAVED)[:40], "damaged|no saved plan"),
        (saved.encode(SAVED).replace(b"ramify-plan 1", b"ramify-plan 2"), "it has format 2, expected 1"),
        (sealed(structs.replace(SAVED, format=2)), "it has format 2, expected 1"),
        (sealed({"plan": 1}), "it cannot be read: Expected `object`"),
        (sealed(structs.replace(SAVED, bundle=b"another")), "made from another bundle"),
        (sealed(structs.replace(SAVED, observed={})), "does not say of each of its nodes"),
        (sealed([[[[]]]]), "it cannot be read"),
    ],
)
def test_what_is_no_saved_plan_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(UnusablePlanError, match=why):
        saved.decode(data)


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved.encode(structs.replace(SAVED, project="x" * 1_000_000))
    monkeypatch.setattr(saved, "MAX_SIZE", 100_000)
    with pytest.raises(UnusablePlanError, match="longer or shorter"):
        saved.decode(data)
    monkeypatch.setattr(saved, "MAX_FILE", 1000)
    with pytest.raises(UnusablePlanError, match="too large"):
        saved.decode(data)


@given(st.integers(0, len(saved.encode(SAVED)) - 1), st.integers(1, 255))
def test_a_byte_that_was_changed_is_told(at: int, by: int) -> None:
    data = bytearray(saved.encode(SAVED))
    data[at] ^= by
    with pytest.raises(UnusablePlanError):
        saved.decode(bytes(data))


@pytest.mark.parametrize(
    "name",
    ["host", "environment", "service", "digest", "environment_digest", "service_digest", "binding", "open"],
)
def test_a_generation_is_another_one_when_anything_of_a_node_is(name: str) -> None:
    other = structs.replace(RECORD, **{name: "other"})
    assert generation(other) != generation(RECORD)
    assert fingerprint([other]) != fingerprint([RECORD])


def test_a_generation_says_nothing_of_values_and_nothing_for_nothing() -> None:
    assert generation(structs.replace(RECORD, values={"x": "1"})) == generation(RECORD)
    assert generation(structs.replace(RECORD, release=2)) != generation(RECORD)
    assert generation(None) == ""
