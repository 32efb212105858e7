"""Checks that configuration documents in YAML and in XML share."""

import re

from ramify.documents.vaulted import is_sealed
from ramify.model.configuration import Configuration, FileSetting, Setting
from ramify.model.diagnostics import Diagnostics, Origin

MODE = 0o600

_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MODE = re.compile(r"0?([0-7]{3})\Z")


def check(configuration: Configuration, found: Diagnostics) -> None:
    """Tell names that no environment holds, files that lead elsewhere, values that no process is given."""
    for setting in configuration.env:
        _check_env(setting, found)
    for setting in (*configuration.env, *configuration.args):
        _check_value(setting.name + setting.value, setting.origin, found)
        _check_sealed(setting.name, setting.value, setting.origin, found)
    seen: dict[str, FileSetting] = {}
    for file in configuration.files:
        _check_file(file, found)
        _check_sealed(file.name, file.content, file.origin, found)
        first = seen.setdefault(file.name, file)
        if first is not file:
            way_out = f"The first one stands in line {first.origin.line}: remove one of them."
            found.error("duplicate-name", f'two files are called "{file.name}"', way_out, file.origin)


def check_env_name(name: str, origin: Origin, found: Diagnostics) -> None:
    """Tell when no environment holds a variable of this name."""
    if not _ENV.match(name):
        way_out = "It has letters, digits and `_`, and does not begin with a digit."
        found.error("bad-name", f'"{name[:80]}" cannot be the name of a variable', way_out, origin)


def _check_env(setting: Setting, found: Diagnostics) -> None:
    check_env_name(setting.name, setting.origin, found)


def _check_value(text: str, origin: Origin, found: Diagnostics) -> None:
    if "\0" in text:
        found.error("bad-value", "no process can be given a NUL character", "Remove it.", origin)


def _check_sealed(name: str, text: str, origin: Origin, found: Diagnostics) -> None:
    """Tell values that would reach hosts as ansible-vault has encrypted them."""
    if is_sealed(text):
        way_out = (
            "Write `!vault |` before it in a YAML document; or name its file in ramify.yml, "
            "`secrets: {NAME: {vault: FILE}}`, and write {{ secrets.NAME }} here."
        )
        found.error("vault-file", f'the text of "{name}" is encrypted by ansible-vault', way_out, origin)


def _check_file(file: FileSetting, found: Diagnostics) -> None:
    steps = file.name.split("/")
    if any(step in {"", ".", ".."} for step in steps) or not file.name.isprintable() or "\\" in file.name:
        way_out = "It is relative, without `.` and `..`: it is written below the node's configuration folder."
        found.error("bad-file-name", f'"{file.name[:80]}" cannot be the name of a file', way_out, file.origin)


def mode(written: str, origin: Origin, found: Diagnostics) -> int:
    """A file's mode from its octal text."""
    match = _MODE.match(written)
    if match:
        return int(match[1], 8)
    found.error(
        "bad-mode", f'"{written[:40]}" is not a mode', 'Write three octal digits, such as "0640".', origin
    )
    return MODE
