"""Reading a good document loads neither jsonschema nor lxml: they cost more than the reading."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from ramify.documents import component, configuration, hierarchy, inventory, project, repository
value, found = {reader}.read({text!r}, {file!r})
print(sorted({{"jsonschema", "lxml", "difflib", "shlex"}} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    ("reader", "file", "text", "loaded"),
    [
        ("hierarchy", "h.yml", "tree: {a: {}}", []),
        ("hierarchy", "h.yml", "tree: {a: {x: 1}}", ["difflib", "jsonschema"]),
        ("repository", "r.yml", "code: []", []),
        ("repository", "r.xml", "<repository-information/>", ["lxml"]),
    ],
)
def test_what_is_not_needed_is_not_loaded(reader: str, file: str, text: str, loaded: list[str]) -> None:
    program = PROGRAM.format(reader=reader, file=file, text=text)

    printed = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout

    assert [name for name in ("difflib", "jsonschema", "lxml") if repr(name) in printed] == loaded
