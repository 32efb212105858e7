"""`ramify demo`: the main job on the embedded lab, shown step by step."""

import shutil
import time
from pathlib import Path

import click

from ramify.cli import exits, lazy
from ramify.cli.demo import Demo, StepFailedError, example
from ramify.cli.failures import failure
from ramify.cli.session import Session
from ramify.repository.project import CACHE

FOLDER = "demo"


@lazy.command("ramify demo", "ramify demo --keep", name="demo")
@click.option("--keep", is_flag=True, help="Leave the lab running and the files there, to look around.")
def command(session: Session, keep: bool) -> int:
    """Deploy a monitoring tree of 40 nodes on the embedded lab, change it, break it, repair it, remove it.

    Works on a copy of the example project in .ramify/demo, and takes it away at the end.
    """
    folder = session.folder / CACHE / FOLDER
    if folder.exists():
        raise failure(
            "demo-there",
            f"{folder} is there already, from a demo that was kept or interrupted",
            f"`ramify -C {folder} lab down`, then remove the folder.",
        )
    began = time.monotonic()
    copied(folder)
    demo = Demo(session, folder)
    try:
        demo.tell()
    except StepFailedError as error:
        raise failure("demo-failed", str(error), f"The project is still in {folder}.") from error
    except BaseException:
        demo.ramify("lab", "down")
        raise
    if keep:
        session.say(f"\nThe lab is still up: `ramify -C {folder} status`; `lab down` ends it.")
    else:
        demo.clear_away()
        shutil.rmtree(folder)
    session.say(f"\nThat was all of it, in {time.monotonic() - began:.0f} seconds.")
    return exits.DONE


def copied(folder: Path) -> None:
    """Copy the example project."""
    source = example()
    folder.mkdir(parents=True)
    shutil.copy(source / "ramify.yml", folder)
    for name in ("inventories", "repositories", "collections"):
        shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns(CACHE, "__pycache__"))
