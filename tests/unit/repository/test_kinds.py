import pytest

from ramify.repository.kinds import Kind, UnavailableRuntimeError, kind_of, own_kind, parse_kind


def test_a_kind_names_what_compiled_code_depends_on() -> None:
    assert kind_of([3, 11, 2], "cpython", "linux", "x86_64", "glibc-2.36") == "cp311-linux-x86_64-glibc"
    assert kind_of([3, 12, 0], "cpython", "linux", "aarch64", "") == "cp312-linux-aarch64-musl"
    assert kind_of([3, 13, 1], "cpython", "darwin", "arm64", "") == "cp313-darwin-arm64"
    assert kind_of([3, 10], "pypy", "linux", "x86_64", "glibc-2.31") == "pp310-linux-x86_64-glibc"


def test_a_kind_is_read_back_as_it_was_made() -> None:
    assert parse_kind("cp311-linux-x86_64-glibc") == Kind((3, 11), "linux", "x86_64", "glibc")
    assert parse_kind("cp313-darwin-arm64") == Kind((3, 13), "darwin", "arm64", "")
    assert parse_kind(own_kind()).python >= (3, 11)


@pytest.mark.parametrize("text", ["", "linux", "cp311", "cp311-linux", "pp310-linux-x86_64-glibc", "../../x"])
def test_what_is_no_kind_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UnavailableRuntimeError, match="cp311-linux-x86_64-glibc"):
        parse_kind(text)


def test_a_python_too_old_for_an_initiator_is_refused_with_the_way_out() -> None:
    with pytest.raises(UnavailableRuntimeError, match=r"3\.11 or newer.*python:"):
        parse_kind("cp39-linux-x86_64-glibc")
