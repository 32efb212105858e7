"""Leave out of the stub's modules what no host reads: annotations, docstrings, columns of positions.

Runs where the archive is built. Hosts receive it over every link, and compile it when their Python is
another one.
"""

from __future__ import annotations

import ast
from types import CodeType
from typing import Any

# Kinds of entries in a location table (CPython's Objects/locations.md).
_NO_COLUMNS = 13
_NO_LOCATION = 15
_UNITS = 8  # of code that one entry can cover


def module(source: str) -> ast.Module:
    """The tree of a module without annotations, docstrings and type-checking blocks."""
    tree: ast.Module = _Shrinker().visit(ast.parse(source))
    return ast.fix_missing_locations(tree)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        body = body[1:]
    return body


class _Shrinker(ast.NodeTransformer):
    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        node.body = _without_docstring(node.body)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body = _without_docstring(node.body) or [ast.Pass()]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.body = _without_docstring(node.body) or [ast.Pass()]
        node.returns = None
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        # Without annotations nothing is left that `from __future__ import annotations` speaks of.
        return None if node.module == "__future__" else node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        checking = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return node.orelse if checking else node


def code(whole: CodeType) -> CodeType:
    """The same code, its positions reduced to lines: a third of its size."""
    consts = tuple(code(item) if isinstance(item, CodeType) else item for item in whole.co_consts)
    lean = whole.replace(co_linetable=_lines(whole))
    if _spread(lean) != _spread(whole):  # a Python with another form of table
        lean = whole
    return lean.replace(co_consts=consts)


def _spread(whole: CodeType) -> list[int | None]:
    return [line for start, end, line in whole.co_lines() for _ in range(start, end, 2)]


def _lines(whole: CodeType) -> bytes:
    table = bytearray()
    line = whole.co_firstlineno
    runs: list[tuple[int, int | None]] = []
    for found in _spread(whole):
        if runs and runs[-1][1] == found and runs[-1][0] < _UNITS:
            runs[-1] = (runs[-1][0] + 1, found)
        else:
            runs.append((1, found))
    for units, found in runs:
        kind = _NO_LOCATION if found is None else _NO_COLUMNS
        table.append(0x80 | kind << 3 | units - 1)
        if found is not None:
            table += _signed(found - line)
            line = found
    return bytes(table)


def _signed(value: int) -> bytes:
    """A number in 6 bits a byte, least significant first, its sign in the lowest bit."""
    value = (-value << 1) | 1 if value < 0 else value << 1
    out = bytearray()
    while value >= 0x40:
        out.append(value & 0x3F | 0x40)
        value >>= 6
    out.append(value)
    return bytes(out)
