"""The disk of a test host: the differences to the machine's own file system, as overlayfs keeps them."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hosts.keys import Key

CHECKOUT = Path(__file__).parents[2]
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
SSHD = {  # all else is as OpenSSH has it: MaxStartups and MaxSessions among it
    "HostKey": "/etc/ssh/ssh_host_ed25519_key",
    "LogLevel": "VERBOSE",
    "PasswordAuthentication": "no",
    "KbdInteractiveAuthentication": "no",
    "UsePAM": "no",
    "UseDNS": "no",
    "PidFile": "none",
    "Subsystem": "sftp internal-sftp",
}


@dataclass(frozen=True)
class Disk:
    """The folder of a host's changes, seen from outside. Write to it only while the host is off."""

    folder: Path

    @property
    def changes(self) -> Path:
        return self.folder / "changes"

    def make(self) -> None:
        for name in ("changes", "work", "root"):
            (self.folder / name).mkdir(parents=True)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file on the disk."""
        file = self.place(Path(path).parent) / Path(path).name
        file.write_text(text)
        file.chmod(mode)

    def place(self, path: Path) -> Path:
        """A folder of the disk, with the owner and mode that it has on the machine."""
        here = self.changes / path.relative_to("/")
        if path != path.parent and not here.exists():
            self.place(path.parent)
            here.mkdir()
            if path.exists():
                found = path.stat()
                os.chown(here, found.st_uid, found.st_gid)
                here.chmod(stat.S_IMODE(found.st_mode))
        return here

    def hide(self, path: Path, mode: int = 0o755) -> None:
        """Show an empty folder where the machine has a full one."""
        folder = self.place(path)
        folder.chmod(mode)
        os.setxattr(folder, "trusted.overlay.opaque", b"y")


def furnish(
    disk: Disk, name: str, *, host_key: Key, own_key: Key | None, bare: bool, sshd: Mapping[str, str]
) -> None:
    """Make the disk of a new host: its name, its keys, a quiet home, an sshd configuration."""
    disk.make()
    _furnish_devices(disk)
    _furnish_home(disk, own_key=own_key, bare=bare)
    disk.write("/etc/hostname", f"{name}\n")
    disk.write("/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
    disk.write("/etc/ssh/ssh_host_ed25519_key", host_key.private, 0o600)
    disk.write("/etc/ssh/ssh_host_ed25519_key.pub", f"{host_key.public}\n")
    disk.write("/etc/ssh/sshd_config", "".join(f"{key} {value}\n" for key, value in {**SSHD, **sshd}.items()))
    shadow = Path("/etc/shadow").read_text()
    if "root:!" in shadow:  # without PAM, sshd refuses an account whose password is locked
        disk.write("/etc/shadow", shadow.replace("root:!", "root:*"), 0o640)


def _furnish_home(disk: Disk, *, own_key: Key | None, bare: bool) -> None:
    """A start-up file of the machine's root, such as pyenv's, would cost each ssh exec 0.3 s and more."""
    if bare:
        disk.hide(Path("/root"), 0o700)
        disk.hide(CHECKOUT)
    else:
        # hostinit.sh binds it where a mount of the host's own, such as /tmp, would hide it.
        (disk.changes.parent / "keep").write_text(str(CHECKOUT))
    disk.hide(Path("/root/.ssh"), 0o700)
    for file in (".bashrc", ".profile", ".bash_profile", ".bash_login"):
        disk.write(f"/root/{file}", "")
    if own_key is not None:
        disk.write("/root/.ssh/id_ed25519", own_key.private, 0o600)
        disk.write("/root/.ssh/id_ed25519.pub", f"{own_key.public}\n")


def _furnish_devices(disk: Disk) -> None:
    for folder in ("/proc", "/sys", "/run", "/tmp", "/mnt", "/dev/pts", "/dev/shm"):
        disk.place(Path(folder))
    for name, (major, minor) in DEVICES.items():
        file = disk.changes / "dev" / name
        os.mknod(file, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        file.chmod(0o666)
    for name, target in LINKS.items():
        (disk.changes / "dev" / name).symlink_to(target)
