"""The packages that an initiator imports: which they are, and which of their files a runtime carries."""

import re
from collections.abc import Callable, Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from ramify.repository.artifacts import PLAIN, ArtifactFile
from ramify.repository.folders import left_out, stamp

# What the engine itself imports on an initiator; the rest follows from what these require.
ROOTS = ("asyncssh", "jinja2", "msgspec")

# cffi's compiled backend is needed, the compiler around it is not, nor the parser that only that uses.
_UNUSED = frozenset({"pycparser"})
_UNUSED_FOLDERS = ("cffi/",)

_NAME = re.compile(r"[A-Za-z0-9._-]+")
# Always so: an initiator runs on CPython.
_NOT_PYPY = re.compile(
    r"\s*(platform_python_implementation|implementation_name)\s*!=\s*.pypy.\s*\Z", re.IGNORECASE
)
_LICENCE = re.compile(r"\.dist-info/(.*/)?(LICEN[CS]E|COPYING|NOTICE)[^/]*\Z")


def canonical(name: str) -> str:
    """A project's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(requires: Callable[[str], Iterable[str] | None]) -> tuple[list[str], list[str]]:
    """The projects needed, and those of them that are missing; `requires` gives a project's requirements.

    A requirement for some Pythons or systems only is taken where it is found, and not missed where it is not.
    """
    found: dict[str, None] = {}
    missing: list[str] = []
    waiting = [(name, True) for name in ROOTS]
    while waiting:
        name, needed = waiting.pop(0)
        if name in found or name in missing:
            continue
        lines = requires(name)
        if lines is None:
            missing += [name] if needed else []
            continue
        found[name] = None
        waiting += [requirement for line in lines if (requirement := _requirement(line))]
    return list(found), missing


def wanted(name: str) -> bool:
    """Whether a runtime carries a package's file: code and licences, no tests, stubs or scripts."""
    if ".dist-info/" in name:
        return _LICENCE.search(name) is not None
    steps = name.split("/")
    if ".." in steps or "tests" in steps[:-1] or any(map(left_out, steps)):
        return False
    return not name.startswith(_UNUSED_FOLDERS) and not name.endswith((".pyi", ".h", "/py.typed"))


def installed() -> tuple[list[ArtifactFile], tuple[str, ...], list[str]]:
    """The files of the installed packages, the files that tell their versions, and what is missing."""
    names, missing = closure(_requires)
    files: list[ArtifactFile] = []
    sources: list[str] = []
    for name in names:
        one = distribution(name)
        taken = [
            (str(file), Path(str(one.locate_file(file)))) for file in one.files or () if wanted(str(file))
        ]
        files += [ArtifactFile(file, PLAIN, path, stamp(path.stat())) for file, path in taken]
        sources += [str(one.locate_file(file)) for file in one.files or () if file.name == "METADATA"]
    return files, tuple(sources), missing


def _requires(name: str) -> Iterable[str] | None:
    one = _distribution(name)
    return None if one is None or not one.files else one.requires or ()


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _requirement(line: str) -> tuple[str, bool] | None:
    text, _, marker = line.partition(";")
    found = _NAME.match(text)
    if not found or "extra" in marker or canonical(found[0]) in _UNUSED:
        return None
    return canonical(found[0]), not marker.strip() or _NOT_PYPY.match(marker) is not None
