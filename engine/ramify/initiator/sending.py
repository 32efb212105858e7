"""What a host is given before commands: the policy that it pins, code, runtimes, and the order itself."""

from collections.abc import Mapping
from typing import Any

from ramify.compile.confidential import used
from ramify.compile.fleet import Fleet
from ramify.compile.profiles import profile
from ramify.compile.proofs import Proof
from ramify.compile.templates import Reach
from ramify.compile.tree import Node
from ramify.initiator import order
from ramify.initiator.asking import Asking
from ramify.initiator.failing import NodeFailedError
from ramify.initiator.ports import Session
from ramify.initiator.ring import NoSecretError, Ring
from ramify.initiator.supply import Supply
from ramify.initiator.warrants import warrant
from ramify.model.profile import Profile
from ramify.model.trust import digest
from ramify.repository.kinds import kind_of
from ramify.stub.transfer import COMPLETE
from ramify.transport.replies import StubError

SMALL = 256 * 1024
"""A pack up to this size is sent without asking whether the host has it: asking costs a round trip."""

SLOWEST = 16 * 1024
"""Bytes in a second: a link that takes fewer is as good as none."""


class Sending:
    """Whatever hosts lack, from the supply."""

    def __init__(self, fleet: Fleet, supply: Supply, above: Proof, asking: Asking, ring: Ring) -> None:
        self._fleet = fleet
        self._supply = supply
        self._above = above
        self._asking = asking
        self._ring = ring

    async def pin(self, stub: Session) -> None:
        """Have the host pin the project's policy, before it is given anything to hold against that."""
        policy = self._fleet.bundle.policy
        if policy is None or (await stub.greeted()).trust == digest(policy.statement):
            return
        asked = stub.request("trust", policy=policy.statement, signatures=list(policy.signatures))
        try:
            await self._asking.within("trust", asked)
        except StubError as error:
            way_out = "One whom that one lets speak for /** signs the new one: `ramify sign --policy`."
            raise NodeFailedError(f"the host keeps another policy: {error}", way_out) from error

    async def order(self, stub: Session, node: Node) -> dict[str, Any]:
        """The order for a node, once its host has all that it names."""
        facts = None
        if self._wants_facts(node):
            facts = (await self._asking.within("facts", stub.request("facts"))).facts
        made = await self._profile(node, facts)
        runtime = await self._runtime(stub, made)
        for artifact in filter(None, (made.component.artifact, runtime)):
            await self._send(stub, artifact)
        return order.build(self._fleet, node, made, runtime)

    def warrant(self, node: Node) -> dict[str, Any] | None:
        """What shows the host that signers vouch for an order."""
        return warrant(self._fleet, node, self._above)

    def is_plain(self, node: Node) -> bool:
        """Whether all that a node needs is small, and known without asking its host."""
        component = self._fleet.class_of(node).component
        if component is None or component.deploys or component.size > SMALL:
            return False
        return not self._wants_facts(node)

    async def plainly(self, node: Node) -> tuple[str, bytes, dict[str, Any]]:
        """A plain node's code, by its digest, and its order."""
        made = await self._profile(node)
        artifact = made.component.artifact
        pack = (await self._supply.pack(artifact)).read_bytes()
        return artifact, pack, order.build(self._fleet, node, made, None)

    async def _profile(self, node: Node, facts: Mapping[str, Any] | None = None) -> Profile:
        """The profile for the node's host, its secrets put in."""
        try:
            secrets = await self._ring.values(used(self._fleet, node))
        except NoSecretError as error:
            raise NodeFailedError(str(error), error.way_out) from error
        return profile(self._fleet, node, facts, secrets)

    def _wants_facts(self, node: Node) -> bool:
        made = self._fleet.class_of(node)
        slots = (*made.install.slots, *made.service.slots)
        return made.varies or any(slot.template.reach is Reach.FACTS for slot in slots)

    async def _send(self, stub: Session, artifact: str) -> None:
        asked = stub.request("have", artifacts=[artifact])
        have = (await self._asking.within("have", asked)).have.get(artifact, 0)
        if have == COMPLETE:
            return  # whoever goes back to what hosts still have needs it from nowhere
        pack = await self._supply.pack(artifact)
        patience = self._asking.options.reply_timeout + pack.stat().st_size / SLOWEST
        await self._asking.within(f"artifact {artifact[:12]}", stub.put(artifact, pack, have), patience)

    async def _runtime(self, stub: Session, made: Profile) -> str | None:
        """The artifact that an initiator runs from, unless its host has Ramify already."""
        if not made.component.deploys or order.interpreter(made):
            return None
        hello = await stub.greeted()
        kind = kind_of(hello.python, hello.implementation, hello.platform, hello.machine, hello.libc)
        for runtime in self._fleet.bundle.runtimes:
            if runtime.kind == kind:
                return runtime.artifact
        raise NodeFailedError(
            f"no runtime for hosts of kind {kind}",
            f"Make one from wheels: `ramify runtime add --kind {kind} FOLDER`, then apply again.",
        )
