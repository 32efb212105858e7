"""A world of real hosts: OpenSSH servers in namespaces, segments behind gateways, and the operator.

    with World(tmp_path) as world:
        gateway = world.host("gw1", gateway_to="west", own_key=True)
        leaf = world.host("leaf1", segment="west", authorized=[gateway.own_public])
        world.run_operator(["ramify", "apply", "-y"], cwd=project)

The operator stands in segment `core` only. A segment is reached through nobody but its gateway, which
forwards no packet: who wants to talk to a leaf must run on the gateway, or in the same segment.

All that a world is made of hangs from one process, which ends with the thread that entered the world,
that is with pytest, however that ends; the kernel then takes processes, mounts and networks away.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from hosts import namespaces
from hosts.disk import Disk, furnish
from hosts.fabric import CORE, Fabric, Leg
from hosts.host import SSH, Host
from hosts.keys import Key, make_key

HOSTINIT = Path(__file__).with_name("hostinit.sh")
# The first process of the operator's side: by ignoring SIGCHLD it has the kernel reap orphans.
OPERATOR = 'mount -t tmpfs disks "$1"; echo ready; exec env --ignore-signal=CHLD cat'
SWITCH = "echo ready; exec cat"


class World:
    """The operator, the cables, and the hosts by name. `key` is the operator's, `home` his folder."""

    def __init__(self, folder: Path) -> None:
        """Args: folder: for keys, logs, and the operator's home."""
        self.hosts: dict[str, Host] = {}
        self.home = folder / "home"
        self._folder = folder
        self._disks = folder / "disks"
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        self._disks.mkdir(parents=True)
        self.key = make_key(self.home / ".ssh" / "id_ed25519", "operator")
        own = ("-n", "-m", "-p", "-f", "--kill-child", "--mount-proc")
        self._holder = namespaces.hold(*own, "sh", "-c", OPERATOR, "sh", str(self._disks))
        with namespaces.births_in(self._holder.pid):
            self._switch = namespaces.hold("-n", "sh", "-c", SWITCH)
        self._fabric = Fabric(self._switch.pid)
        self._fabric.add(CORE)
        self._leg = self._fabric.leg(CORE, "eth0")
        self._fabric.plug(self._holder.pid, self._leg)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in self.hosts.values():
            host.end()
        for process in (self._switch, *self._started):
            process.kill()
            process.communicate()
        with suppress(subprocess.TimeoutExpired):
            self._holder.communicate(timeout=5)  # its input ends, and with it all that is left
        self._holder.kill()
        self._holder.communicate()

    @property
    def holder(self) -> int:
        """The process outside that holds the operator's namespaces."""
        return self._holder.pid

    @property
    def address(self) -> str:
        """The operator's address, as the hosts of the core see it."""
        return self._leg.address

    @property
    def public_key(self) -> str:
        return self.key.public

    # Hosts.

    def host(
        self,
        name: str,
        *,
        segment: str = CORE,
        gateway_to: str | Sequence[str] = (),
        authorized: Iterable[str] | None = None,
        own_key: bool = False,
        bare: bool = True,
        sshd: Mapping[str, str] | None = None,
    ) -> Host:
        """Make a host and start it.

        Args:
            name: its host name, and its key in `hosts`.
            segment: where its first leg stands.
            gateway_to: new segments that it alone connects; in each it has the first address.
            authorized: public keys that may log in as root; without it, in the core, the operator's.
            own_key: give its root user a key pair.
            bare: show an empty /root and no checkout of this project: what is there, was deployed.
            sshd: further lines of sshd_config.
        """
        segments = [gateway_to] if isinstance(gateway_to, str) else list(gateway_to)
        for new in segments:
            self._fabric.add(new)
        legs = tuple(self._fabric.leg(each, f"eth{n}") for n, each in enumerate([segment, *segments]))
        keys = self._folder / "keys" / name
        host = Host(
            name=name,
            site=self,
            legs=legs,
            disk=Disk(Path(f"/proc/{self.holder}/root{self._disks}") / name),
            log=self._folder / f"{name}.log",
            key=make_key(keys / "host", name),
            own_key=make_key(keys / "root", f"root@{name}") if own_key else None,
        )
        furnish(host.disk, name, host_key=host.key, own_key=host.own_key, bare=bare, sshd=sshd or {})
        self.hosts[name] = host
        host.start()
        trusted = [self.public_key] if segment == CORE else []
        host.authorize(*(trusted if authorized is None else authorized))
        return host

    def known_hosts(self) -> str:
        """A known_hosts file of all hosts, by address."""
        return "".join(host.known_hosts for host in self.hosts.values())

    def launch(self, name: str, log: Path) -> "subprocess.Popen[bytes]":
        """Start the process that makes a host's namespaces and boots it."""
        sshd = str(namespaces.program("sshd"))
        unshare = ["unshare", "-n", "-m", "-p", "-u", "-i", "-f", "--kill-child"]
        boot = ["sh", str(HOSTINIT), name, str(self._disks / name), sshd]
        with namespaces.births_in(self.holder), log.open("a") as output:
            return subprocess.Popen(
                [*namespaces.entering(self.holder, "mount"), *unshare, *boot],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=namespaces.ENVIRONMENT,
            )

    def plug(self, holder: int, *legs: Leg) -> None:
        """Connect a host to its segments."""
        self._fabric.plug(holder, *legs)

    def unplug(self, *legs: Leg) -> None:
        """Forget the ports of a host that is off."""
        self._fabric.unplug(*legs)

    def switch(self, state: str, *legs: Leg) -> None:
        """Turn ports up or down."""
        self._fabric.switch(state, *legs)

    # The operator.

    def popen_operator(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: int | IO[str] = subprocess.DEVNULL,
        stdout: int | IO[str] = subprocess.PIPE,
        stderr: int | IO[str] = subprocess.PIPE,
    ) -> "subprocess.Popen[str]":
        """Start a command where the operator is. Its pid is the command's own: kill it as you like.

        It sees the machine's files, HOME is `home`, and no ssh-agent unless `env` names one.
        """
        inside = ["env", f"--chdir={cwd or self._folder}", *map(str, argv)]
        with namespaces.births_in(self.holder):
            process = subprocess.Popen(
                [*namespaces.entering(self.holder, "net", "mount"), *inside],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                text=True,
                env={**_environment(self.home), **(env or {})},
            )
        self._started.append(process)
        return process

    def run_operator(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command where the operator is, to its end."""
        process = self.popen_operator(argv, env=env, cwd=cwd, stdin=subprocess.PIPE)
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(list(argv), process.returncode, out, err)

    def ssh(self, address: str, command: str, *, timeout: float = 30) -> subprocess.CompletedProcess[str]:
        """Run a command on a host by OpenSSH, with the operator's key and verified host keys."""
        known = self._folder / "known_hosts"
        known.write_text(self.known_hosts())
        options = ["-F", "none", "-i", str(self.key.file), "-o", f"UserKnownHostsFile={known}"]
        return self.run_operator([*SSH, *options, f"root@{address}", command], timeout=timeout)

    def agent(self, *keys: Key) -> dict[str, str]:
        """Start an ssh-agent with these keys (the operator's, if none); the environment that names it."""
        socket = self._folder / f"agent{len(self._started)}"
        agent = self.popen_operator(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
        namespaces.happens(socket.exists, unless=lambda: agent.poll() is not None)
        env = {"SSH_AUTH_SOCK": str(socket)}
        added = self.run_operator(["ssh-add", "-q", *(key.file for key in keys or [self.key])], env=env)
        if added.returncode:
            raise RuntimeError(f"ssh-add refused: {added.stderr}")
        return env


def _environment(home: Path) -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if not k.startswith("SSH_")}, "HOME": str(home)}
