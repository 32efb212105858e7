import time
from pathlib import Path

import pytest

from ramify.model.component import Component
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.repository.components import Components
from ramify.repository.files import Files
from ramify.repository.stamps import Index
from ramify.repository.store import Store
from ramify.repository.targets import Target
from unit.repository import packs
from unit.repository.projects import references

ORIGIN = Origin("repository.yml", 2, 5)


class Place:
    """A folder of components, and what reading them gives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found = Diagnostics()
        self.store = Store(folder / ".ramify" / "packs")
        self.clock = time.time_ns

    def write(self, name: str, text: str = "#!/bin/sh\n", mode: int = 0o755) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(mode)

    def read(self, name: str) -> Component | None:
        files = Files(self.folder, self.found)
        index = Index(self.folder / ".ramify/artifacts.json")
        reader = Components(files, references(files, self.folder), self.store, index, self.clock)
        component = reader.read(name, Target(name, self.folder / name), ORIGIN)
        index.save()
        return component

    def good(self, name: str) -> Component:
        component = self.read(name)
        assert [str(item) for item in self.found] == []
        assert component is not None
        return component

    def told(self, name: str) -> list[str]:
        assert self.read(name) is None
        return [str(item) for item in self.found]

    def files(self, component: Component) -> dict[str, tuple[int, bytes]]:
        return packs.read(self.store.path(component.artifact).read_bytes(), component.artifact)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_manifest_says_how_its_folder_is_run(place: Place) -> None:
    place.write("agent/component.yml", "install: ./setup --all\nstart: {main: [run, -v]}\ngrace: 1\n")
    place.write("agent/setup")
    place.write("agent/run")

    component = place.good("agent")

    assert component.name == "agent"
    assert component.install == ("./setup", "--all")
    assert component.start == {"main": ("run", "-v")}
    assert component.grace == 1
    assert set(place.files(component)) == {"setup", "run"}


def test_a_manifest_without_start_is_of_a_component_that_runs_nothing(place: Place) -> None:
    place.write("agent/component.yml", "install: ./setup\n")
    place.write("agent/setup")

    component = place.good("agent")

    assert (component.start, component.start_from) == (None, "manifest")


def test_a_file_called_start_needs_no_words_about_it(place: Place) -> None:
    place.write("agent/component.yml", "description: an agent\n")
    place.write("agent/start")

    assert place.good("agent").start == {"service": ("start",)}


def test_a_folder_without_a_manifest_is_run_by_the_names_of_its_files(place: Place) -> None:
    place.write("agent/install", mode=0o644)
    place.write("agent/start", mode=0o644)
    place.write("agent/uninstall")

    component = place.good("agent")

    assert (component.install, component.uninstall) == (("install",), ("uninstall",))
    assert component.start == {"service": ("start",)}
    assert {mode for mode, _ in place.files(component).values()} == {0o755}


def test_without_start_the_installer_prints_the_command(place: Place) -> None:
    place.write("agent/install")
    place.write("agent/data.txt", mode=0o644)

    component = place.good("agent")

    assert (component.start, component.start_from) == (None, "installer")


def test_a_single_file_is_started_by_its_format(place: Place) -> None:
    place.write("agent.py", "print()\n")
    place.write("folder/agent.sh", "sleep 1\n")

    for component in (place.good("agent.py"), place.good("folder")):
        assert (component.start, component.start_from) == (None, "format")
    assert place.files(place.good("agent.py")) == {"agent.py": (0o755, b"print()\n")}


def test_a_format_that_says_nothing_is_told(place: Place) -> None:
    place.write("agent.txt", "hello\n")

    assert place.told("agent.txt") == [
        "repository.yml:2:5: error[unknown-format]: cannot tell how to start agent.txt"
    ]


def test_a_folder_that_says_nothing_is_told(place: Place) -> None:
    place.write("agent/one.txt")
    place.write("agent/two.txt")

    assert place.told("agent") == [
        "repository.yml:2:5: error[no-start]: nothing in agent says how its service starts"
    ]


def test_extends_merges_words_and_files_and_the_nearer_wins(place: Place) -> None:
    place.write(
        "base/component.yml", "start: {a: [run, base], b: [run]}\nparameters: {X: {default: 1}}\ngrace: 3\n"
    )
    place.write("base/run", "#!base\n")
    place.write("base/lib/common.sh", "base\n")
    place.write("middle/component.yml", "extends: ../base\nparameters: {Y: {}}\n")
    place.write("near/component.yml", "extends: ../middle\nstart: {a: [run, near]}\n")
    place.write("near/run", "#!near\n")

    component = place.good("near")

    assert component.start == {"a": ("run", "near"), "b": ("run",)}
    assert (component.name, component.grace, set(component.parameters)) == ("near", 3, {"X", "Y"})
    assert {name: data for name, (_, data) in place.files(component).items()} == {
        "run": b"#!near\n",
        "lib/common.sh": b"base\n",
    }


def test_components_that_extend_each_other_are_told_once(place: Place) -> None:
    place.write("a/component.yml", "extends: ../b\n")
    place.write("b/component.yml", "extends: ../a\n")

    assert place.told("a") == [
        "b/component.yml:1:1: error[extends-cycle]: components extend each other: a -> b -> a"
    ]


def test_a_chain_without_end_is_told(place: Place) -> None:
    for number in range(20):
        place.write(f"c{number}/component.yml", f"extends: ../c{number + 1}\n")

    assert "error[too-deep]" in place.told("c0")[0]


@pytest.mark.parametrize(("ref", "code"), [("../absent", "missing-file"), ("../file", "bad-extends")])
def test_what_cannot_be_extended_is_told_at_the_word(place: Place, ref: str, code: str) -> None:
    place.write("a/component.yml", f"name: a\nextends: {ref}\n")
    place.write("file")

    (line,) = place.told("a")

    assert line.startswith(f"a/component.yml:2:1: error[{code}]")


def test_a_broken_manifest_is_told_in_its_own_file(place: Place) -> None:
    place.write("agent/component.yml", "strat: x\n")

    assert place.told("agent")[0].startswith("agent/component.yml:1:1: error[unknown-key]")


def test_programs_are_looked_for_among_the_files(place: Place) -> None:
    place.write("a/component.yml", "install: ./instal\nstart: [run]\nuninstall: [rm, -rf, /opt/x]\n")
    place.write("a/install")
    place.write("a/run", mode=0o644)

    assert place.told("a") == [
        'a/component.yml:1:1: error[missing-file]: "instal" of "install" is not among the component\'s files',
        'a/component.yml:2:1: error[not-executable]: "run" of "start" is not executable',
    ]


@pytest.mark.parametrize("start", ["sleep", "/usr/bin/env", "{runtime}/run.py", "{data}/x", "python3"])
def test_programs_of_the_host_are_not(place: Place, start: str) -> None:
    place.write("a/component.yml", f"start: ['{start}', x]\n")

    assert place.good("a").start == {"service": (start, "x")}


def test_an_installer_may_make_the_program(place: Place) -> None:
    place.write("a/component.yml", "install: ./make\nstart: ['{code}/bin/made']\n")
    place.write("a/make")

    assert place.good("a").start == {"service": ("{code}/bin/made",)}


def test_a_file_that_no_artifact_may_have_is_told_at_the_entry(place: Place) -> None:
    place.write("a/start")
    (place.folder / "a/link").symlink_to("/etc/passwd")

    (line,) = place.told("a")

    assert line.startswith("repository.yml:2:5: error[artifact-link]")


def test_files_that_rested_are_not_read_again(place: Place) -> None:
    place.write("a/start", "#!one\n")
    place.write("b/start", "#!two\n")
    place.clock = lambda: time.time_ns() + 3600 * 10**9
    first, other = place.good("a"), place.good("b")
    # An index that lies shows that nobody looks at the files.
    index = place.folder / ".ramify/artifacts.json"
    index.write_text(index.read_text().replace(first.artifact, other.artifact))

    assert place.good("a").artifact == other.artifact


def test_files_that_changed_just_now_are_read_again(place: Place) -> None:
    place.write("a/start", "#!one\n")
    place.good("a")

    assert not (place.folder / ".ramify/artifacts.json").exists()


def test_a_change_is_seen_whatever_the_index_says(place: Place) -> None:
    place.clock = lambda: time.time_ns() + 3600 * 10**9
    place.write("a/start", "#!one\n")
    first = place.good("a")
    place.write("a/start", "#!two\n")

    assert place.good("a").artifact != first.artifact


def test_a_pack_that_is_gone_is_made_again(place: Place) -> None:
    place.clock = lambda: time.time_ns() + 3600 * 10**9
    place.write("a/start")
    first = place.good("a")
    place.store.path(first.artifact).unlink()

    assert place.good("a") == first
    assert place.store.has(first.artifact)
