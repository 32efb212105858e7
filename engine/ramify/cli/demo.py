"""The story that `ramify demo` tells: every step is a command that a user would type, and is checked."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ramify
from ramify.cli import labs
from ramify.cli.session import Session
from ramify.repository.project import CACHE
from ramify.transport import labstate

HIERARCHY = "repositories/monitor/hierarchy.yml"
BEFORE = "      zone[1-3]: {extends: zone}\n"
AFTER = """\
      zone[1]: {extends: zone}
      zone[2]: {extends: zone, vars: {interval: 1}}
      zone[3]: {extends: zone}
"""
VICTIM = "/fleet/zone3/rack1/host2"
PATIENCE = 60.0


class StepFailedError(Exception):
    """A step of the demo did not do what it is there to show."""


def example() -> Path:
    """The example project: inside the package, or the root of a checkout."""
    package = Path(ramify.__file__).parent
    inside = package / "example"
    return inside if inside.is_dir() else package.parent.parent


class Demo:
    """Runs the commands in a folder with a copy of the example project."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._number = 0

    def tell(self) -> None:
        """All steps but the last."""
        self._heading("A hierarchy of forty nodes, in a few lines")
        self._session.say((self._folder / HIERARCHY).read_text().rstrip())
        self._heading("Forty hosts to try it on: an SSH server of our own, a port and keys for each")
        self._run("lab", "up")
        self._heading("What would be done")
        self._run("plan")
        self._heading("Do it: every initiator, once up, deploys its own children")
        self._run("apply", "-y")
        self._run("status")
        self._heading("One HTTP request to the service of the root shows the whole tree's view")
        self._view()
        self._heading("A second apply finds nothing to do, and contacts nobody")
        self._run("apply", "-y")
        self._change()
        self._break()

    def clear_away(self) -> None:
        """The last step."""
        self._heading("A clean end: services stopped, hosts gone, nothing left")
        self._run("lab", "down")
        left = processes_of(self._folder / CACHE)
        if left or labs.place(self._folder).exists():
            raise StepFailedError(f"the lab left something behind: {left or 'files'}")
        self._session.say("No process, no port, no file is left.")

    def _change(self) -> None:
        self._heading("A changed variable in one zone touches only the nodes of that zone")
        file = self._folder / HIERARCHY
        file.write_text(file.read_text().replace(BEFORE, AFTER))
        self._session.say(AFTER.rstrip())
        planned = self._told("plan")
        touched = [node["path"] for node in planned["nodes"] if node["action"] != "unchanged"]
        if not touched or any(not path.startswith("/fleet/zone2") for path in touched):
            raise StepFailedError(f"expected changes below /fleet/zone2 only, got {touched}")
        self._run("plan")
        self._run("apply", "-y")

    def _break(self) -> None:
        self._heading(f"The agent of {VICTIM} is killed: looking again notices it, an apply repairs it")
        self._kill(VICTIM)
        self._run("status", "--refresh", VICTIM)
        self._service(VICTIM, "configured")
        self._run("apply", "-y")
        self._service(VICTIM, "active")
        self._view()

    def _service(self, path: str, wanted: str) -> None:
        found = self._told("status", path)["nodes"][0]["service"]
        if found != wanted:
            raise StepFailedError(f"expected {path} to be {wanted}, it is {found}")

    def _heading(self, text: str) -> None:
        self._number += 1
        self._session.say("\n" + self._session.paint("bold", f"{self._number}. {text}"))

    def ramify(self, *words: str, **how: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of Ramify on the demo's project."""
        argv = [sys.executable, "-m", "ramify", "-C", str(self._folder), *words]
        return subprocess.run(argv, check=False, text=True, **how)

    def _run(self, *words: str) -> None:
        self._session.say(self._session.paint("faint", f"\n$ ramify {' '.join(words)}"))
        sys.stdout.flush()
        done = self.ramify(*words)
        if done.returncode != 0:
            raise StepFailedError(f"`ramify {' '.join(words)}` exited with {done.returncode}")

    def _told(self, *words: str) -> Any:
        done = self.ramify("--json", *words, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def _kill(self, path: str) -> None:
        host = self._host(path)
        [journal] = (Path(host.home) / ".ramify" / "nodes").glob("*/node.json")
        pid, _ = json.loads(journal.read_text())["pids"]["service"]
        self._session.say(self._session.paint("faint", f"\n$ kill -9 {pid}"))
        os.kill(pid, signal.SIGKILL)

    def _host(self, path: str) -> labstate.LabHost:
        name = self._told("status", path)["nodes"][0]["host"]
        state = labstate.state(labs.place(self._folder))
        if state is None:
            raise StepFailedError("the lab is gone")
        return state.hosts[name]

    def _view(self) -> None:
        url = f"http://127.0.0.1:{self._host('/fleet').service_port}/"
        self._session.say(self._session.paint("faint", f"\n$ curl {url}"))
        view = awaited(lambda: fetched(url), lambda seen: len(seen["leaves"]) == 27)
        self._session.say(
            f"{view['path']}: {view['nodes']} nodes report, the busiest host has a load of {view['load']}, "
            f"{view['memory']} % of memory and {view['disk']} % of disk in use"
        )
        for path, leaf in list(view["leaves"].items())[:3]:
            self._session.say(
                f"  {path}: load {leaf['load']}, memory {leaf['memory']} %, disk {leaf['disk']} %"
            )
        self._session.say(f"  ... and {len(view['leaves']) - 3} more leaves")


def fetched(url: str) -> Any:
    """What the root of the tree answers."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - a loopback address of our own
        return json.load(answer)


def awaited(ask: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """Ask until the answer is complete: reports climb the tree one level per interval."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = ask()
        if enough(answer):
            return answer
        if time.monotonic() > deadline:
            raise StepFailedError(f"only {len(answer['leaves'])} leaves had reported after {PATIENCE:.0f} s")
        time.sleep(0.5)


def processes_of(folder: Path) -> list[int]:
    """Processes that were started from below a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder.absolute()) in line:
            found.append(int(entry.name))
    return found
