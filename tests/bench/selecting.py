"""`ramify select` among 11,111 nodes, against starting the same program for its version."""

import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import copytree

from bench import measure

ROOT = Path(__file__).parents[2]
RAMIFY = [sys.executable, "-m", "ramify"]
RUNS = 5


def report() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "figure12"
        copytree(ROOT / "repositories" / "figure12", project, ignore=lambda *_: [".ramify"])
        select = [*RAMIFY, "-C", str(project), "select"]
        listed = Path(folder) / "paths"
        listed.write_bytes(subprocess.run([*select, "-e"], check=True, stdout=subprocess.PIPE).stdout)
        print(f"select among 11,111 nodes, median of {RUNS}")
        _tell("ramify --version", [*RAMIFY, "--version"])
        _tell("expand all", [*select, "-e"])
        _tell("fold a difference", [*select, "-f", "/**!/**/core[2,4-6]"])
        _tell("fold 11,111 paths from stdin", ["sh", "-c", '"$@" < "$0"', str(listed), *select, "-f", "-"])
    print()


def _tell(name: str, argv: list[str]) -> None:
    print(measure.line(f"  {name}", measure.median([measure.command(argv) for _ in range(RUNS)])))
