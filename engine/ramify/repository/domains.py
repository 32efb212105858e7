"""The server of a domain, asked for its bundle and its packs (`ramify repo serve`; HPL 5.6).

Used by whoever plans a domain: on the operator's machine, and, where only an initiator can reach the server,
by that. So it needs nothing but what initiators have, and goes without proxies.
"""

from graphlib import CycleError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from ramify.compile import merging, mounts
from ramify.model import bundle as bundles
from ramify.model.bundle import Bundle, UnusableBundleError
from ramify.model.diagnostics import Diagnostics, Origin
from ramify.model.hierarchy import Domain
from ramify.repository.artifacts import MAX_TOTAL
from ramify.repository.partials import held
from ramify.repository.store import Store
from ramify.repository.transfers import Limits, Request, TransferError, Validators
from ramify.stub import artifacts, layout
from ramify.stub.wire import StubError

if TYPE_CHECKING:
    from ramify.repository.downloads import Downloads

MAX_BUNDLE = 64 << 20


def bundle_url(server: str) -> str:
    """Where a server has its project's bundle."""
    return f"{server.rstrip('/')}/bundle"


def pack_url(server: str, digest: str) -> str:
    """Where a server has a pack."""
    return f"{server.rstrip('/')}/packs/{digest}"


def fetch_bundle(server: str, known: str = "", limits: Limits | None = None) -> bytes | None:
    """Ask a server for its project's bundle; None if it is the one with the known digest. Blocks.

    Raises:
        TransferError: it cannot be had.
        OSError: it cannot be kept here.
    """
    request = Request(bundle_url(server), MAX_BUNDLE, Validators(f'"{known}"') if known else Validators())
    with TemporaryDirectory(prefix="ramify-") as folder:
        file = Path(folder) / "bundle"
        with held(file) as partial:
            received = _downloads(limits).fetch(request, partial)
        return None if received is None else file.read_bytes()


def fetch_pack(
    server: str, digest: str, store: Store, limits: Limits | None = None, downloads: "Downloads | None" = None
) -> Path:
    """Bring a pack of a server's bundle into a store, going on where an earlier attempt broke off; blocks.

    `downloads` is another way to ask than directly.

    Raises:
        TransferError: it cannot be had, or holds something else.
        OSError: it cannot be kept here.
    """
    target = store.path(digest)
    if store.has(digest):
        return target
    store.folder.mkdir(parents=True, exist_ok=True)
    file = target.with_name(f"{digest}.web")
    with held(file) as partial:
        if store.has(digest):  # somebody else had it in hand
            partial.restart()
            return target
        url = pack_url(server, digest)
        (downloads or _downloads(limits)).fetch(Request(url, MAX_TOTAL), partial)
        try:
            artifacts.verify(layout.Root(str(store.folder)), digest, str(file))
        except StubError as error:
            partial.restart()
            raise TransferError("bad-bundle", f"{url} holds something else: {error}") from error
        file.replace(target)
    return target


def opened(data: bytes, server: str) -> Bundle:
    """The bundle that a server sent, its names checked once more; its files are told as those of the server.

    Raises:
        UnusableBundleError: nothing can be planned from it.
    """
    bundle = bundles.decode(data, bundles.digest(data))
    found = Diagnostics()
    try:
        for one in bundles.within(bundle):
            merging.check_merged(merging.merge_templates(one.hierarchy, found), found)
    except CycleError as error:
        raise UnusableBundleError(f"{server} has templates that go in a circle") from error
    except ValueError as error:  # a range, which counts nodes before their names are looked at
        raise UnusableBundleError(f"{server} has {error}") from error
    wrong = next(iter(found), None)
    if wrong is not None:
        raise UnusableBundleError(f"{server} has {wrong.summary}")
    placed: Bundle = _placed(bundle, server.rstrip("/") + "/")
    return placed


def _placed(value: Any, server: str) -> Any:
    """A value with the places in it where they are as seen from here."""
    if isinstance(value, Origin):
        return value if "://" in value.file else structs.replace(value, file=server + value.file)
    if isinstance(value, Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        moved = {name: _placed(one, server) for name, one in fields.items()}
        changed = {name: one for name, one in moved.items() if one is not fields[name]}
        return structs.replace(value, **changed) if changed else value
    if isinstance(value, dict):
        return {key: _placed(one, server) for key, one in value.items()} if value else value
    if isinstance(value, tuple):
        return tuple(_placed(one, server) for one in value) if value else value
    return value


def servers(bundle: Bundle) -> dict[str, str]:
    """Which server has which pack: those of the domains that were planned here, by the packs' digests."""
    found: dict[str, str] = {}
    for domain, inner in _served(bundle):
        for one in bundles.within(inner):
            found |= {made.artifact: domain.server for made in one.components.values()}
    return found


def _served(bundle: Bundle) -> list[tuple[Domain, Bundle]]:
    return [
        (domain, one.domains[domain.key])
        for one in bundles.within(bundle)
        for domain in mounts.everywhere(one.hierarchy)
        if domain.server and domain.key in one.domains
    ]


def _downloads(limits: Limits | None) -> "Downloads":
    # Whoever only reads what is here asks nobody.
    from ramify.repository.direct import DirectConnections  # noqa: PLC0415
    from ramify.repository.downloads import Downloads  # noqa: PLC0415

    limits = limits or Limits()
    return Downloads(limits, connections=DirectConnections(limits))
