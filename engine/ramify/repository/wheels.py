"""Wheels as the source of a runtime for another Python or system: which fit, what is missing, unpacking."""

import re
import stat
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from ramify.repository.artifacts import PLAIN, ArtifactFile, name_problem
from ramify.repository.distributions import canonical, closure, wanted
from ramify.repository.kinds import Kind, UnavailableRuntimeError, parse_kind

MAX_WHEEL = 256 << 20

_CPYTHON = re.compile(r"cp(\d)(\d+)\Z")


class Wheel(Struct, frozen=True):
    """A wheel file and what its name says."""

    path: Path
    project: str
    version: str
    pythons: tuple[str, ...]
    abis: tuple[str, ...]
    platforms: tuple[str, ...]


def choose(folder: Path, kind: str) -> list[Path]:
    """The wheels of a folder that make the runtime of a kind.

    Raises:
        UnavailableRuntimeError: some are missing, or one is there in two versions.
    """
    place = parse_kind(kind)
    fitting: dict[str, list[Wheel]] = {}
    for wheel in filter(None, map(_parse, sorted(folder.glob("*.whl")))):
        if takes(place, wheel):
            fitting.setdefault(wheel.project, []).append(wheel)
    names, missing = closure(lambda name: _requires(fitting[name][0].path) if name in fitting else None)
    if missing:
        raise UnavailableRuntimeError(
            f"{folder} has no wheels of {', '.join(missing)} for {kind}; fetch all that is needed with:\n"
            f"  {download(kind, folder)}"
        )
    for name in names:
        _one_version(fitting[name])
    return [fitting[name][0].path for name in names]


def download(kind: str, folder: Path | str) -> str:
    """The command that fetches the wheels of a kind."""
    place = parse_kind(kind)
    version = ".".join(map(str, place.python))
    platforms = " ".join(f"--platform {platform}" for platform in _platforms(place))
    return (
        f"python3 -m pip download --only-binary=:all: --implementation cp --python-version {version} "
        f"{platforms} --dest {folder} asyncssh jinja2 msgspec"
    )


def unpack(path: Path) -> Iterator[ArtifactFile]:
    """The files of a wheel that a runtime carries.

    Raises:
        UnavailableRuntimeError: not a wheel, or one that holds what no wheel should.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield from _members(archive, path)
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise UnavailableRuntimeError(f"cannot read the wheel {path}: {error}") from error


def takes(place: Kind, wheel: Wheel) -> bool:
    """Whether a wheel runs on hosts of a kind."""
    return any(
        _runs(place, python, abi) and _loads(place, platform)
        for python in wheel.pythons
        for abi in wheel.abis
        for platform in wheel.platforms
    )


def _runs(place: Kind, python: str, abi: str) -> bool:
    found = _CPYTHON.match(python)
    if found is None:
        return python == "py3" and abi == "none"
    version = (int(found[1]), int(found[2]))
    if abi in {"abi3", "none"}:  # made for that version, good for all newer ones
        return version <= place.python
    return version == place.python and abi == python


def _loads(place: Kind, platform: str) -> bool:
    if platform == "any":
        return True
    if place.platform != "linux":
        return platform.startswith("macosx") and platform.endswith((f"_{place.machine}", "_universal2"))
    family = "musllinux" if place.libc == "musl" else "manylinux"
    return platform.startswith((family, "linux_")) and platform.endswith(f"_{place.machine}")


def _members(archive: zipfile.ZipFile, path: Path) -> Iterator[ArtifactFile]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if sum(member.file_size for member in members) > MAX_WHEEL:
        raise UnavailableRuntimeError(f"{path} unpacks to more than {MAX_WHEEL >> 20} MiB")
    for member in members:
        problem = name_problem(member.filename)
        if problem:
            raise UnavailableRuntimeError(f"{path} holds a file whose name {member.filename!a} {problem}")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UnavailableRuntimeError(f'{path} holds a link, "{member.filename}"; wheels have none')
        name = _place(member.filename)
        if name and wanted(name):
            yield ArtifactFile(name, PLAIN, archive.read(member))


def _place(name: str) -> str | None:
    # `NAME-VERSION.data/purelib/...` belongs at the top; other parts of `.data` are scripts and headers.
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    part, _, inner = rest.partition("/")
    return inner if part in {"purelib", "platlib"} else None


def _parse(path: Path) -> Wheel | None:
    words = path.name.removesuffix(".whl").split("-")
    if len(words) not in {5, 6}:
        return None
    python, abi, platform = (tuple(word.split(".")) for word in words[-3:])
    return Wheel(path, canonical(words[0]), words[1], python, abi, platform)


def _requires(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            head = archive.read(name).decode().partition("\n\n")[0]
    except StopIteration:
        raise UnavailableRuntimeError(f"{path} is no wheel: it has no METADATA") from None
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise UnavailableRuntimeError(f"cannot read the wheel {path}: {error}") from error
    return [line.partition(":")[2].strip() for line in head.splitlines() if line.startswith("Requires-Dist:")]


def _one_version(wheels: list[Wheel]) -> None:
    versions = sorted({wheel.version for wheel in wheels})
    if len(versions) > 1:
        raise UnavailableRuntimeError(
            f"{wheels[0].path.parent} holds {wheels[0].project} {' and '.join(versions)}: keep one version"
        )


def _platforms(place: Kind) -> Iterable[str]:
    if place.platform != "linux":
        return (f"macosx_11_0_{place.machine}",)
    if place.libc == "musl":
        return (f"musllinux_1_2_{place.machine}", f"musllinux_1_1_{place.machine}")
    # pip takes only the tags that it is given: older ones do not follow from newer ones.
    return tuple(f"{tag}_{place.machine}" for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014"))
