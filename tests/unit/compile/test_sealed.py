"""Variables that stand encrypted in a hierarchy: handed on they are secrets, and nothing else can be done."""

import pytest
from msgspec import structs

import vaulted
from ramify.compile.confidential import used
from ramify.compile.explain import explain
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.profiles import profile
from ramify.documents import hierarchy
from ramify.model import bundle as bundles
from ramify.model.bundle import Bundle
from ramify.model.configuration import Configuration, FileSetting, Setting
from ramify.model.vaulted import name_in
from unit.compile.bundles import at, bundle, entry

TREE = "tree:\n  top:\n    vars:\n      port: 80\n      db:\n%s    children: {leaf: }\n"


def project(template: str, kind: str = "env") -> tuple[Bundle, str]:
    """A bundle with an encrypted `vars.db.password` that a template asks for, and what that is called."""
    tree, found = hierarchy.read(TREE % vaulted.value("password", indent=8), "hierarchy.yml")
    assert tree is not None, list(found)
    document = Configuration("c", env=(Setting("X", template, at(7, "c.yml")),))
    if kind == "files":
        document = Configuration("c", files=(FileSetting("x", template, at(7, "c.yml")),))
    if kind == "args":
        document = Configuration("c", args=(Setting("", template, at(7, "c.yml")),))
    made = bundle(
        code=(entry("/top", "init"), entry("/top/leaf", "agent")),
        service=(entry("/top/leaf", "c"),),
        documents=[document],
    )
    name = name_in(tree.tree[0].vars["db"]["password"])
    return structs.replace(made, hierarchy=tree, secrets={name: "1" * 64}), name


def compiled(template: str, kind: str = "env") -> Fleet:
    return compile_fleet(bundles.decode(*_sent(project(template, kind)[0])))


def _sent(made: Bundle) -> tuple[bytes, str]:
    data = bundles.encode(made)
    return data, bundles.digest(data)


@pytest.mark.parametrize("kind", ["env", "files"])
@pytest.mark.parametrize(
    "template", ["{{ vars.db.password }}", "a {{ node.vars.db.password }} {{ node.name }} {{vars.port}}"]
)
def test_a_reference_to_it_is_a_secret(template: str, kind: str) -> None:
    name, fleet = project(template)[1], compiled(template, kind)
    node = fleet.by_path["/top/leaf"]

    assert list(map(str, fleet.diagnostics)) == []
    assert used(fleet, node) == {name}
    shown, given = profile(fleet, node).service, profile(fleet, node, None, {name: "hunter2"}).service
    (value,), (real,) = shown.env or shown.files, given.env or given.files
    assert value.secret
    assert value.text is not None
    assert real.text is not None
    assert value.text == real.text.replace("hunter2", "(secret 111111111111)") != real.text


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("{{ vars.db.password | upper }}", "undefined"),
        ("{{ vars.db.password ~ 'x' }}", "undefined"),
        ("{% if vars.db.password %}x{% endif %}", "undefined"),
        ("{{ 'x' if vars.db.password == 'hunter2' else 'y' }}", "undefined"),
        ("{{ vars.db | tojson }}", "undefined"),
        ("{{ vars['d' ~ 'b']['password'] }}", "undefined"),
        ("{{ parent.vars.db.password }}", "undefined"),
        ("{{ vars.db.password.name }}", "undefined"),
        ("{{ facts.os }} {{ vars.db.password }}", "secret-expression"),
    ],
)
def test_nobody_can_calculate_with_it(template: str, code: str) -> None:
    found = list(compiled(template).diagnostics)

    assert code in [item.code for item in found]
    assert "gives a Sealed" not in str(found)


def test_an_argument_cannot_have_it() -> None:
    assert [item.code for item in compiled("{{ vars.db.password }}", "args").diagnostics] == ["secret-seen"]


def test_variables_are_shown_without_it() -> None:
    fleet = compiled("{{ vars.db.password }}")
    node = fleet.by_path["/top/leaf"]

    assert profile(fleet, node).vars == {"db": {"password": "(secret)"}, "port": 80}
    told = str(explain(fleet, node))
    assert "vaulted_" not in told
    assert "!vault" in told


def test_what_it_is_called_is_never_offered_as_the_name_of_a_secret() -> None:
    (told,) = compiled("{{ secrets.vaulted }}").diagnostics

    assert (told.code, "vaulted_" in told.detail) == ("unknown-secret", False)
