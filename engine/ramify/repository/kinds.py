"""Kinds of hosts, such as `cp311-linux-x86_64-glibc`: what a runtime for one host may also run on."""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct

OLDEST = (3, 11)

_KIND = re.compile(r"cp(\d)(\d+)-(\w+?)-(\w+?)(?:-(\w+))?\Z")


class UnavailableRuntimeError(Exception):
    """A runtime cannot be built; the message says what is missing and how to get it."""


class Kind(Struct, frozen=True):
    """A kind, taken apart; `libc` is empty where there is no choice."""

    python: tuple[int, int]
    platform: str
    machine: str
    libc: str


def kind_of(python: Sequence[int], implementation: str, platform: str, machine: str, libc: str) -> str:
    """The kind of a host, from what its stub says of it."""
    tag = {"cpython": "cp", "pypy": "pp"}.get(implementation, implementation)
    words = [f"{tag}{python[0]}{python[1]}", platform, machine]
    if platform == "linux":
        # Only glibc names itself; the one other C library that Python's wheels know is musl.
        words.append(libc.partition("-")[0].lower() or "musl")
    return "-".join(words)


def own_kind() -> str:
    """The kind of the machine and the Python that this runs on."""
    libc = ""
    with suppress(AttributeError, ValueError, OSError):
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    name = sys.implementation.name
    return kind_of(sys.version_info[:2], name, sys.platform, os.uname().machine, libc.partition(" ")[0])


def parse_kind(text: str) -> Kind:
    """Take a kind apart.

    Raises:
        UnavailableRuntimeError: no kind, or of a Python that Ramify does not run on.
    """
    found = _KIND.match(text)
    if not found:
        raise UnavailableRuntimeError(f'expected a kind such as cp311-linux-x86_64-glibc, got "{text}"')
    kind = Kind((int(found[1]), int(found[2])), found[3], found[4], found[5] or "")
    if kind.python < OLDEST:
        raise UnavailableRuntimeError(
            f"an initiator needs Python {OLDEST[0]}.{OLDEST[1]} or newer, {text} is older: name another "
            "interpreter of that host in the inventory (python:)"
        )
    return kind
