"""Benchmarks: `make bench`. Prints ratios against a floor measured in the same run; asserts nothing."""

import sys

from bench import deployment, planning


def main() -> None:
    """Run all benchmarks, or those named."""
    wanted = sys.argv[1:] or ["plan", "first"]
    if "plan" in wanted:
        planning.report()
    if "first" in wanted:
        deployment.report()


if __name__ == "__main__":
    main()
