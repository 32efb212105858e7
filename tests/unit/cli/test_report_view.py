"""What a run came to, as people read it."""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.cli import exits, report_view
from ramify.cli.accounts import counts, exit_code, planned_only
from ramify.model.events import Report
from ramify.model.plan import Action, NodePlan, Plan, Summary
from ramify.model.record import NodeResult, Outcome

Golden = Callable[[str, str], None]

OUTPUT = "\n".join(f"line {at} of the installer" for at in range(1, 31)) + "\nno space left on device\n"


def results() -> list[NodeResult]:
    """A run of 3 zones that saw all there is to see."""
    found = [NodeResult("/r", Outcome.UNCHANGED)]
    for zone in range(1, 5):
        above = f"/r/zone{zone}"
        if zone == 4:
            found.append(NodeResult(above, Outcome.OFFLINE, "gw4: connection refused", "Is sshd running?"))
            found += [
                NodeResult(f"{above}/app{n}", Outcome.SKIPPED, f"{above} is offline") for n in range(1, 4)
            ]
            continue
        found.append(NodeResult(above, Outcome.DONE))
        message = f"install of {above}/app1 on host{zone}1 exited with 1"
        found.append(NodeResult(f"{above}/app1", Outcome.FAILED, message, OUTPUT))
        found.append(NodeResult(f"{above}/app2", Outcome.DONE))
        found.append(NodeResult(f"{above}/app3", Outcome.FAILED, "took too long"))
    found.append(NodeResult("/r/zone1/app4", Outcome.UNKNOWN, "the connection to host14 was lost"))
    return found


def hosts() -> dict[str, str]:
    return {result.path: "host" + "".join(filter(str.isdigit, result.path)) for result in results()}


def test_failures_are_grouped_by_what_they_say_and_come_last(golden: Golden) -> None:
    golden("cli/report-failures.txt", report_view.text(results(), hosts()) + "\n")


def test_all_lines_of_a_message_stand_below_its_nodes() -> None:
    refused = NodeResult("/r", Outcome.FAILED, "error[untrusted]: one thing\nerror[untrusted]: another")
    lines = report_view.text([refused], {}).splitlines()

    assert "      error[untrusted]: another" in lines


def test_a_run_without_problems_is_a_table_and_a_line(golden: Golden) -> None:
    good = [result for result in results() if result.outcome in {Outcome.DONE, Outcome.UNCHANGED}]
    golden("cli/report-good.txt", report_view.text(good, hosts()) + "\n")


def test_a_large_run_that_saw_all_there_is_to_see_fits_a_screen(golden: Golden) -> None:
    """11,110 nodes: a rack without network, an installer that fails where a disk is full, some lost links."""
    found, where = [], {}
    for region, zone, rack in product(range(1, 11), range(1, 11), range(1, 11)):
        above = f"/region{region}/zone{zone}/rack{rack}"
        off = (region, zone) == (3, 7)
        why = f"gw{region}{zone}{rack}: connect timed out after 15 s"
        found.append(NodeResult(above, Outcome.OFFLINE, why) if off else NodeResult(above, Outcome.DONE))
        where[above] = f"gw{region}{zone}{rack}"
        for app in range(1, 11):
            path = f"{above}/app{app:02}"
            where[path] = f"box{region}{zone}{rack}{app}"
            if off:
                found.append(NodeResult(path, Outcome.SKIPPED, f"{above} is offline"))
            elif (rack, app) == (4, 9) or (region == 8 and app == 2):
                found.append(
                    NodeResult(
                        path, Outcome.FAILED, f"install of {path} on {where[path]} exited with 1", OUTPUT
                    )
                )
            elif rack == zone == app:
                found.append(NodeResult(path, Outcome.UNKNOWN, f"the connection to {where[path]} was lost"))
            elif region == 5 and rack == 1:
                why = f"its process service exited with {app} after 0.2 s"
                found.append(NodeResult(path, Outcome.FAILED, why, "cannot bind: address in use\n" * app))
            else:
                found.append(NodeResult(path, Outcome.DONE))
    shown = report_view.text(found, where) + "\n"
    golden("cli/report-11111.txt", shown)
    assert shown.count("\n") <= report_view.SCREEN


def test_ten_thousand_failures_fit_a_screen() -> None:
    many = [
        NodeResult(
            f"/r{at % 10}/a{at}", Outcome.FAILED, f"strange error {at * at % 97} on h{at}", "why\n" * 40
        )
        for at in range(10_000)
    ]
    told = report_view.text(many, {}).splitlines()
    assert len(told) <= report_view.SCREEN
    assert "10000 failed" in told[-1]


@given(st.lists(st.sampled_from(Outcome), min_size=1, max_size=40))
def test_every_planned_node_is_counted_once(outcomes: list[Outcome]) -> None:
    nodes = tuple(NodePlan(f"/n{at}", Action.CREATE, "h", "/") for at in range(len(outcomes)))
    plan = Plan("", nodes, Summary(add=len(nodes)))
    heard = [NodeResult(f"/n{at}", outcome) for at, outcome in enumerate(outcomes) if at % 3]
    extra = NodeResult("/elsewhere", Outcome.DONE)
    found = planned_only(plan, Report((*heard, extra)))
    assert [result.path for result in found] == [node.path for node in nodes]
    assert sum(counts(found).values()) == len(nodes)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], exits.DONE),
        ([Outcome.DONE, Outcome.UNCHANGED], exits.DONE),
        ([Outcome.FAILED, Outcome.OFFLINE], exits.FAILED),
        ([Outcome.UNKNOWN], exits.FAILED),
        ([Outcome.OFFLINE], exits.OFFLINE),
        ([Outcome.OFFLINE, Outcome.SKIPPED, Outcome.DONE], exits.OFFLINE),
        ([Outcome.SKIPPED], exits.FAILED),
    ],
)
def test_exit_codes(outcomes: list[Outcome], code: int) -> None:
    assert exit_code(counts(NodeResult("/n", outcome) for outcome in outcomes)) == code


def test_a_look_that_passes_by_sleeping_initiators_is_done() -> None:
    assert exit_code(counts([NodeResult("/n", Outcome.SKIPPED)]), refresh=True) == exits.DONE


def test_what_was_done_otherwise_than_planned_is_told_once_for_all_that_it_holds_for(golden: Golden) -> None:
    why = "found installed, its service configured: start instead of shutdown, configure, start"
    done = [NodeResult(f"/r/zone{zone}/app{app}", Outcome.DONE, why) for zone, app in product((1, 2), (1, 2))]
    woken = NodeResult("/r/zone1", Outcome.DONE, "it did not run, and was started again for what is below it")
    good = [NodeResult("/r", Outcome.DONE), woken, *done]
    golden("cli/report-otherwise.txt", report_view.text(good, {}) + "\n")
    many = [NodeResult(f"/r/app{n}", Outcome.DONE, f"found in state {n}: start") for n in range(500)]
    assert len(report_view.text(many, {}).splitlines()) <= report_view.SCREEN
