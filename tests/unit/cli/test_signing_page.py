"""docs/signing.md tells the truth: its commands run as written, on a project as `init` writes it."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/signing.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def environ(folder: Path) -> dict[str, str]:
    """A home without keys, and `ramify` as a command."""
    program = folder / "bin" / "ramify"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ramify "$@"\n')
    program.chmod(0o755)
    (folder / "home" / ".ssh").mkdir(parents=True)
    kept = {name: text for name, text in os.environ.items() if name != "SSH_AUTH_SOCK"}
    path = f"{program.parent}:{os.environ['PATH']}"
    return {**kept, "PATH": path, "HOME": str(folder / "home"), "PYTHONPATH": str(ROOT / "engine")}


def test_the_commands_of_the_page_run_as_written(project: Path, tmp_path: Path) -> None:
    [trust] = blocks("yaml")
    (project / "trust.yml").write_text(trust)
    # Nobody is there to type a passphrase.
    script = "\n".join(blocks("console")).replace("ssh-keygen -t", "ssh-keygen -q -N '' -t")
    assert script.count("ramify ") > 5

    done = subprocess.run(
        ["bash", "-euc", f"git init -q .\n{script}\ngit status --short"],
        check=False, cwd=project, env=environ(tmp_path), capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "All 7 nodes are vouched for." in done.stdout
    assert "A  ramify.sig" in done.stdout
