"""A saved plan held against the present: what still stands, what is done, and what is stale.

A plan that was carried out already has nothing to do, and one that would hand out other secrets than were
planned is as stale as one of nodes that moved on.
"""

from typing import NamedTuple

from ramify.cli.session import Session
from ramify.compile import holding
from ramify.compile.confidential import used
from ramify.compile.holding import Held
from ramify.compile.planning import LOOK
from ramify.compile.steps import AIMS
from ramify.initiator.operator import Workspace
from ramify.model.diagnostics import Diagnostics, DiagnosticsError
from ramify.model.plan import Plan
from ramify.model.record import Outcome
from ramify.model.saved import Saved
from ramify.stub.tables import CONFIGURE, CONFIGURE_ENV, DEPLOY, RELOAD

ROTATED = "a secret that it is given has changed since this was planned: plan again"
OTHER_KEY = (
    "The secrets of this plan were told apart with another key (.ramify/secrets.key): whether any has\n"
    "changed since cannot be seen. Those of today are handed out."
)

_GIVING = frozenset({DEPLOY, CONFIGURE_ENV, CONFIGURE, RELOAD, LOOK})


class Recalled(NamedTuple):
    """What is left of a saved plan, and `stale` what is known here not to be as it was planned."""

    held: Held
    stale: dict[str, str]


def recall(session: Session, space: Workspace, saved: Saved) -> Recalled:
    """Hold a saved plan against what is recorded, against the secrets of today, and against its own runs.

    Raises:
        DiagnosticsError: a secret cannot be read.
    """
    records = space.records()
    held = holding.recalled(space.fleet, records, saved)
    over = _done_before(space, saved)
    rotated = _rotated(session, space, saved, holding.without(held.plan, over))
    if over or rotated:
        held = holding.excepting(held, saved.observed, space.fleet.scope, rotated, over)
    return Recalled(held, holding.stale_now(held, records, saved.observed))


def _done_before(space: Workspace, saved: Saved) -> frozenset[str]:
    """What the plan has done already, where nothing that is recorded would tell: nobody restarts twice."""
    if not AIMS[saved.plan.goal].anew:
        return frozenset()
    history, mine = space.directory.history, saved.id
    runs = [ran.run for ran in history.runs() if ran.saved == mine]
    changes = (change for run in runs for change in history.changes(run))
    return frozenset(change.path for change in changes if change.outcome is Outcome.DONE)


def _rotated(session: Session, space: Workspace, saved: Saved, plan: Plan) -> dict[str, str]:
    """The nodes that would be given another secret than the one that was planned."""
    fleet, known = space.fleet, space.fleet.by_path
    given = {
        node.path: used(fleet, known[node.path])
        for node in plan.nodes
        if node.path in known and not _GIVING.isdisjoint(node.steps)
    }
    names = frozenset[str]().union(*given.values())
    if not names:
        return {}
    found = Diagnostics()
    now, then = space.vault.fingerprints(names, found), fleet.bundle.secrets
    if found.failed:
        raise DiagnosticsError(found)
    if saved.key != space.vault.key_name:
        session.note(session.paint_notes("warning", OTHER_KEY))
        return {}
    changed = {name for name in names if now.get(name) != then.get(name)}
    return {path: ROTATED for path, needed in given.items() if needed & changed}
