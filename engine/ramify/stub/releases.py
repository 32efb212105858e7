"""Releases of one node: built beside each other, switched by one rename, the last three kept.

Going back to a kept one is that rename and nothing else: its installer is not run again.


releases/<n>/code/            the artifact's files, and what the installer made of them
releases/<n>/orders/<k>/      an order and its configuration files; never changed once it is in use
releases/<n>/now              -> orders/<k>: a new configuration is one rename, and code/ stays as it is
releases/<n>/config           -> now/config
releases/<n>/order.json       -> now/order.json
current                       -> releases/<n>
"""

from __future__ import annotations

import os

from ramify.stub import artifacts, files, orders
from ramify.stub.wire import INTERNAL, StubError, decode, encode, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from ramify.stub import layout
    from ramify.stub.journal import Record

KEEP = 3
_FOLDERS = ("data", "run", "log")


def folder(node: str, number: int) -> str:
    """The folder of a release."""
    return f"{node}/releases/{number}"


def build(root: layout.Root, node: str, record: Record, order: orders.Order) -> None:
    """Begin a new release: its code unpacked, no order yet. What an earlier attempt left goes first."""
    for name in _FOLDERS:
        files.make_folder(f"{node}/{name}")
    number = record["serial"] + 1
    release = folder(node, number)
    files.remove_tree(release)
    files.make_folder(release)
    for digest in sorted(set(order["shared"].values())):
        artifacts.place_tree(root, digest)
    _place_code(root, order["code"], f"{release}/code")
    os.symlink("now/config", f"{release}/config")
    os.symlink("now/order.json", f"{release}/order.json")
    record["serial"] = number
    record["artifacts"][str(number)] = orders.needs(order)
    _work_on(node, record, number, order)


def _work_on(node: str, record: Record, number: int, order: orders.Order) -> None:
    """Have the environment be at a release; one under construction that is not gone on with goes."""
    abandoned = record["building"]
    record["building"] = number
    record["code"] = orders.code(order)
    if abandoned not in (0, number) and not is_installed(record, abandoned):
        files.remove_tree(folder(node, abandoned))
        record["artifacts"].pop(str(abandoned), None)


def is_installed(record: Record, number: int) -> bool:
    """Whether the installer of a release has succeeded: it can be switched to as it is."""
    return str(number) in record["installed"]


def take_up(root: layout.Root, node: str, record: Record, order: orders.Order) -> bool:
    """Go back to a release whose installer has made just what the order wants, if one is kept, undamaged.

    Not to the current one while nothing leads away from it: who asks for that wants it installed anew.
    """
    current = record["release"]
    if current and _has(folder(node, current), order) and not _leaves(node, record, order):
        return False
    for number in reversed(list(record["installed"])):
        release = folder(node, int(number))
        if _has(release, order) and not _is_damaged(root, order, release):
            for digest in sorted(set(order["shared"].values())):
                artifacts.place_tree(root, digest)
            _work_on(node, record, int(number), order)
            return True
    return False


def _has(release: str, order: orders.Order) -> bool:
    """Whether the environment of a release is that of an order."""
    try:
        return orders.installed(order_of(release)) == orders.installed(order)
    except (StubError, KeyError):  # there is no order yet, or one of an earlier form
        return False


def _leaves(node: str, record: Record, order: orders.Order) -> bool:
    """Whether the release under construction is for another environment."""
    number = record["building"]
    return bool(number) and number == record["attempted"] and not _has(folder(node, number), order)


def is_ready(node: str, record: Record, order: orders.Order) -> bool:
    """Whether what is worked on can be given an order: a fresh release, or one that has what it wants."""
    number = record["building"]
    if not number:
        return False
    if is_installed(record, number):
        return _has(folder(node, number), order)
    return bool(number != record["attempted"]) and os.path.exists(f"{folder(node, number)}/code")


def _place_code(root: layout.Root, code: orders.Order, target: str) -> None:
    if code["artifact"] is None:
        os.mkdir(target, 0o700)
    elif code["share"]:
        os.symlink(artifacts.place_tree(root, code["artifact"]), target)
    else:
        artifacts.unpack(root, code["artifact"], target)


def configure(release: str, order: orders.Order, keep: int = 0) -> str:
    """Give a release an order: written completely, then switched to by one rename; its sum as it lies there.

    The same order is written anew, too: its files may have been edited. One more than the last is kept.
    """
    data = encode(order)
    number = configuration(release)
    place = f"{release}/orders/{number + 1}"
    files.remove_tree(place)
    files.make_folder(f"{place}/config")
    for file in orders.files(order):
        _write(f"{place}/config", file)
    files.replace(f"{place}/order.json", data)
    switch(f"{release}/now", f"orders/{number + 1}")
    for old in os.listdir(f"{release}/orders"):
        if int(old) not in (number, number + 1, keep):
            files.remove_tree(f"{release}/orders/{old}")
    return str(files.hasher()(data).hexdigest())


def wanted_back(record: Record) -> int:
    """The number of the order that a change which is not confirmed may go back to."""
    pending = record["pending"]
    return int(pending["back"]["config"]) if pending is not None else 0


def configuration(release: str) -> int:
    """The number of the order that a release has."""
    try:
        return int(os.readlink(f"{release}/now").rpartition("/")[2])
    except FileNotFoundError:
        return 0


def _write(place: str, file: orders.Order) -> None:
    """A configuration file; one of the service's replaces one of the installer's of the same name."""
    target = f"{place}/{file['name']}"
    files.make_folder(os.path.dirname(target))
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fchmod(descriptor, file["mode"])  # first: what was there may be readable by others
        write_all(descriptor, orders.data(file))
    finally:
        os.close(descriptor)


def switch(link: str, target: str) -> None:
    """Point a link elsewhere, at once."""
    temporary = f"{link}.tmp"
    files.remove_tree(temporary)
    os.symlink(target, temporary)
    os.rename(temporary, link)
    files.sync_folder(os.path.dirname(link))


def order_of(release: str) -> orders.Order:
    """The order that a release has.

    Raises:
        StubError: it cannot be read.
    """
    try:
        order: orders.Order = decode(files.read(f"{release}/order.json"))
    except (OSError, ValueError) as error:
        raise StubError(INTERNAL, f"cannot read the order of {release}: {error}") from None
    return order


def make_current(node: str, record: Record) -> None:
    """Switch to the release that was built."""
    number = record["building"]
    switch(f"{node}/current", f"releases/{number}")
    record["release"] = number
    record["building"] = 0
    record["installed"].pop(str(number), None)
    record["installed"][str(number)] = record["line"]


def restore_current(node: str, record: Record) -> None:
    """Point `current` at the release that the journal names, should a killed stub have got ahead of it."""
    wanted = f"releases/{record['release']}"
    try:
        found = os.readlink(f"{node}/current")
    except FileNotFoundError:
        return
    if record["release"] and found != wanted:
        switch(f"{node}/current", wanted)
    elif found != wanted:
        os.unlink(f"{node}/current")


def prune(node: str, record: Record) -> bool:
    """Remove all but the releases that were switched to last; whether artifacts may have become unused."""
    wanted = {int(number) for number in list(record["installed"])[-KEEP:]} | {record["building"]}
    if record["pending"] is not None:
        wanted.add(record["pending"]["back"]["release"])
    dropped = [number for number in map(int, record["artifacts"]) if number not in wanted]
    for number in dropped:
        files.remove_tree(folder(node, number))
        del record["artifacts"][str(number)]
        record["installed"].pop(str(number), None)
    return bool(dropped)


def at(node: str, record: Record) -> Optional[str]:
    """The release that the environment is at: the one being built, else the current one."""
    number = record["building"] or record["release"]
    return folder(node, number) if number else None


def _is_damaged(root: layout.Root, order: orders.Order, release: str) -> bool:
    """Whether its code is not as its installer left it."""
    digest = order["code"]["artifact"]
    if not digest:
        return False
    manifests: Any = __import__("ramify.stub.manifests", fromlist=["differing"])
    manifest = manifests.read(root, digest)
    return manifest is None or any(
        manifests.differing(manifest, f"{release}/code", manifests.made_in(release), modes=False)
    )
