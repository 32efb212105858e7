"""A small project in a folder, for the tests to break in one place each."""

from collections.abc import Sequence
from pathlib import Path

from ramify.model.diagnostics import Diagnostic
from ramify.repository.blobs import Blobs
from ramify.repository.files import Files
from ramify.repository.pins import Ledger, Locking
from ramify.repository.project import Loaded, load
from ramify.repository.references import References
from ramify.repository.remote import Remote
from ramify.repository.stamps import Index
from ramify.repository.sums import Sums
from ramify.repository.web import Web

FILES = {
    "ramify.yml": (
        "project: acme\nhierarchy: hierarchy.yml\ninventory: inventories/all.yml\n"
        "repository: repositories/repository.yml\ncollections: [collections]\n"
    ),
    "hierarchy.yml": "tree:\n  region[1-2]:\n    children: {app: {}}\n",
    "inventories/all.yml": (
        "known_hosts: known_hosts\nhosts:\n  gw: {address: 10.0.0.1}\n"
        "placements:\n  - {match: '/**', host: gw}\n"
    ),
    "inventories/known_hosts": "10.0.0.1 ssh-ed25519 AAAA\n",
    "repositories/repository.yml": (
        "code:\n"
        "  - {match: '/*', ref: 'collection:acme.base.gateway'}\n"
        "  - {match: '/*/app', ref: agent}\n"
        "install-config:\n  - {match: '/**', ref: config/install.yml}\n"
        "service-config:\n  - {match: '/**', ref: config/agent.yml}\n"
    ),
    "repositories/agent/start": "#!/bin/sh\nexec sleep 1000\n",
    "repositories/config/install.yml": "env: {TARGET: /opt}\n",
    "repositories/config/agent.yml": "args: [--verbose]\nfiles:\n  motd: {source: motd.txt}\n",
    "repositories/config/motd.txt": "welcome\n",
    "collections/acme/base/gateway/component.yml": "name: gateway\nstart: ['{python}', gateway.py]\n",
    "collections/acme/base/gateway/gateway.py": "print('here')\n",
}


def write(folder: Path, **changed: str | None) -> Path:
    """The project, with other texts for some files; None leaves one out. Keys are paths, `/` as `__`."""
    texts: dict[str, str | None] = {**FILES, **{_path(key): text for key, text in changed.items()}}
    for name, text in texts.items():
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    return folder


def _path(key: str) -> str:
    return next(
        (name for name in FILES if name.replace("/", "__").replace(".", "_") == key), key.replace("__", "/")
    )


def references(files: Files, folder: Path, collections: Sequence[Path] = ()) -> References:
    """References of documents in a folder, without a lock."""
    ledger = Ledger(None, Locking.USE, files.found)
    web = Web(Blobs(folder / ".ramify/http", Sums(Index(folder / ".ramify/artifacts.json"))))
    return References(files, collections, Remote(files, web, ledger), folder)


def told(loaded: Loaded) -> list[str]:
    """The problems, as a user reads them."""
    assert (loaded.bundle is None) == loaded.diagnostics.failed
    return [str(item) for item in loaded.diagnostics]


def only(folder: Path) -> Diagnostic:
    """The one problem of a project."""
    loaded = load(folder)
    assert len(told(loaded)) == 1, told(loaded)
    return next(iter(loaded.diagnostics))
