"""Runs that nobody carries out any more: their process was killed, or the machine went down.

While a run goes on it holds a lease. So a rollout that is told to be running without a living lease is
interrupted: it can be gone on with, ended, and replaced, as one that was paused.
"""

from ramify.directory.sqlite import Directory
from ramify.initiator.leases import is_dead
from ramify.model.standing import State


def going_on(directory: Directory) -> frozenset[str]:
    """The runs that somebody carries out now."""
    return frozenset(lease.run for lease in directory.leases.all() if not is_dead(lease))


def settle(directory: Directory) -> None:
    """Have the rollouts of all others told to be interrupted."""
    running = [one for one in directory.rollouts.all() if one.state is State.RUNNING]
    # Leases are read after the standings: whoever has ended meanwhile has said so, and is not interrupted.
    leases = {lease.run: lease for lease in directory.leases.all()} if running else {}
    for standing in running:
        lease = leases.get(standing.run)
        if lease is None or is_dead(lease):
            where = f" (pid {lease.pid} on {lease.machine})" if lease is not None and lease.pid else ""
            directory.rollouts.interrupt(standing.run, f"its process ended before it did{where}")
