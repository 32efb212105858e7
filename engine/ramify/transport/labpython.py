"""The PATH of lab hosts: first of all a `python3` that is an interpreter and not a script that finds one."""

import os
import sys
from pathlib import Path

_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def interpreter() -> Path:
    """The interpreter that runs us; of a virtual environment, the one that it was made from."""
    return Path(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))


def path(folder: Path) -> str:
    """PATH for sessions of the lab in a folder.

    A shim such as pyenv's costs a tenth of a second for each start.
    """
    real = interpreter()
    named = real.with_name("python3")
    if named.exists() and os.path.realpath(named) == str(real):
        return f"{real.parent}:{_SYSTEM}"
    own = folder / "bin"
    own.mkdir(exist_ok=True)
    link = own / "python3"
    link.unlink(missing_ok=True)
    link.symlink_to(real)
    return f"{own}:{_SYSTEM}"
