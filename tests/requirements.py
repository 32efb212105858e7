"""Print the `dev` dependency group of pyproject.toml for pip, older than its `--group` option."""

import tomllib
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def expand(groups: dict[str, Any], name: str) -> list[str]:
    """Requirements of a group, included groups first."""
    found: list[str] = []
    for item in groups[name]:
        found += expand(groups, item["include-group"]) if isinstance(item, dict) else [item]
    return found


if __name__ == "__main__":
    print(" ".join(expand(tomllib.loads(PYPROJECT.read_text())["dependency-groups"], "dev")))  # noqa: T201
