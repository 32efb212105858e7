"""Secrets in values: marks wherever they are looked at, and only where nobody else sees them."""

import pytest
from msgspec import structs

from ramify.compile.confidential import used, used_below
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.profiles import profile, values
from ramify.initiator import order
from ramify.model.bundle import Bundle
from ramify.model.configuration import Configuration, FileSetting, Setting
from ramify.model.profile import Profile
from unit.compile.bundles import at, bundle, entry, spec

KNOWN = {"db": "1" * 64, "other": "2" * 64}


def fleet(*settings: Setting | FileSetting, known: dict[str, str] = KNOWN) -> Fleet:
    return compile_fleet(project(*settings, known=known))


def project(*settings: Setting | FileSetting, known: dict[str, str] = KNOWN) -> Bundle:
    plain = tuple(one for one in settings if isinstance(one, Setting))
    files = tuple(one for one in settings if isinstance(one, FileSetting))
    made = bundle(
        spec("top", spec("leaf")),
        code=(entry("/top", "init"), entry("/top/leaf", "agent")),
        service=(entry("/top/leaf", "c"),),
        documents=[Configuration("c", env=plain, files=files)],
    )
    return structs.replace(made, secrets=known)


def env(text: str) -> Setting:
    return Setting("PASSWORD", text, at(7, "c.yml"))


def of_leaf(made: Fleet, secrets: dict[str, str] | None = None) -> Profile:
    assert list(map(str, made.diagnostics)) == []
    return profile(made, made.by_path["/top/leaf"], None, secrets)


def codes(made: Fleet) -> list[str]:
    return [item.code for item in made.diagnostics]


def test_what_is_shown_has_marks_and_what_is_handed_out_has_values() -> None:
    made = fleet(env("x-{{ secrets.db }}"), FileSetting("f", "{{ node.name }}: {{ secrets.db }}", at(9)))

    assert values(of_leaf(made))["service.env.PASSWORD"] == "x-(secret 111111111111)"
    assert values(of_leaf(made))["service.files.f"] == "leaf: (secret 111111111111)"
    assert of_leaf(made, {"db": "hunter2"}).service.files[0].text == "leaf: hunter2"


def test_no_order_is_made_of_marks() -> None:
    made = fleet(env("{{ secrets.db }}"))
    node = made.by_path["/top/leaf"]

    with pytest.raises(RuntimeError, match="PASSWORD needs secrets"):
        order.build(made, node, of_leaf(made), None)
    built = order.build(made, node, of_leaf(made, {"db": "hunter2"}), None)
    assert built["service"]["env"]["PASSWORD"] == "hunter2"
    assert built["secret"] is True


def test_another_value_is_another_binding_and_the_same_identity() -> None:
    before, after = (fleet(env("{{ secrets.db }}"), known={"db": word * 64}) for word in "12")
    was, now = before.digests["/top/leaf"], after.digests["/top/leaf"]

    assert was.binding != now.binding
    assert (was.node, was.subtree) == (now.node, now.subtree)


def test_a_value_beside_a_secret_is_noticed_too() -> None:
    one, other = fleet(env("a {{ secrets.db }}")), fleet(env("b {{ secrets.db }}"))

    assert one.digests["/top/leaf"].node != other.digests["/top/leaf"].node


def test_whoever_deploys_a_node_needs_its_secrets_and_nobody_else() -> None:
    made = fleet(env("{{ secrets.db }}"))

    assert used(made, made.by_path["/top/leaf"]) == {"db"}
    assert used_below(made, "/top") == {"db"}
    assert used_below(made, "/") == used_below(made, "/top/leaf") == used_below(made, "/x") == frozenset()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ secrets.nothing }}", "unknown-secret"),
        ("{{ secrets }}", "unknown-secret"),
        ("{{ secrets.db | upper }}", "secret-expression"),
        ("{% for one in secrets %}{{ one }}{% endfor %}", "secret-expression"),
        ("{{ secrets['d' + 'b'] }}", "secret-expression"),
        ("{{ facts.cpus }} {{ secrets.db }}", "secret-expression"),
    ],
)
def test_secrets_that_nobody_can_tell_before_are_refused(text: str, code: str) -> None:
    assert code in codes(fleet(env(text)))


def test_one_mistake_is_told_once() -> None:
    assert codes(fleet(env("{{ secrets.nothing }}"))) == ["unknown-secret"]


def test_a_file_that_others_may_read_gets_no_secret() -> None:
    readable = FileSetting("f", "{{ secrets.db }}", at(9), 0o640)

    assert codes(fleet(readable)) == ["secret-seen"]
    assert codes(fleet(structs.replace(readable, mode=0o400))) == []


def test_arguments_get_no_secret() -> None:
    made = project()
    given = Configuration("c", args=(Setting("--password", "{{ secrets.db }}", at(3, "c.yml")),))

    assert codes(compile_fleet(structs.replace(made, configurations={"c": given}))) == ["secret-seen"]
