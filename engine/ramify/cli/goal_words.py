"""What each goal is called: in questions, in plans, and when it is through."""

from msgspec import Struct

from ramify.model.plan import Goal

GIVING: frozenset[Goal] = frozenset({"apply", "configure", "configure-env"})
"""Goals that give hosts what somebody must have signed; others only start and stop what is there."""


class Words(Struct, frozen=True):
    """`does` is what is done to a node, `name` how a run is called; `reached` says that nothing is due."""

    does: str
    name: str
    reached: str


WORDS: dict[Goal, Words] = {
    "apply": Words("apply", "Apply", "Your fleet matches the hierarchy."),
    "start": Words("start", "Start", "What is deployed there runs."),
    "stop": Words("stop", "Stop", "Nothing runs there."),
    "restart": Words("restart", "Restart", "Nothing is deployed there."),
    "activate": Words("activate", "Activate", "Nothing is paused there."),
    "deactivate": Words("deactivate", "Deactivate", "Nothing is at work there that could be paused."),
    "configure": Words("configure", "Configure", "Nothing is deployed there."),
    "configure-env": Words("install again", "Configure-env", "Nothing is deployed there."),
    "uninstall": Words("uninstall", "Uninstall", "Nothing is deployed there."),
}
