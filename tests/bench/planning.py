"""`ramify plan` of the 11,111 nodes of Figure 12, against starting Python and reading the same files."""

import sys
import tempfile
from pathlib import Path
from shutil import copytree

from bench import measure

ROOT = Path(__file__).parents[2]
RAMIFY = [sys.executable, "-m", "ramify"]
RUNS = 5

# The least that any such tool does: start, parse the YAML, render one template.
FLOOR = """
import sys, yaml, jinja2
for name in ("hierarchy.yml", "inventory.yml"):
    yaml.load(open(sys.argv[1] + "/" + name), Loader=yaml.CSafeLoader)
jinja2.Environment().from_string("{{ a }}").render(a=1)
"""


def report() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "figure12"
        copytree(ROOT / "repositories" / "figure12", project, ignore=lambda *_: [".ramify"])
        plan = [*RAMIFY, "-C", str(project), "plan", "--json"]
        measure.command(plan)  # the first one builds the runtime
        plans = measure.median([measure.command(plan) for _ in range(RUNS)])
        floor = measure.median(
            [measure.command([sys.executable, "-c", FLOOR, str(project)]) for _ in range(RUNS)]
        )
    print(f"plan of 11,111 nodes, median of {RUNS}")
    print(measure.line("  python, yaml, jinja2: start and read", floor))
    print(measure.line("  ramify plan --json", plans))
    print(f"  ratio to that floor: {plans.wall / floor.wall:.1f} wall, {plans.cpu / floor.cpu:.1f} cpu\n")
