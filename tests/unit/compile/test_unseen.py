"""What cannot be seen from here: open until its initiator has told, one tree afterwards."""

from msgspec import structs

from ramify.compile import unseen
from ramify.compile.fleet import Fleet
from ramify.compile.planning import plan, wanted
from ramify.compile.selection import select
from ramify.compile.unseen import There, due, gathered
from ramify.model.events import Planned, Unheard
from ramify.model.hierarchy import Domain
from ramify.model.plan import Action, NodePlan, Open, Plan, summarise
from ramify.model.record import NodeRecord, Outcome
from unit.compile.bundles import at, compiled, record, spec

M9 = Domain(at(5), server="http://m9/", planned="there")
TREE = spec("ma", spec("m9", domain=M9), spec("app"))
MOUNT = "/ma/m9"
INNER = "/ma/m9/gw/m8"


def fleet() -> Fleet:
    return compiled(TREE)


def node(path: str, action: Action = Action.CREATE) -> NodePlan:
    return NodePlan(path, action, "h1", path.rpartition("/")[0])


def told(*nodes: NodePlan, path: str = MOUNT, last: bool = True, **more: tuple[str, ...]) -> Planned:
    return Planned(path, f"digest of {path}", nodes, last=last, **more)


def whole(there: There, *selection: str, records: dict[str, NodeRecord] | None = None) -> Plan:
    made, known = fleet(), records or {}
    selected, found = select(selection, unseen.known(made, known, there))
    assert not found.failed, list(found)
    return unseen.completed(plan(made, "b", known, selected, selection), there, wanted(selected, known))


def test_a_fleet_without_such_domains_has_the_plan_that_it_had() -> None:
    made = compiled(spec("ma", spec("app")))
    before = plan(made, "b", {})

    assert unseen.unasked(made) == There()
    assert unseen.completed(before, There(), None) is before
    assert due(before) == {}


def test_records_below_are_neither_kept_nor_removed_here() -> None:
    made = fleet()
    records = {path: record(made, path) for path in made.by_path}
    below = structs.replace(records[MOUNT], path=f"{MOUNT}/app")
    beside = structs.replace(below, path="/ma/m99/app")

    nodes = plan(made, "b", records | {one.path: one for one in (below, beside)}).nodes

    assert {one.path: one.action for one in nodes if one.path not in made.by_path} == {
        beside.path: Action.DESTROY
    }


def test_what_was_told_is_one_tree_with_those_that_leave_last() -> None:
    there = gathered([MOUNT], [told(node(f"{MOUNT}/a"), node(f"{MOUNT}/b", Action.DESTROY))])
    leaving = NodeRecord("/gone", "h1", "/", environment="installed")

    made = whole(there, records={"/gone": leaving})

    assert [one.path for one in made.nodes] == [
        "/ma", MOUNT, "/ma/app", f"{MOUNT}/a", f"{MOUNT}/b", "/gone",
    ]  # fmt: skip
    assert made.summary == summarise(made.nodes)
    assert (made.open, made.domains) == ((), {MOUNT: f"digest of {MOUNT}"})


def test_nobody_is_believed_who_was_not_asked_or_has_not_said_all() -> None:
    part = told(node(f"{MOUNT}/a"), last=False)
    stranger = told(node("/ma/app/x"), path="/ma/app")

    assert gathered([MOUNT], [part, stranger]) == There(open=(Open(MOUNT),))


def test_parts_are_put_together_and_deeper_ones_are_open_until_they_are_heard() -> None:
    parts = [told(node(f"{MOUNT}/a"), last=False), told(node(f"{MOUNT}/gw"), mounts=(INNER,))]

    there = gathered([MOUNT], parts)
    assert [one.path for one in there.nodes] == [f"{MOUNT}/a", f"{MOUNT}/gw"]
    assert there.open == (Open(INNER),)

    lost = Unheard(INNER, Outcome.OFFLINE, "no route")
    assert gathered([MOUNT], [*parts, lost]).open == (Open(INNER, "no route"),)
    deeper = gathered([MOUNT], [*parts, told(node(f"{INNER}/x"), path=INNER)])
    assert (deeper.open, set(deeper.domains)) == ((), {MOUNT, INNER})


def test_a_selection_takes_what_was_told_and_leaves_open_what_it_may_take() -> None:
    heard = gathered([MOUNT], [told(node(f"{MOUNT}/a"), node(f"{MOUNT}/b"))])
    asked = There(open=(Open(MOUNT),))

    assert [one.path for one in whole(heard, f"{MOUNT}/b").nodes] == ["/ma", MOUNT, f"{MOUNT}/b"]
    assert whole(asked, "/ma/app").open == ()
    assert whole(asked, f"{MOUNT}/.").open == ()
    for taking in (MOUNT, f"{MOUNT}/*", "/ma", "/**", "!/ma/app"):
        made = whole(asked, taking)
        assert (made.open, MOUNT in {one.path for one in made.nodes}) == ((Open(MOUNT),), True)


def test_a_name_that_nobody_has_heard_of_selects_nothing() -> None:
    asked = There(open=(Open(MOUNT),))

    _, found = select((f"{MOUNT}/x",), unseen.known(fleet(), {}, asked))

    assert [item.code for item in found] == ["no-such-path"]


def test_due_is_who_has_changes_below_or_is_open_and_who_leads_there() -> None:
    quiet = told(node(f"{MOUNT}/gw", Action.UNCHANGED), mounts=(INNER,))
    inner = told(node(f"{INNER}/x"), path=INNER)

    assert due(whole(gathered([MOUNT], [quiet]))) == {MOUNT: f"digest of {MOUNT}", INNER: ""}
    assert due(whole(gathered([MOUNT], [quiet, inner]))) == {
        MOUNT: f"digest of {MOUNT}",
        INNER: f"digest of {INNER}",
    }
    same = told(node(f"{INNER}/x", Action.UNCHANGED), path=INNER)
    assert due(whole(gathered([MOUNT], [quiet, same]))) == {}
    assert due(whole(There(open=(Open(MOUNT),)))) == {MOUNT: ""}
