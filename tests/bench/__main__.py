"""Benchmarks: `make bench`. Prints ratios against a floor measured in the same run; asserts nothing."""

import os
import sys

from bench import deployment, planning, selecting, validation


def main() -> None:
    """Run all benchmarks, or those named."""
    # Users have bytecode; where it is not written, every start would compile all modules anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    wanted = sys.argv[1:] or ["plan", "validate", "select", "first"]
    if "plan" in wanted:
        planning.report()
    if "validate" in wanted:
        validation.report()
    if "select" in wanted:
        selecting.report()
    if "first" in wanted:
        deployment.report()


if __name__ == "__main__":
    main()
