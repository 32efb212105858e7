"""`ramify validate` of 5,000 files and 11,111 nodes, against starting Python and parsing the same files."""

import sys
import tempfile
from pathlib import Path
from shutil import copytree

from bench import measure

ROOT = Path(__file__).parents[2]
RAMIFY = [sys.executable, "-m", "ramify"]
RUNS = 5
FILES = 5000

# What any checker does at least: read every file, and know what it says.
FLOOR = """
import pathlib, sys, yaml
from xml.etree import ElementTree
for file in pathlib.Path(sys.argv[1]).rglob("*"):
    if file.suffix == ".yml":
        yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
    elif file.suffix == ".xml":
        ElementTree.parse(file)
"""


def many(folder: Path) -> None:
    """A project of 5,000 nodes, each with a configuration of its own."""
    entries = "".join(f"  - {{match: /app{n}, ref: config/app{n}.yml}}\n" for n in range(1, FILES + 1))
    texts = {
        "ramify.yml": "{project: many, hierarchy: tree.yml, inventory: hosts.yml, repository: lists.yml}\n",
        "tree.yml": f"tree:\n  app[1-{FILES}]: {{vars: {{interval: 5}}}}\n",
        "hosts.yml": f"hosts:\n  box[1-{FILES}]: {{}}\n"
        'placements:\n  - {match: /app*, host: "box{{ node.index }}"}\n',
        "lists.yml": f"code:\n  - {{match: /app*, ref: agent}}\nservice-config:\n{entries}",
        "agent/component.yml": "start: [sleep, inf]\n",
    }
    texts |= {f"config/app{n}.yml": settings(n) for n in range(1, FILES + 1)}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def settings(number: int) -> str:
    """A configuration as they are: templates, numbers, arguments."""
    return (
        f"# Settings of app{number}.\n"
        'env:\n  INTERVAL: "{{ vars.interval }}"\n  NAME: "{{ node.name }}"\n'
        f"  PORT: {8000 + number}\nargs:\n  - --verbose\n  - {{name: zone, value: z{number}}}\n"
    )


def report() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        figure12 = Path(folder) / "figure12"
        copytree(ROOT / "repositories" / "figure12", figure12, ignore=lambda *_: [".ramify"])
        many(Path(folder) / "many")
        _compare(f"validate of {FILES:,} files", Path(folder) / "many")
        _compare("validate of 11,111 nodes", figure12)


def _compare(what: str, project: Path) -> None:
    validate = [*RAMIFY, "-C", str(project), "validate"]
    measure.command(validate)  # the first one fills the caches of files
    made = measure.median([measure.command(validate) for _ in range(RUNS)])
    parse = [sys.executable, "-c", FLOOR, str(project)]
    floor = measure.median([measure.command(parse) for _ in range(RUNS)])
    print(f"{what}, median of {RUNS}")
    print(measure.line("  python: start and parse the same files", floor))
    print(measure.line("  ramify validate", made))
    print(f"  ratio to that floor: {made.wall / floor.wall:.1f} wall, {made.cpu / floor.cpu:.1f} cpu\n")
