"""Configuration documents: `env`, `args` and `files`, in YAML here and in XML as HPL Figure 3 has it."""

from ramify.documents import settings
from ramify.documents.inventory import sourced
from ramify.documents.node import Node
from ramify.documents.reading import read_yaml
from ramify.documents.text import Source, looks_like_xml, no_source
from ramify.documents.vaulted import Vaulted
from ramify.model.configuration import Configuration, FileSetting, Setting
from ramify.model.diagnostics import Diagnostics, Origin


def read(
    text: str | bytes, file: str, ref: str = "", source: Source = no_source
) -> tuple[Configuration | None, Diagnostics]:
    """Read a configuration document that `ref` leads to; `source` gives the texts of files it names."""
    if looks_like_xml(text, file):
        from ramify.documents import configuration_xml  # noqa: PLC0415 - lxml only for those who use XML

        return configuration_xml.read(text, file, ref)

    def build(root: Node, found: Diagnostics) -> Configuration:
        files = root["files"]
        made = Configuration(
            ref=ref,
            env=_env(root["env"]),
            args=tuple(_argument(node) for node in root["args"].elements),
            files=tuple(_file((name, files.key(name)), node, source, found) for name, node in files.items()),
        )
        settings.check(made, found)
        return made

    return read_yaml(text, file, "configuration", build, Vaulted("env", "args", "files"))


def _env(node: Node) -> tuple[Setting, ...]:
    return tuple(Setting(name, value.written, node.key(name)) for name, value in node.items())


def _argument(node: Node) -> Setting:
    if isinstance(node.value, dict):
        return Setting(node["name"].text, node["value"].written, node.origin)
    return Setting("", node.written, node.origin)


def _file(label: tuple[str, Origin], node: Node, source: Source, found: Diagnostics) -> FileSetting:
    name, origin = label
    if not isinstance(node.value, dict):
        return FileSetting(name, node.written, origin)
    content = node["content"].written
    if ("content" in node) == ("source" in node):
        summary = f'file "{name}" has ' + (
            "both content and source" if "source" in node else "neither content nor source"
        )
        found.error("bad-value", summary, "Give its text, or the path of a file that has it.", origin)
    elif "source" in node:
        content = sourced(node["source"], source, found)
    place = node["mode"]
    mode = (
        settings.mode(place.written, place.origin, found) if "mode" in node and place.raw else settings.MODE
    )
    return FileSetting(name, content, origin, mode)
