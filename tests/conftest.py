"""Shared by all tests: `async def` tests, golden files."""

import asyncio
import inspect
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from ramify.repository.runtime import Runtimes
from ramify.repository.store import Store

# One commit gives one answer: the same examples every time. `HYPOTHESIS_PROFILE=default` looks for new ones.
settings.register_profile("build", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "build"))

GOLDEN = Path(__file__).parent / "golden"


# Started in the background by a script, the build and all its children are deaf to Ctrl-C: tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="rewrite golden files with what was printed")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where all must run (the build sets RAMIFY_REQUIRE_HOSTS), a test that was skipped is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("RAMIFY_REQUIRE_HOSTS") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests with the loop in debug mode: a task left behind is told.

    Not the world in memory, whose tests last twice as long so: PYTHONASYNCIODEBUG=1 looks at those.
    """
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    debug = None if "sim" in pyfuncitem.path.parts else True
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}), debug=debug)
    return True


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Give a project the runtime that its first plan would build in seconds, the same in every project."""
    folder = tmp_path_factory.mktemp("built")
    Runtimes(Store(folder / "packs"), folder).own()

    def give(project: Path) -> None:
        shutil.copytree(folder, project / ".ramify", dirs_exist_ok=True)

    return give


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with `tests/golden/NAME`; `--rewrite` accepts what was printed."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if request.config.getoption("--rewrite"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        assert text == file.read_text()

    return compare
