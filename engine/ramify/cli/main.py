"""The entry: which commands there are, and what becomes of their ends and errors."""

import os
import sys
from collections.abc import Sequence

import click

from ramify.cli import exits
from ramify.cli.lazy import LazyGroup, Told, examples, with_global_options
from ramify.cli.session import Session

COMMANDS = {
    "init": Told("ramify.cli.commands.init", "Write a small project that works."),
    "validate": Told("ramify.cli.commands.validate", "Check the project's files."),
    "tree": Told("ramify.cli.commands.tree", "Show the hierarchy, its hosts and components."),
    "profile": Told("ramify.cli.commands.profile", "Show all values of one node, and where each comes from."),
    "explain": Told("ramify.cli.commands.explain", "Show all that made a node what it is, or why not."),
    "match": Told("ramify.cli.commands.match", "Show which paths patterns get, and who uses them."),
    "select": Told("ramify.cli.commands.select", "Fold, expand and count the nodes that paths select."),
    "schema": Told("ramify.cli.commands.schema", "Print the schemas of documents, for editors."),
    "plan": Told("ramify.cli.commands.plan", "Show what an apply would do."),
    "apply": Told("ramify.cli.commands.apply", "Bring nodes to what the project says of them."),
    "rollout": Told("ramify.cli.commands.rollout", "Watch, pause and resume changes on their way."),
    "show": Told("ramify.cli.commands.show", "Show a saved plan."),
    "status": Told(
        "ramify.cli.commands.status", "Show what is recorded of the nodes, or look at them again."
    ),
    **{
        name: Told("ramify.cli.commands.lifecycle", told, name.replace("-", "_"))
        for name, told in {
            "start": "Start services that do not run, as they are installed.",
            "stop": "Stop services, and hold them so.",
            "restart": "Restart services.",
            "activate": "Let paused services go on.",
            "deactivate": "Have services pause.",
            "configure": "Give services their configuration again.",
            "configure-env": "Install nodes again.",
            "uninstall": "Take away what is deployed, with its data.",
        }.items()
    },
    "history": Told("ramify.cli.commands.history", "Show the runs that there were, and what each changed."),
    "rollback": Told("ramify.cli.commands.rollback", "Bring nodes back to what an earlier run made of them."),
    "lock": Told("ramify.cli.commands.lock", "Show which runs hold which subtrees, or take a lock away."),
    "logs": Told("ramify.cli.commands.logs", "Show what services and installers said, and follow it."),
    "lab": Told("ramify.cli.commands.lab", "Start and stop the embedded lab: hosts to try things on."),
    "runtime": Told(
        "ramify.cli.commands.runtime", "Runtimes: Ramify itself, for hosts that carry initiators."
    ),
    "repo": Told("ramify.cli.commands.repo", "Lock what references lead to, serve them, clear away."),
    "sign": Told("ramify.cli.commands.sign", "Sign what the project deploys, or tell who did."),
    "demo": Told("ramify.cli.commands.demo", "Show it all on the lab: a monitoring tree of 40 nodes."),
    "completion": Told("ramify.cli.commands.completion", "Print the script that completes words in a shell."),
}


@with_global_options
@click.group(
    cls=LazyGroup,
    told=COMMANDS,
    epilog=examples(
        "ramify init try && cd try && ramify lab up",
        "ramify plan",
        "ramify apply '/region1/zone[1-3]'",
    ),
)
@click.version_option(package_name="ramify", message="ramify %(version)s")
def cli() -> None:
    """Deploy software to large, hierarchical fleets.

    You describe the hierarchy once, and by pattern what each place in it runs. Ramify compiles a plan to
    review, and carries it out recursively: every inner node, once deployed, deploys its own children.
    """


def run(argv: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    session = Session()
    try:
        code = _invoke(session, argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has enough. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.ERROR
    return code


def _invoke(session: Session, argv: Sequence[str]) -> int:
    try:
        code = cli.main(list(argv), prog_name="ramify", standalone_mode=False, obj=session)
    except (KeyboardInterrupt, click.Abort):
        session.note("Interrupted.")
        return exits.INTERRUPTED
    except BrokenPipeError:
        raise
    except SystemExit as end:  # so click ends when a shell asks it for completions
        return exits.DONE if end.code in {0, None} else exits.ERROR
    except Exception as error:  # noqa: BLE001 - what is not foreseen is told as an internal error
        from ramify.cli.failures import tell  # noqa: PLC0415 - only where something went wrong

        session.json = session.json or "--json" in argv
        return tell(session, error)
    return code if isinstance(code, int) else exits.DONE
