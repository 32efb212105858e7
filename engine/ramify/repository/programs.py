"""Programs that a component names: whether they are among its files, and whether a host could run them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ramify.documents.manifest import Manifest
from ramify.model.diagnostics import Diagnostics, Origin, did_you_mean
from ramify.repository.artifacts import PROGRAM, ArtifactFile
from ramify.repository.files import Files, reason

# What a stub starts by the end of its name, where no first line names an interpreter.
_SUFFIXES = (".py", ".sh", ".pl")
_OWN = "{code}/"


def check_programs(manifest: Manifest, tree: Mapping[str, ArtifactFile], found: Diagnostics) -> None:
    """Tell of commands whose program is no file of the component, or one that is not executable."""
    for key, argv in _commands(manifest):
        origin = manifest.origins.get(key, manifest.origin)
        name = argv[0].removeprefix(_OWN).removeprefix("./") if argv else ""
        file = tree.get(name)
        if file is not None and file.mode != PROGRAM:
            summary = f'"{name}" of "{key}" is not executable'
            found.error(
                "not-executable", summary, f"chmod +x {name}, or name an interpreter before it.", origin
            )
        elif file is None and _must_be_there(key, argv, manifest):
            summary = f'"{name}" of "{key}" is not among the component\'s files'
            found.error("missing-file", summary, did_you_mean(name, tree), origin)


def check_format(file: ArtifactFile, files: Files, origin: Origin) -> None:
    """Tell of a program that is started by its format when the format does not tell how (HPL 4.3)."""
    try:
        magic = _first(file)
    except OSError as error:
        summary = f"cannot read {file.name}: {reason(error)}"
        files.found.error("unreadable-file", summary, "", origin)
        return
    if not magic.startswith((b"#!", b"\x7fELF")) and not file.name.endswith(_SUFFIXES):
        files.found.error(
            "unknown-format",
            f"cannot tell how to start {file.name}",
            'Begin it with a line such as "#!/bin/sh", or describe it in a component.yml.',
            origin,
        )


def _commands(manifest: Manifest) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key in ("install", "uninstall"):
        argv = getattr(manifest, key)
        if argv:
            yield key, argv
    for argv in (manifest.start or {}).values():
        yield "start", argv
    for key in ("activate", "deactivate"):
        control = getattr(manifest, key)
        if control and control.argv:
            yield key, control.argv
    if manifest.health and manifest.health.argv:
        yield "health", manifest.health.argv


def _must_be_there(key: str, argv: tuple[str, ...], manifest: Manifest) -> bool:
    if not argv or argv[0].startswith("/") or "/" not in argv[0]:
        return False  # a program of the host
    if "{" in argv[0].removeprefix(_OWN):
        return False  # in a folder that only the host has
    return key == "install" or manifest.install is None  # an installer may make the others


def _first(file: ArtifactFile) -> bytes:
    if isinstance(file.source, Path):
        with file.source.open("rb") as stream:
            return stream.read(4)
    return file.source[:4]
