"""Serve a snapshot: `serve.py SNAPSHOT ADDRESS PORT [lib]`; with `lib` by the server that is in it."""

import os
import sys


def main(snapshot, address, port, *own):
    """Serve until SIGTERM."""
    folder = os.path.abspath(snapshot)
    if own:
        check(folder)
        sys.path.insert(0, os.path.join(folder, "lib"))
    import asyncio
    from pathlib import Path

    from ramify.repository.serve_server import serve
    from ramify.repository.serve_snapshot import load

    place = address, int(port)
    asyncio.run(serve(lambda: load(Path(folder)), place, (log, log), lambda urls: log(" ".join(urls))))


def check(folder):
    """End with a way out where the snapshot's server cannot run."""
    here = "%s %s %s\n" % (sys.implementation.cache_tag, sys.platform, os.uname().machine)
    try:
        with open(os.path.join(folder, "lib", "kind")) as file:
            made = file.read()
    except OSError:
        sys.exit("there is no snapshot in %s: `ramify repo snapshot FOLDER` makes one" % folder)
    if made != here:
        words = made.strip(), here.strip()
        sys.exit("the snapshot was made for %s, and this is %s: set RAMIFY_INTERPRETER" % words)


def log(line):
    """Tell it in the service's log."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
