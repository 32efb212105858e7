"""Checking for `ramify validate`: a whole project, or files of no project; all that is wrong at once."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct, structs

from ramify.cli import labs
from ramify.compile.fleet import Fleet, compile_fleet
from ramify.compile.lints import lint
from ramify.documents import recognise
from ramify.model.bundle import Bundle, within
from ramify.model.diagnostics import Diagnostic, Diagnostics, Origin, Severity
from ramify.repository import seals
from ramify.repository.files import Files
from ramify.repository.project import PROJECT, Loaded, Reading, load
from ramify.repository.references import is_url


class Report(Struct, frozen=True):
    """What was found, and in which files it was looked for; their names count from `root`.

    `left_out` are references to the web that nobody followed, `unseen` the nodes whose domain only their
    initiators can ask for.
    """

    root: Path
    told: tuple[Diagnostic, ...]
    files: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    def rebased(self, base: Path) -> "Report":
        """The same with names that count from another folder, such as the one that a code host knows."""
        names = {name: _relative(self.root / name, base) for name in _names(self)}
        told = tuple(_moved(item, names) for item in self.told)
        files = tuple(names[name] for name in self.files)
        return structs.replace(self, root=base, told=told, files=files)

    def strict(self) -> "Report":
        """The same with errors for warnings."""
        told = tuple(structs.replace(item, severity=Severity.ERROR) for item in self.told)
        return structs.replace(self, told=told)

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return Diagnostics(self.told).failed


def _relative(path: Path, base: Path) -> str:
    return Path(os.path.relpath(path, base)).as_posix()


def _moved(item: Diagnostic, names: dict[str, str]) -> Diagnostic:
    place = item.origin
    if place is None:
        return item
    return structs.replace(item, origin=Origin(names[place.file], place.line, place.column))


def check(folder: Path, files: Sequence[Path], *, online: bool = False, signed: bool = False) -> Report:
    """Check the project in a folder, or files alone where there is none; with files tell of those only.

    Unless asked to be online it contacts nobody: what was never fetched is left out of what is checked. That
    those who may have not signed is an error if it must be `signed`, else a warning.
    """
    if files and not (folder / PROJECT).exists():
        return _alone(Path(), files, _no_document)
    project = load(
        folder, overlay=labs.overlay(folder), reading=Reading(ask=online, skip=not online), runtimes=False
    )
    found = Diagnostics(project.diagnostics)
    read = {PROJECT, *project.files, *((project.trust.file.signers,) if project.trust else ())}
    unseen: tuple[str, ...] = ()
    if project.bundle is not None:
        fleet = compile_fleet(project.bundle)
        found.extend(fleet.diagnostics)
        found.extend(lint(fleet))
        found.extend(_unvouched(project, fleet, signed=signed))
        unseen = tuple(_planned_there(fleet))
        read.update(_read(project.bundle))
    left_out = (*project.left_out, *(_left_out(project.bundle) if project.bundle else ()))
    # Components that are shipped with Ramify are nobody's to mend: their names begin with a slash.
    ours = sorted(name for name in read if not name.startswith("/") and not is_url(name))
    whole = Report(folder, tuple(found), tuple(ours), left_out, unseen)
    return _only(whole, files, complete=project.bundle is not None) if files else whole


def _unvouched(project: Loaded, fleet: Fleet, *, signed: bool) -> Diagnostics:
    """What nobody who may has signed; it cannot be told where not all that was signed is here."""
    found = Diagnostics()
    if project.trust is None or fleet.diagnostics.failed:
        return found
    if project.left_out or next(_left_out(fleet.bundle), None) is not None:
        summary = "what was signed is not checked: references to the web were never fetched"
        found.error("not-fetched", summary, "`--online` follows them.", project.trust.place)
        return found if signed else Diagnostics()
    found = seals.check(project, fleet)
    return found if signed else found.as_warnings()


def _planned_there(fleet: Fleet) -> Iterator[str]:
    """The nodes whose domain nobody but their initiators can ask for."""
    for path in fleet.unseen:
        domain = fleet.by_path[path].spec.domain
        if domain is not None and domain.planned == "there":
            yield path


def _read(bundle: Bundle) -> Iterator[str]:
    """The files that something of a bundle was written in."""
    for one in within(bundle):
        for document in one.configurations.values():
            yield from {setting.origin.file for setting in (*document.env, *document.args)}
            yield from {file.origin.file for file in document.files}
        yield from (made.origin.file for made in one.components.values() if made.origin)


def _left_out(bundle: Bundle) -> Iterator[str]:
    """References that the bundle has nothing of."""
    for one in within(bundle):
        lists = one.repository
        led_to = one.components.keys() | one.configurations.keys()
        refs = dict.fromkeys(entry.ref for entry in (*lists.code, *lists.install, *lists.service))
        yield from (ref for ref in refs if ref not in led_to)


def _only(whole: Report, files: Sequence[Path], *, complete: bool) -> Report:
    """What a project's report says of some files; those that the project does not read are checked alone."""
    wanted = {file.resolve() for file in files}
    places = {name: (whole.root / name).resolve() for name in _names(whole)}
    told = [item for item in whole.told if item.origin is None or places[item.origin.file] in wanted]
    known = set(places.values())
    others = [file for file in files if complete and file.resolve() not in known]
    alone = _alone(whole.root, others, _not_read)
    names = [name for name in whole.files if places[name] in wanted]
    return structs.replace(whole, told=(*told, *alone.told), files=(*names, *alone.files))


def _names(report: Report) -> set[str]:
    return {item.origin.file for item in report.told if item.origin} | set(report.files)


def _alone(root: Path, files: Sequence[Path], warn: Callable[[str, str | None], Diagnostic | None]) -> Report:
    """Files of no project: only what each says by itself can be checked."""
    found = Diagnostics()
    reader = Files(root, found)
    checked = []
    for file in files:
        name, data = reader.shown(file), reader.read(file, None)
        if data is None:
            continue
        kind = recognise.kind_of(data, name)
        warning = warn(name, kind)
        found.extend([warning] if warning else [])
        if kind is not None:
            checked.append(name)
            found.extend(recognise.read(kind, data, name, partial(reader.source, file)))
    return Report(root, tuple(found), tuple(checked))


def _no_document(name: str, kind: str | None) -> Diagnostic | None:
    if kind is not None:
        return None
    detail = "Nothing was checked in it. Its name, its keys or a modeline say what a document is."
    return Diagnostic(Severity.WARNING, "not-read", f"{name} is no document that Ramify knows", detail)


def _not_read(name: str, kind: str | None) -> Diagnostic:
    detail = f"It was checked alone, as a {kind}." if kind else "Nothing was checked in it."
    return Diagnostic(Severity.WARNING, "not-read", f"{name} is not read by the project", detail)
