"""What the build checks beside behaviour: types, floors, style. `make check` does these alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECKS = ("types", "floors", "lint")  # the longest first


@pytest.mark.parametrize("check", CHECKS)
def test_the_source_passes(check: str) -> None:
    ready = f"{sys.prefix}/ready"  # the environment of this test is the one to check with, as it is
    done = subprocess.run(
        ["make", "--no-print-directory", f"--old-file={ready}", f"VENV={sys.prefix}", check],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(done.stdout, pytrace=False)


def test_all_checks_are_done() -> None:
    (line,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("check:")]
    assert set(line.partition("##")[0].split()[1:]) == set(CHECKS)
