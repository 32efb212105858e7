"""A job: all that one run is to do, as values, and the place that it is done from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec import structs

from ramify.compile.fleet import Fleet
from ramify.compile.holding import Held
from ramify.compile.proofs import Proof
from ramify.compile.rollouts import rollout_of
from ramify.compile.steps import AIMS
from ramify.directory.sqlite import Directory
from ramify.initiator.messages import Kind, Options, RunRequest
from ramify.initiator.ports import Hosts
from ramify.initiator.ring import Ring
from ramify.initiator.supply import Supply
from ramify.initiator.warrants import handed_down
from ramify.initiator.work import Branch
from ramify.model.history import Cause, Ran
from ramify.model.plan import Goal, Plan
from ramify.model.record import NodeRecord, fingerprint
from ramify.model.rollout import NO_ROLLOUT, Limits, OnFailure, Rollout
from ramify.model.saved import summed


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done: values only."""

    run: str
    kind: Kind
    fleet: Fleet
    bundle: bytes
    plan: Plan
    selection: tuple[str, ...] = ()
    above: Proof = ()
    options: Options = field(default_factory=Options)
    cause: Cause = field(default_factory=Cause)
    mounts: Mapping[str, str] = field(default_factory=dict)
    """The nodes to go to whose domains are planned by their initiators, as in a run request."""
    held: Held | None = None
    """A saved plan that is carried out: just its steps, and only on nodes that have not moved on."""
    most: Limits = field(default_factory=Limits)
    """What may be lost in all, whatever the hierarchy says."""

    @property
    def rollout(self) -> Rollout:
        """How the children are taken; whoever only looks takes them all."""
        if self.kind != "apply" or not self.options.rollouts:
            return NO_ROLLOUT
        said = rollout_of(self.fleet, self.fleet.scope)
        return said if self.plan.goal == "apply" else _of_lifecycle(said, self.plan.goal)

    @property
    def limits(self) -> tuple[Limits, OnFailure]:
        """What may be lost below the run's path, and what becomes of the run then."""
        rollout = self.rollout
        changed = sum(node.action.acts for node in self.plan.nodes)
        limits = rollout.limits(changed).within(self.most)
        return limits, "pause" if rollout.after_failure == "continue" else rollout.after_failure

    def request(
        self,
        branch: Branch,
        known: Iterable[NodeRecord],
        agent: str | None,
        tickets: int | None = None,
    ) -> RunRequest:
        """What a child's initiator is asked for, with what is recorded below it."""
        return RunRequest(
            kind=self.kind,
            goal=self.plan.goal,
            bundle=self.plan.bundle,
            path=branch.path,
            run=self.run,
            known=fingerprint(known),
            selection=self.selection,
            agent=agent,
            above=handed_down(self.fleet, branch.node, self.above) if branch.node else (),
            options=self.options,
            cause=self.cause,
            mounts={mount: self.mounts[mount] for mount in branch.mounts},
            observed=summed(self.observed_below(branch.path)) if self.held else "",
            tickets=tickets,
        )

    def observed_below(self, path: str) -> dict[str, str]:
        """What a saved plan saw below a child."""
        return self.held.parts.get(path, {}) if self.held else {}

    def remembered(self, now: str) -> Ran:
        """The run as history has it when it begins."""
        return Ran(
            run=self.run,
            kind=self.cause.kind or self.kind,
            path=self.fleet.scope,
            bundle=self.plan.bundle,
            started=now,
            who=self.cause.who,
            selection=self.selection,
            back_to=self.cause.back_to,
            saved=self.cause.saved,
            signers=self.cause.signers,
        )


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where it is done from: this machine's edges."""

    directory: Directory
    hosts: Hosts
    supply: Supply
    ring: Ring


def _of_lifecycle(said: Rollout, goal: Goal) -> Rollout:
    """A rollout for what is no change: nothing to go back to, and what goes down needs no watch."""
    kept = structs.replace(said, on_failure="pause") if said.on_failure == "rollback" else said
    return structs.replace(kept, waves=None, bake=None, gate=None) if AIMS[goal].down else kept
