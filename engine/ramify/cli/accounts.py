"""Accounts: how every planned node ended, and the exit code that this means."""

from collections.abc import Iterable

from ramify.cli import exits
from ramify.model.events import Report
from ramify.model.plan import Plan
from ramify.model.record import NodeResult, Outcome

Counts = dict[str, int]


def counts(results: Iterable[NodeResult]) -> Counts:
    """How many ended in each outcome, in the order of outcomes; none is left out."""
    found = dict.fromkeys((outcome.value for outcome in Outcome), 0)
    for result in results:
        found[result.outcome.value] += 1
    return found


def planned_only(plan: Plan, report: Report) -> tuple[NodeResult, ...]:
    """One result for each planned node, in the order of the plan.

    A report may hold more: nodes that only an initiator further down still knew of.
    """
    known = {result.path: result for result in report.results}
    return tuple(
        known.get(node.path) or NodeResult(node.path, Outcome.UNKNOWN, "nothing was heard of it")
        for node in plan.nodes
    )


def all_reverted(results: Iterable[NodeResult]) -> bool:
    """Whether something failed, and all of it was taken back."""
    failed = [result.reverted for result in results if result.outcome is Outcome.FAILED]
    return bool(failed) and all(failed)


def exit_code(found: Counts, *, refresh: bool = False, stale: bool = False, reverted: bool = False) -> int:
    """What an apply ends with; a look that passed by those below a sleeping node is still a look."""
    if reverted and not found["unknown"]:
        return exits.ROLLED_BACK
    if found["failed"] or found["unknown"]:
        return exits.FAILED
    if stale:
        return exits.STALE
    if found["offline"]:
        return exits.OFFLINE
    return exits.FAILED if found["skipped"] and not refresh else exits.DONE
