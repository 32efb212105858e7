"""Health checks in component manifests: what is read, and what is told of what cannot be."""

import pytest

from ramify.documents import component
from ramify.documents.manifest import Manifest
from ramify.model.component import Health
from ramify.model.diagnostics import Diagnostics


def read(said: str) -> tuple[Manifest | None, Diagnostics]:
    return component.read(f"start: ./run\nhealth: {said}\n", "component.yml")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("{tcp: {port: 80}}", Health(kind="tcp", port="80")),
        ("{tcp: {port: $PORT, host: $ADDRESS}}", Health(kind="tcp", port="$PORT", host="$ADDRESS")),
        (
            '{http: {port: "${PORT}", path: /healthz?x=1}}',
            Health(kind="http", port="$PORT", path="/healthz?x=1"),
        ),
        ("{exec: ./check --fast}", Health(kind="exec", argv=("./check", "--fast"))),
        (
            "{exec: [./check], interval: 0.5, timeout: 2, retries: 5, start_period: 60}",
            Health(kind="exec", argv=("./check",), interval=0.5, timeout=2, retries=5, start_period=60),
        ),
    ],
)
def test_a_check_is_read_with_the_usual_times(said: str, wanted: Health) -> None:
    manifest, found = read(said)

    assert not list(found)
    assert manifest is not None
    assert manifest.health == wanted


@pytest.mark.parametrize(
    ("said", "code", "summary"),
    [
        ("{}", "bad-value", '"health" has no check'),
        ("{interval: 5}", "bad-value", '"health" has no check'),
        ("{tcp: {port: 1}, exec: x}", "bad-value", '"health" has exec and tcp'),
        ("{tcp: {port: 0}}", "bad-value", '"0" is not a port'),
        ("{tcp: {port: 65536}}", "bad-value", '"65536" is not a port'),
        ("{tcp: {port: http}}", "bad-value", '"http" is not a port'),
        ("{tcp: {port: $1}}", "bad-value", '"$1" is not a port'),
        ("{tcp: {}}", "missing-key", ""),
        ("{http: {port: 1, path: healthz}}", "bad-value", ""),
        ("{http: {prot: 1}}", "unknown-key", ""),
        ("{exec: ''}", "", ""),
        ("{exec: x, retries: 0}", "", ""),
        ("{exec: x, timeout: soon}", "wrong-type", ""),
        ("{command: x}", "unknown-key", ""),
    ],
)
def test_what_is_no_check_is_told_at_its_place(said: str, code: str, summary: str) -> None:
    _, found = read(said)
    told = list(found)

    assert told
    assert all(problem.origin is not None and problem.origin.line == 2 for problem in told)
    assert not code or code in {problem.code for problem in told}
    assert not summary or summary in {problem.summary for problem in told}


def test_the_nearer_of_two_checks_replaces_the_other_one() -> None:
    base, _ = read("{tcp: {port: 80}, retries: 9}")
    near, _ = read("{exec: ./check}")
    assert base is not None
    assert near is not None

    assert near.onto(base).health == Health(kind="exec", argv=("./check",))


def test_a_start_may_take_as_long_as_its_checks_may() -> None:
    assert Health(kind="tcp", start_period=60, retries=4, interval=5, timeout=2).patience == 82
