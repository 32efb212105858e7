"""docs/errors.md lists every code of a diagnostic, and no other."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
CODE = re.compile(r"[a-z]+(-[a-z]+)*")
TOLD_BY = re.compile(r"_?(error|warning|refuse|problem)|Problem|Diagnostic|\w+Error")
FLOORS = ("model", "documents", "compile", "repository")


def listed() -> list[str]:
    return re.findall(
        r"^\| `([a-z-]+)` \| [EW] \| .+ \| .+ \|$", (ROOT / "docs/errors.md").read_text(), re.MULTILINE
    )


def sources() -> list[str]:
    return [file.read_text() for floor in FLOORS for file in (ROOT / "engine/ramify" / floor).glob("*.py")]


def used() -> set[str]:
    calls = [node for text in sources() for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return {code for call in calls if (code := told(call)) is not None}


def told(call: ast.Call) -> str | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    first = call.args[0] if call.args else None
    if not TOLD_BY.fullmatch(name) or not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return None
    return first.value if CODE.fullmatch(first.value) else None


def test_every_code_is_listed() -> None:
    assert used() - set(listed()) == set()


def test_every_listed_code_is_in_the_source_and_listed_once() -> None:
    text = "\n".join(sources())

    assert [code for code in listed() if f'"{code}"' not in text] == []
    assert len(listed()) == len(set(listed()))


def test_many_codes_are_found() -> None:
    assert len(used()) > 45
