"""Drift: what of a node's current release is not any more as it was put there.

Names begin with what they belong to: `config/` and `order.json` are the order's, `code/` is the node's own
artifact, any other word a shared one, and `packs/` what they are unpacked from. Files beside these are not
looked at: installers and services may write what they like.
"""

from __future__ import annotations

import os
import stat

from ramify.stub import artifacts, files, manifests, orders, releases, tables
from ramify.stub.manifests import EDITED, MODE, REMOVED
from ramify.stub.wire import StubError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List

    from ramify.stub import layout
    from ramify.stub.journal import Record

    Drift = Dict[str, Any]

MOST = 20  # of each kind; how many others there are is told
MOST_TEXT = 8 << 10
OTHERS = "others"


def found(root: layout.Root, node: str, record: Record) -> List[Drift]:
    """What is found otherwise than it was put there; nothing of a node that does not rest installed."""
    if record["environment"] != tables.INSTALLED or record["building"] or record["open"]:
        return []
    release = releases.folder(node, record["release"])
    drifts = list(_current(node, record))
    try:
        data = files.read(f"{release}/order.json")
        order = releases.order_of(release)
    except (OSError, StubError):
        return [*drifts, _drift("order.json", REMOVED)]
    if record["order"] and files.hasher()(data).hexdigest() != record["order"]:
        # Not even their digests: an order may have secrets in it, and short ones can be guessed from these.
        return [*drifts, _drift("order.json", EDITED)]
    changed = list(_config(release, order))
    drifts += _bounded("config/", [_veiled(one) for one in changed] if order.get("secret") else changed)
    drifts += _bounded("code/", list(_code(root, release, record, order)))
    for place, digest in sorted(order["shared"].items()):
        drifts += _bounded(f"{place}/", list(_shared(root, place, digest)))
    return drifts


def _drift(name: str, how: str, expected: str = "", actual: str = "") -> Drift:
    return {"name": name, "how": how, "expected": expected, "actual": actual}


def _veiled(drift: Drift) -> Drift:
    """What may be told of a file that may have secrets in it: short ones are guessed from digests."""
    return drift if drift["how"] == MODE else _drift(drift["name"], drift["how"])


def _bounded(place: str, drifts: List[Drift]) -> List[Drift]:
    if len(drifts) <= MOST:
        return drifts
    return [*drifts[:MOST], _drift(place, OTHERS, actual=str(len(drifts) - MOST))]


def _current(node: str, record: Record) -> Iterator[Drift]:
    wanted = f"releases/{record['release']}"
    try:
        link = os.readlink(f"{node}/current")
    except OSError:
        yield _drift("current", REMOVED, wanted)
        return
    if link != wanted:
        yield _drift("current", EDITED, wanted, link)


def _config(release: str, order: orders.Order) -> Iterator[Drift]:
    wanted = {file["name"]: file for file in orders.files(order)}
    for name in sorted(wanted):
        yield from _file(f"{release}/config/{name}", f"config/{name}", wanted[name])


def _file(place: str, name: str, file: orders.Order) -> Iterator[Drift]:
    expected = orders.data(file)
    try:
        status = os.lstat(place)
        actual = files.read(place) if stat.S_ISREG(status.st_mode) else b""
    except (FileNotFoundError, NotADirectoryError):
        yield dict(_drift(name, REMOVED, _sum(expected)), **_texts(expected, b""))
        return
    except OSError:  # nobody may read it any more
        yield _drift(name, EDITED, _sum(expected))
        return
    mode = stat.S_IMODE(status.st_mode)
    if actual != expected or not stat.S_ISREG(status.st_mode):
        yield dict(_drift(name, EDITED, _sum(expected), _sum(actual)), **_texts(expected, actual))
    elif mode != file["mode"]:
        yield _drift(name, MODE, f"{file['mode']:04o}", f"{mode:04o}")


def _sum(data: bytes) -> str:
    return str(files.hasher(len(data))(data).hexdigest())


def _texts(expected: bytes, actual: bytes) -> Drift:
    """Both texts of a small file, for whoever has to decide about the edit."""
    if max(len(expected), len(actual)) > MOST_TEXT or b"\0" in expected + actual:
        return {}
    try:
        return {"expected_text": expected.decode("utf-8"), "actual_text": actual.decode("utf-8")}
    except UnicodeDecodeError:
        return {}


def _code(root: layout.Root, release: str, record: Record, order: orders.Order) -> Iterator[Drift]:
    digest = record["code"]["artifact"] if record["code"] else None
    if not digest:
        return
    manifest = manifests.read(root, digest)
    if manifest is None:
        yield _drift(f"packs/{digest}", REMOVED, digest)
        return
    # Of code that says itself how it starts the one file was made executable by us.
    modes = order["service"]["start_from"] != "format"
    for found in manifests.differing(manifest, f"{release}/code", manifests.made_in(release), modes):
        yield _drift(f"code/{found[0]}", *found[1:])


def _shared(root: layout.Root, place: str, digest: str) -> Iterator[Drift]:
    manifest = manifests.read(root, digest)
    if manifest is None:
        yield _drift(f"packs/{digest}", REMOVED, digest)
        return
    suspect = False
    for found in manifests.differing(manifest, f"{root.trees}/{digest}", {}):
        suspect = True
        yield _drift(f"{place}/{found[0]}", *found[1:])
    if suspect:
        artifacts.suspect_tree(root, digest)
