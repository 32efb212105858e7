"""Code that differs by the facts of hosts: chosen there, agreed on before."""

from typing import Any

import pytest
from msgspec import structs

from ramify.compile.explain import explain
from ramify.compile.fleet import Fleet
from ramify.compile.profiles import profile, values
from ramify.model.component import Component, Parameter
from ramify.model.diagnostics import DiagnosticsError
from ramify.model.profile import LATE
from ramify.model.repository import Entry, When, fits
from unit.compile.bundles import AGENT, COMPONENTS, compiled, entry, node, spec, told

ARM = structs.replace(AGENT, ref="arm", artifact="c" * 64)
BY_FACTS = {**COMPONENTS, "arm": ARM}


def when(ref: str, line: int, /, **facts: str | tuple[str, ...]) -> Entry:
    found: When = {name: (word,) if isinstance(word, str) else word for name, word in facts.items()}
    return structs.replace(entry("/app1", ref, line), when=found)


ON_ARM = when("arm", 1, machine=("aarch64", "arm*"))


def fleet(*code: Entry, **more: Any) -> Fleet:
    return compiled(spec("app1"), code=code, components=BY_FACTS, **more)


def chosen(found: Fleet, **facts: str) -> Component:
    return profile(found, node(found, "/app1"), facts).component


def test_the_first_entry_that_fits_is_taken_and_the_plain_one_where_none_does() -> None:
    made = fleet(entry("/app1", "agent", 1), ON_ARM)

    assert chosen(made, machine="armv7l") == ARM
    assert chosen(made, machine="x86_64") == AGENT


def test_all_facts_have_to_fit_and_each_has_one_word_that_does() -> None:
    asked: When = {"machine": ("x86_64",), "os": ("debian*", "ubuntu*")}

    assert fits(asked, {"machine": "x86_64", "os": "ubuntu 24.04"})
    assert not fits(asked, {"machine": "x86_64", "os": "alpine 3.20"})
    assert not fits(asked, {"os": "debian 12"})
    assert fits({"cpus": ("?",)}, {"cpus": 8})


def test_a_host_that_no_code_fits_is_told_with_what_was_found_and_what_there_is() -> None:
    with pytest.raises(DiagnosticsError) as caught:
        chosen(fleet(ON_ARM), machine="riscv64")

    (problem,) = caught.value.diagnostics
    assert problem.code == "no-variant"
    assert "machine riscv64" in problem.summary
    assert "machine aarch64 or arm*" in problem.detail


def test_before_the_facts_are_known_a_plan_says_so() -> None:
    made = fleet(entry("/app1", "agent", 1), ON_ARM)

    told_now = values(profile(made, node(made, "/app1")))

    assert told_now["code"] == told_now["code.digest"] == LATE


def test_the_digest_of_a_node_covers_all_code_that_it_may_get() -> None:
    def digest(*code: Entry) -> str:
        return fleet(*code).digests["/app1"].node

    plain = entry("/app1", "agent", 1)
    all_of_them = [
        digest(plain),
        digest(plain, ON_ARM),
        digest(plain, when("arm", 1, machine="aarch64")),
        digest(plain, when("arm", 1, os="aarch64")),
        digest(ON_ARM),
    ]

    assert len(set(all_of_them)) == len(all_of_them)


def test_code_that_differs_in_more_than_facts_is_refused() -> None:
    other = structs.replace(ARM, parameters={"X": Parameter(default="1")})

    def codes(component: Component) -> list[str]:
        code = (entry("/app1", "agent", 1), ON_ARM)
        return [code for code, _ in told(spec("app1"), code=code, components={**BY_FACTS, "arm": component})]

    assert codes(ARM) == []
    assert codes(other) == codes(structs.replace(ARM, role="initiator")) == ["unlike-variants"]


def test_two_plain_codes_stay_an_error_beside_those_with_facts() -> None:
    code = (entry("/app1", "agent", 1), entry("/app1", "init", 2), ON_ARM)

    assert "two-codes" in [code for code, _ in told(spec("app1"), code=code, components=BY_FACTS)]


def test_explain_says_on_what_it_depends() -> None:
    made = fleet(entry("/app1", "agent", 1), ON_ARM)

    found = {use.brings: use.outcome for use in explain(made, node(made, "/app1")).entries}

    assert found["arm when machine aarch64 or arm*"] == "if it fits the host"
    assert found["agent"] == "wins"
