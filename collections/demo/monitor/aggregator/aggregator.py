"""The aggregator of the monitoring demo: an HTTP server for its children, a client of its parent.

    POST /report    what a child knows of itself and of all below it
    GET /           what this node knows: itself and all below it
"""

import http.client
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATH = os.environ["RAMIFY_PATH"]
INTERVAL = float(os.environ["INTERVAL"])
FORGET_AFTER = 5 * INTERVAL + 5  # a child that is silent for so long is not shown any more

children = {}
lock = threading.Lock()


def view():
    """This node and all below it, from the latest report of every child."""
    with lock:
        now = time.monotonic()
        reports = [report for heard, report in children.values() if now - heard < FORGET_AFTER]
    leaves = {path: figures for report in reports for path, figures in report["leaves"].items()}
    return {
        "path": PATH,
        "nodes": 1 + sum(report["nodes"] for report in reports),
        "children": len(reports),
        "load": round(max((leaf["load"] for leaf in leaves.values()), default=0.0), 2),
        "memory": round(max((leaf["memory"] for leaf in leaves.values()), default=0.0), 1),
        "disk": round(max((leaf["disk"] for leaf in leaves.values()), default=0.0), 1),
        "leaves": dict(sorted(leaves.items())),
    }


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_POST(self):
        """Take a child's report."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            children[body["path"]] = (time.monotonic(), body)
        self.answer({})

    def do_GET(self):
        """Show what is known."""
        self.answer(view())

    def answer(self, value):
        """Send JSON."""
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Requests are not worth a line each."""


def report_upwards(address, port):
    """Report to the parent for ever."""
    while True:
        connection = http.client.HTTPConnection(address, port, timeout=5)
        try:
            connection.request("POST", "/report", json.dumps(view()), {"Content-Type": "application/json"})
            connection.getresponse().read()
        except OSError as error:
            print(f"cannot report to {address}:{port}: {error}", file=sys.stderr, flush=True)
        finally:
            connection.close()
        time.sleep(INTERVAL)


def main():
    """Serve for ever."""
    server = ThreadingHTTPServer((os.environ["RAMIFY_ADDRESS"], int(os.environ["PORT"])), Handler)
    if os.environ.get("PARENT_PORT"):
        above = (os.environ["RAMIFY_PARENT_ADDRESS"], int(os.environ["PARENT_PORT"]))
        threading.Thread(target=report_upwards, args=above, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
