"""`ramify` and `python -m ramify`."""

import gc
import sys

GARBAGE = 100_000
"""Objects after which a first look for garbage pays: a compiled fleet is values that live to the end."""


def main() -> None:
    """Run the command line; the version is told before anything else is loaded."""
    if sys.argv[1:] == ["--version"]:
        from ramify import __version__  # noqa: PLC0415

        sys.stdout.write(f"ramify {__version__}\n")
        return
    from ramify.cli.main import run  # noqa: PLC0415

    gc.set_threshold(GARBAGE, 20, 20)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
