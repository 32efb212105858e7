"""`rollout:` of a node, or of the whole hierarchy; the schema has told what is of the wrong type."""

import re
import shlex
from typing import cast

from ramify.documents.node import Node
from ramify.model.diagnostics import Diagnostics, did_you_mean
from ramify.model.patterns import Step
from ramify.model.rollout import ORDERS, Amount, Gate, OnFailure, Rollout

HEALTH = "health"
"""The gate that is no command."""

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|)\Z")


def build(node: Node, found: Diagnostics) -> Rollout | None:
    """What a node says of its children's rollout."""
    if not isinstance(node.value, dict):
        return None
    return Rollout(
        waves=_waves(node["waves"], found) if "waves" in node else None,
        order=_order(node["order"], found) if "order" in node else None,
        max_inflight=_amount(node["max_inflight"]),
        bake=_bake(node["bake"]),
        gate=_gate(node["gate"], found) if "gate" in node else None,
        max_fail=_amount(node["max_fail"]),
        max_offline=_amount(node["max_offline"]),
        on_failure=cast("OnFailure | None", node["on_failure"].text or None),
    )


def _amount(node: Node) -> Amount | None:
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool):
        return Amount(value)
    digits = node.text.removesuffix("%")
    return Amount(int(digits), share=True) if digits.isdecimal() else None


def _waves(node: Node, found: Diagnostics) -> tuple[Amount, ...]:
    waves: list[Amount] = []
    for element in node.elements:
        wave = _amount(element)
        if wave is None:
            continue
        before = next((one for one in reversed(waves) if one.share == wave.share), Amount(0))
        if wave.number <= before.number:
            summary = f'"waves": {wave} after {before} is a wave of nobody'
            way_out = "Each counts all that have been taken when it ends: [1, 25%, 100%]."
            found.error("bad-value", summary, way_out, element.origin)
        waves.append(wave)
    return tuple(waves)


def _order(node: Node, found: Diagnostics) -> tuple[str, ...]:
    for one in node.texts():
        if isinstance(node.value, str) and one.text not in ORDERS:
            close = did_you_mean(one.text, ORDERS)
            way_out = close if close.startswith("Did") else "Patterns of names stand in a list: [canary*]."
            summary = f'"order": "{one.text}" is not one of {", ".join(ORDERS)}'
            found.error("bad-value", summary, way_out, one.origin)
        elif not isinstance(node.value, str):
            _check_step(one, found)
    return tuple(one.text for one in node.texts())


def _check_step(node: Node, found: Diagnostics) -> None:
    try:
        Step(node.text)
    except ValueError as error:
        found.error("bad-pattern", str(error), "Names of children, with * and ranges.", node.origin)


def _bake(node: Node) -> float | None:
    match = _DURATION.match(node.written) if node.is_scalar else None
    return float(int(match[1]) * _SECONDS[match[2]]) if match else None


def _gate(node: Node, found: Diagnostics) -> Gate:
    if isinstance(node.value, list):
        return Gate(tuple(one.text for one in node.texts()))
    if node.text == HEALTH:
        return Gate()
    try:
        return Gate(tuple(shlex.split(node.text)))
    except ValueError as error:
        found.error("bad-value", f'"gate" cannot be read: {error}', "Write a list of words.", node.origin)
        return Gate()
