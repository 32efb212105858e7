"""Diagnostics in SARIF 2.1.0, which code hosts and editors show at the lines that they are about."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import ramify
from ramify.cli.codes import Code
from ramify.model.diagnostics import Diagnostic

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def document(told: Sequence[Diagnostic], codes: Mapping[str, Code]) -> dict[str, Any]:
    """The log of one run."""
    used = list(dict.fromkeys(item.code for item in told))
    driver = {
        "name": "ramify",
        "version": ramify.__version__,
        "rules": [_rule(code, codes.get(code)) for code in used],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, used.index(item.code)) for item in told],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str, code: Code | None) -> dict[str, Any]:
    meaning = code.meaning if code else name.replace("-", " ")
    return {
        "id": name,
        "shortDescription": {"text": meaning},
        "fullDescription": {"text": meaning},
        "help": {"text": code.way_out if code else meaning},
    }


def _result(item: Diagnostic, rule: int) -> dict[str, Any]:
    result = {
        "ruleId": item.code,
        "ruleIndex": rule,
        "level": item.severity.value,
        "message": {"text": f"{item.summary}\n{item.detail}".rstrip()},
        "partialFingerprints": {"ramify/v1": _fingerprint(item)},
    }
    return result | ({"locations": [_location(item)]} if item.origin else {})


def _location(item: Diagnostic) -> dict[str, Any]:
    assert item.origin is not None  # noqa: S101 - asked for by `_result` only then
    region = {"startLine": item.origin.line, "startColumn": item.origin.column}
    place = {"uri": quote(item.origin.file)}
    return {"physicalLocation": {"artifactLocation": place, "region": region}}


def _fingerprint(item: Diagnostic) -> str:
    """The same problem, although its line may have moved."""
    file = item.origin.file if item.origin else ""
    return hashlib.sha256(f"{item.code} {file} {item.summary}".encode()).hexdigest()[:32]
