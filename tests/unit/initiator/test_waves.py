"""The machine that says which branches may start: transcripts, and what holds in all of them."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from ramify.initiator.waves import Waves
from ramify.model.rollout import Amount, Rollout

FIVE = ("/a", "/b", "/c", "/d", "/e")


def rollout(*waves: int | str, **more: int) -> Rollout:
    return Rollout(
        waves=tuple(map(amount, waves)) or None,
        max_inflight=amount(more["max_inflight"]) if "max_inflight" in more else None,
    )


def amount(said: int | str) -> Amount:
    return Amount(said) if isinstance(said, int) else Amount(int(said.removesuffix("%")), share=True)


def start_all(waves: Waves) -> tuple[str, ...]:
    started = waves.ready()
    for path in started:
        waves.start(path)
    return started


def test_without_waves_all_start_at_once() -> None:
    waves = Waves(FIVE, {}, rollout())

    assert start_all(waves) == FIVE
    assert (waves.count, waves.between, waves.over) == (1, False, False)
    for path in FIVE:
        waves.end(path)
    assert waves.over


def test_a_wave_begins_when_the_one_before_it_is_over_and_somebody_has_opened_it() -> None:
    waves = Waves(FIVE, {}, rollout(1, "60%", "100%"))

    assert start_all(waves) == ("/a",)
    assert not waves.between
    waves.end("/a")
    assert (waves.between, waves.ready()) == (True, ())
    waves.open_next()
    assert start_all(waves) == waves.current == ("/b", "/c")
    waves.end("/c")
    assert (waves.between, waves.ready()) == (False, ())
    waves.end("/b")
    waves.open_next()
    assert start_all(waves) == ("/d", "/e")
    waves.end("/d")
    waves.end("/e")
    assert (waves.over, waves.between) == (True, False)


def test_what_no_wave_counts_is_a_last_one() -> None:
    assert Waves(FIVE, {}, rollout(1, 2)).waves() == (("/a",), ("/b",), ("/c", "/d", "/e"))


def test_waves_of_nobody_are_none() -> None:
    assert Waves(FIVE, {}, rollout(1, "1%", "10%", "100%")).waves() == (("/a",), ("/b", "/c", "/d", "/e"))
    assert Waves((), {}, rollout(1, "50%")).over


def test_whoever_comes_after_another_starts_when_that_one_has_ended() -> None:
    waves = Waves(("/a", "/b", "/c"), {"/a": ("/c", "/gone")}, rollout())

    assert start_all(waves) == ("/c", "/b")
    waves.end("/b")
    assert waves.ready() == ()
    waves.end("/c")
    assert start_all(waves) == ("/a",)


def test_no_wave_waits_for_a_later_one() -> None:
    waves = Waves(("/a", "/b", "/c"), {"/a": ("/c",)}, rollout(1, "100%"))

    assert waves.waves() == (("/c",), ("/a", "/b"))


def test_no_more_are_in_flight_than_may_be() -> None:
    waves = Waves(FIVE, {}, rollout(max_inflight=2))

    assert start_all(waves) == ("/a", "/b")
    assert waves.ready() == ()
    waves.end("/b")
    assert start_all(waves) == ("/c",)


def test_stopped_it_starts_nothing_and_is_over_when_what_flies_has_landed() -> None:
    waves = Waves(FIVE, {}, rollout(max_inflight=2))
    start_all(waves)
    waves.end("/a")

    waves.stop()

    assert (waves.ready(), waves.over, waves.left) == ((), False, ("/c", "/d", "/e"))
    waves.end("/b")
    assert waves.over


@st.composite
def machines(draw: st.DrawFn) -> tuple[Waves, Mapping[str, tuple[str, ...]]]:
    names = [f"/n{at}" for at in range(draw(st.integers(0, 12)))]
    # Whoever comes later in this list may come after somebody earlier: no circles.
    after = {
        name: tuple(draw(st.lists(st.sampled_from(names[:at]), max_size=3)))
        for at, name in enumerate(names)
        if at
    }
    said = [Amount(number, share) for number, share in draw(st.lists(
        st.tuples(st.integers(1, 100), st.booleans()), max_size=4
    ))]  # fmt: skip
    most = draw(st.none() | st.integers(1, 4))
    order = draw(st.permutations(names))
    made = Rollout(waves=tuple(said) or None, max_inflight=Amount(most) if most else None)
    return Waves(order, after, made), after


@given(machines(), st.data())
def test_whatever_ends_first_all_are_taken_once_in_their_waves_and_after_their_siblings(
    made: tuple[Waves, Mapping[str, tuple[str, ...]]], data: st.DataObject
) -> None:
    waves, after = made
    number = {path: at for at, wave in enumerate(waves.waves(), 1) for path in wave}
    flying: list[str] = []
    ended: list[str] = []
    while not waves.over:
        for path in start_all(waves):
            assert number[path] <= waves.number
            assert set(after.get(path, ())) <= set(ended)
            flying.append(path)
        if waves.between:
            assert not flying
            waves.open_next()
            continue
        assert flying, "it stands still"
        path = flying.pop(data.draw(st.integers(0, len(flying) - 1)))
        waves.end(path)
        ended.append(path)
    assert sorted(ended) == sorted(number)


def test_what_waited_for_others_starts_in_the_order_of_all_when_there_is_room() -> None:
    waves = Waves(FIVE, {"/b": ["/a"], "/c": ["/a"]}, rollout(max_inflight=2))

    assert start_all(waves) == ("/a", "/d")
    assert waves.begun == 2
    waves.end("/a")
    assert waves.ready() == ("/b",)
    waves.end("/d")

    assert start_all(waves) == ("/b", "/c")
    assert (waves.begun, waves.left) == (4, ("/e",))
