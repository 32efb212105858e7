import pytest

from ramify.repository.distributions import closure, installed, wanted

INDEX = {
    "asyncssh": ["cryptography>=48.0.1", "typing_extensions>=4.0.0", 'bcrypt>=3.1.3; extra == "bcrypt"'],
    "cryptography": ["cffi>=2 ; platform_python_implementation != 'PyPy'"],
    "cffi": ["pycparser; implementation_name != 'PyPy'"],
    "pycparser": [],
    "typing-extensions": [],
    "jinja2": ["MarkupSafe>=2.0", "tzdata; sys_platform == 'win32'"],
    "markupsafe": [],
    "msgspec": None,
}


def test_requirements_are_followed_and_extras_are_not() -> None:
    names, missing = closure(INDEX.get)

    assert sorted(names) == ["asyncssh", "cffi", "cryptography", "jinja2", "markupsafe", "typing-extensions"]
    assert missing == ["msgspec"]


def test_what_only_other_systems_require_is_not_missed() -> None:
    _, missing = closure(INDEX.get)

    assert "tzdata" not in missing


@pytest.mark.parametrize(
    "name",
    [
        "asyncssh/connection.py",
        "jinja2/tests.py",
        "_cffi_backend.cpython-311-x86_64-linux-gnu.so",
        "cryptography.libs/libssl.so.3",
        "asyncssh-2.24.1.dist-info/licenses/LICENSE",
    ],
)
def test_code_and_licences_are_carried(name: str) -> None:
    assert wanted(name)


@pytest.mark.parametrize(
    "name",
    [
        "msgspec/tests/test_json.py",
        "msgspec/__init__.pyi",
        "asyncssh/py.typed",
        "asyncssh/__pycache__/kex.cpython-311.pyc",
        "asyncssh-2.24.1.dist-info/RECORD",
        "cryptography-50.0.2.dist-info/sboms/sbom.json",
        "cffi/api.py",
        "../../../bin/tool",
    ],
)
def test_tests_stubs_caches_and_scripts_are_not(name: str) -> None:
    assert not wanted(name)


def test_what_only_pypy_does_without_is_missed() -> None:
    _, missing = closure(lambda name: None if name == "cffi" else INDEX.get(name))

    assert "cffi" in missing


def test_all_that_an_initiator_needs_is_installed_here() -> None:
    files, sources, missing = installed()

    assert missing == []
    assert {file.name for file in files} >= {
        "asyncssh/__init__.py",
        "jinja2/__init__.py",
        "msgspec/__init__.py",
    }
    assert len(sources) == len(closure(INDEX.get)[0]) + 1
