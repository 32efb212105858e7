"""Secrets on their way: only whoever asked opens a box, asks for what is its own, and tells none of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ramify.compile.fleet import compile_fleet
from ramify.initiator.masking import MASK
from ramify.initiator.messages import Ask
from ramify.initiator.ring import WITHHELD, Keeper, NoSecretError, Ring
from ramify.initiator.sealing import Opener, UnusableBoxError, seal
from unit.compile.test_confidential import env, project

VALUES = {"db": "hunter2-long", "other": "nobody's"}


class Known:
    """The operator's values (implements Values)."""

    def value(self, name: str) -> str:
        return VALUES[name]


def asked(opener: Opener, *names: str, path: str = "/top") -> Ask:
    return Ask(1, path, opener.public, names)


def keeper() -> Keeper:
    return Keeper(compile_fleet(project(env("{{ secrets.db }}"))), Known())


def counted(boxes: Callable[[Ask], Awaitable[bytes]]) -> tuple[list[Ask], Callable[[Ask], Awaitable[bytes]]]:
    seen: list[Ask] = []

    async def box(ask: Ask) -> bytes:
        seen.append(ask)
        return await boxes(ask)

    return seen, box


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_who_asked_opens_the_box(values: dict[str, str]) -> None:
    opener = Opener()
    ask = asked(opener, *values)

    assert opener.open(ask, seal(ask, values)) == values


@given(st.data())
def test_a_box_that_was_changed_is_refused(data: st.DataObject) -> None:
    opener = Opener()
    ask = asked(opener, "db")
    box = bytearray(seal(ask, {"db": "x"}))
    box[data.draw(st.integers(0, len(box) - 1))] ^= 1 << data.draw(st.integers(0, 6))

    with pytest.raises(UnusableBoxError):
        opener.open(ask, bytes(box))


@pytest.mark.parametrize("box", [b"", b"x" * 31, b"\0" * 32, b"\0" * 64])
def test_what_is_no_box_is_refused(box: bytes) -> None:
    opener = Opener()

    with pytest.raises(UnusableBoxError):
        opener.open(asked(opener, "db"), box)


def test_a_box_is_for_one_key_one_path_and_some_names() -> None:
    opener = Opener()
    box = seal(asked(opener, "db"), {"db": "x"})

    for ask in (asked(opener, "db", path="/x"), asked(opener, "other")):
        with pytest.raises(UnusableBoxError):
            opener.open(ask, box)
    with pytest.raises(UnusableBoxError):
        Opener().open(asked(opener, "db"), box)


def test_nobody_on_the_way_can_read_what_is_sealed() -> None:
    opener = Opener()

    assert b"hunter2" not in seal(asked(opener, "db"), {"db": "hunter2"})


@pytest.mark.parametrize("key", [b"", b"x", b"\0" * 32])
def test_keys_that_are_none_get_nothing(key: bytes) -> None:
    with pytest.raises(UnusableBoxError):
        seal(Ask(1, "/top", key, ("db",)), {"db": "x"})


async def test_the_initiator_just_above_gets_a_secret() -> None:
    ring = Ring("/top", keeper().box)

    assert await ring.values({"db"}) == {"db": "hunter2-long"}


@pytest.mark.parametrize(
    ("path", "name"), [("/", "db"), ("/top/leaf", "db"), ("/top", "other"), ("/x", "db")]
)
async def test_nobody_else_gets_it(path: str, name: str) -> None:
    with pytest.raises(NoSecretError, match="is given the secret"):
        await Ring(path, keeper().box).values({name})


async def test_a_secret_that_many_nodes_want_is_asked_for_once() -> None:
    seen, boxes = counted(keeper().box)
    ring = Ring("/top", boxes)

    await asyncio.gather(*(ring.values({"db"}) for _ in range(9)))
    assert [ask.names for ask in seen] == [("db",)]


async def test_no_names_ask_nobody() -> None:
    assert await Ring("/top").values(frozenset()) == {}


async def test_an_answer_to_another_question_is_refused() -> None:
    async def wrong(ask: Ask) -> bytes:
        return seal(structs.replace(ask, path="/elsewhere"), {"db": "x"})

    with pytest.raises(NoSecretError, match="not sealed for us"):
        await Ring("/top", wrong).values({"db"})


async def test_what_programs_say_is_masked_or_withheld() -> None:
    ring = Ring("/top", keeper().box)

    assert ring.told({"db"}, "login with hunter2-long failed") == WITHHELD
    await ring.values({"db"})
    assert ring.told({"db"}, "login with hunter2-long failed") == f"login with {MASK} failed"
    assert ring.told(set(), "nothing secret") == "nothing secret"
