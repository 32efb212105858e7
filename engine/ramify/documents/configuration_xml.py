"""Configuration documents in XML (HPL Figure 3), with `files` added."""

from ramify.documents import settings
from ramify.documents.element import Element
from ramify.documents.reading import finish
from ramify.documents.xml import parse
from ramify.model.configuration import Configuration, FileSetting, Setting
from ramify.model.diagnostics import Diagnostics


def read(text: str | bytes, file: str, ref: str = "") -> tuple[Configuration | None, Diagnostics]:
    """Read a configuration document that `ref` leads to."""
    found = Diagnostics()
    root = parse(text, file, "configuration", found)
    if root is None:
        return None, found
    made = Configuration(
        ref=ref,
        env=_settings(root, "env", found),
        args=_settings(root, "arg", found),
        files=tuple(_file(element, found) for part in root.named("files") for element in part.named("file")),
    )
    settings.check(made, found)
    return finish(made, found)


def _settings(root: Element, tag: str, found: Diagnostics) -> tuple[Setting, ...]:
    elements = [element for part in root.named(f"{tag}-params") for element in part.named(tag)]
    made = tuple(
        Setting(element.attributes.get("name", ""), element.attributes.get("value", ""), element.origin)
        for element in elements
        if tag == "arg" or element.attributes.get("name")
    )
    if tag == "env":
        _tell_twice(made, found)
    return made


def _tell_twice(made: tuple[Setting, ...], found: Diagnostics) -> None:
    seen: dict[str, Setting] = {}
    for setting in made:
        first = seen.setdefault(setting.name, setting)
        if first is not setting:
            way_out = f"The first one stands in line {first.origin.line}: remove one of them."
            found.error(
                "duplicate-key", f'variable "{setting.name}" stands twice here', way_out, setting.origin
            )


def _file(element: Element, found: Diagnostics) -> FileSetting:
    said = element.attributes.get("mode")
    mode = settings.MODE if said is None else settings.mode(said, element.place("mode"), found)
    return FileSetting(element.attributes.get("name", "unnamed"), element.text, element.origin, mode)
