"""One test host: its own network, processes, names and disk, and a real sshd as its process 1."""

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hosts import namespaces
from hosts.disk import Disk
from hosts.fabric import Leg
from hosts.keys import Key

EVERYTHING = ("mount", "net", "uts", "ipc", "pid")
LISTENS = "Server listening on 0.0.0.0 port 22."
ACCEPTED = re.compile(r"^Accepted \S+ for \S+ from (\S+) port \d+", re.MULTILINE)


class Site(Protocol):
    """What a host needs of its world."""

    def launch(self, name: str, log: Path) -> "subprocess.Popen[bytes]":
        """Start the process that makes a host's namespaces and boots it."""

    def plug(self, holder: int, *legs: Leg) -> None:
        """Connect the host to its segments."""

    def unplug(self, *legs: Leg) -> None:
        """Forget the ports of a host that is off."""

    def switch(self, state: str, *legs: Leg) -> None:
        """Turn its ports up or down."""

    def known_hosts(self) -> str:
        """The host keys of all hosts."""


@dataclass(eq=False, kw_only=True)
class Host:
    """A host of a world; made by `World.host`. `key` is its host key, `own_key` the one its root user has."""

    name: str
    site: Site
    legs: tuple[Leg, ...]
    disk: Disk
    log: Path
    key: Key
    own_key: Key | None
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        """Where it is reached in the segment that it was made for."""
        return self.legs[0].address

    def address_in(self, segment: str) -> str:
        """A gateway has one address in each of its segments."""
        return next(leg.address for leg in self.legs if leg.segment == segment)

    @property
    def public_key(self) -> str:
        return self.key.public

    @property
    def own_public(self) -> str:
        """The public half of the key that its root user has, for others to authorize."""
        if self.own_key is None:
            raise RuntimeError(f"host {self.name} was made without own_key=True")
        return self.own_key.public

    @property
    def known_hosts(self) -> str:
        """The known_hosts line for all its addresses."""
        return f"{','.join(leg.address for leg in self.legs)} {self.public_key}\n"

    # Power and cables.

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def holder(self) -> int:
        """The process outside that holds the host's namespaces; the host cannot outlive it."""
        if self._process is None:
            raise RuntimeError(f"host {self.name} is off")
        return self._process.pid

    def start(self) -> None:
        """Power on, with the disk as it was; /run and /tmp are new. Returns when sshd listens."""
        if self._process is not None:
            raise RuntimeError(f"host {self.name} is running")
        self.log.touch()
        before = len(self.sshd_log())
        self._process = self.site.launch(self.name, self.log)
        outside = namespaces.identity(os.getpid(), "net")
        self._await(lambda: namespaces.identity(self.holder, "net") not in {"", outside})
        self.site.plug(self.holder, *self.legs)
        self._await(lambda: LISTENS in self.sshd_log()[before:])

    def _await(self, condition: namespaces.Condition) -> None:
        if not namespaces.happens(condition, unless=self._ended):
            raise RuntimeError(f"host {self.name} did not start: {self.log.read_text()}")

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """End all its processes at once: who is connected is told so, who comes later finds nobody."""
        if self._process is not None:
            space = namespaces.identity(self.holder, "pid")
            self.end()
            if not namespaces.happens(lambda: not namespaces.members_of(space)):
                raise RuntimeError(f"host {self.name} did not end: {namespaces.members_of(space)}")
            self.site.unplug(*self.legs)

    def end(self) -> None:
        """End it and leave the rest to the kernel: for the end of the world."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def power_off(self) -> None:
        """Cut the power: whoever is connected hears nothing more, not even a reset."""
        self.cut()
        self.kill()

    def cut(self, *segments: str) -> None:
        """Pull its cables, in the given segments or all: others see silence."""
        self.site.switch("down", *self._legs(segments))

    def join(self, *segments: str) -> None:
        """Plug the cables in again."""
        self.site.switch("up", *self._legs(segments))

    def _legs(self, segments: Sequence[str]) -> list[Leg]:
        return [leg for leg in self.legs if not segments or leg.segment in segments]

    # Processes.

    def processes(self) -> list[tuple[int, tuple[str, ...]]]:
        """Its processes, zombies left out: the number inside the host, and the command line."""
        return [(inside, argv) for _, inside, argv in self._processes()]

    def kill9(self, pattern: str) -> int:
        """Kill the processes whose command line the regular expression finds; how many they were."""
        found = [
            pid
            for pid, inside, argv in self._processes()
            if inside != 1 and re.search(pattern, " ".join(argv))
        ]
        namespaces.send(found, signal.SIGKILL)
        return len(found)

    def _processes(self) -> list[tuple[int, int, tuple[str, ...]]]:
        described = ((pid, namespaces.describe(pid)) for pid in namespaces.members(self.holder))
        return [(pid, *found) for pid, found in described if found is not None]

    def freeze(self) -> None:
        """Stop all its processes where they are: TCP still connects, nobody answers."""
        stopped: set[int] = set()
        while news := set(namespaces.members(self.holder)) - stopped:  # some may be born meanwhile
            namespaces.send(sorted(news), signal.SIGSTOP)
            stopped |= news

    def thaw(self) -> None:
        """Let them go on."""
        namespaces.send(namespaces.members(self.holder), signal.SIGCONT)

    def exec(
        self, command: str | Sequence[str], *, stdin: str = "", timeout: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the host without SSH: text by sh, a list as it is."""
        argv = ["sh", "-c", command] if isinstance(command, str) else command
        return subprocess.run(
            [*namespaces.entering(self.holder, *EVERYTHING), *argv],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env=namespaces.ENVIRONMENT,
            cwd="/",
        )

    # Files and records.

    def path(self, path: str) -> Path:
        """A file of the running host, for the test to read and write; absolute links would lead out of it."""
        return Path(f"/proc/{self.holder}/root") / path.lstrip("/")

    def authorize(self, *keys: str) -> None:
        """Let the owners of these public keys log in as root."""
        with self.path("/root/.ssh/authorized_keys").open("a") as file:
            file.writelines(f"{key}\n" for key in keys)

    def sshd_log(self) -> str:
        """All that its sshd said, over all starts."""
        return self.log.read_text()

    def logins(self) -> list[str]:
        """The address of each client that was let in, in order."""
        return ACCEPTED.findall(self.sshd_log())

    def ssh(self, address: str, command: str, *, timeout: float = 30) -> subprocess.CompletedProcess[str]:
        """Run a command elsewhere by OpenSSH from this host, with its own key and verified host keys."""
        self.path("/run/known_hosts").write_text(self.site.known_hosts())
        return self.exec(
            [*SSH, "-o", "UserKnownHostsFile=/run/known_hosts", address, command], timeout=timeout
        )


SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=2", "-o", "StrictHostKeyChecking=yes")
