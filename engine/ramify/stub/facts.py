"""The operation `facts`: what a host can say about itself at once."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from ramify.stub import layout
    from ramify.stub.wire import Header


def python_version() -> str:
    """The interpreter's version."""
    return ".".join(str(number) for number in sys.version_info[:3])


def libc() -> str:
    """The C library and its version, where it says so."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").replace(" ", "-")
    except (ValueError, OSError, AttributeError):
        return ""


def _release() -> Dict[str, str]:
    """/etc/os-release, its quotes taken off."""
    found = {}
    try:
        with open("/etc/os-release", "rb", 0) as stream:
            text = stream.read(16 << 10).decode("utf-8", "replace")
    except OSError:
        return {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        found[name] = value.strip("\"' ")
    return found


def _memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def _user(uid: int) -> str:
    pwd: Any = __import__("pwd")
    try:
        name: str = pwd.getpwuid(uid).pw_name
    except KeyError:
        return os.environ.get("USER", "")
    return name


def facts(_root: layout.Root, _header: Header) -> Header:
    """Name, system, processors, memory, interpreter and user."""
    system = os.uname()
    release = _release()
    uid = os.getuid()
    return {
        "facts": {
            "hostname": system.nodename,
            "os": f"{release.get('ID', sys.platform)} {release.get('VERSION_ID', '')}".strip(),
            "kernel": system.release,
            "machine": system.machine,
            "cpus": os.cpu_count() or 1,
            "memory_bytes": _memory(),
            "python": python_version(),
            "libc": libc(),
            "user": _user(uid),
            "uid": uid,
        }
    }
