"""The agent of the monitoring demo: real figures of its host, sent to its parent every INTERVAL seconds.

Who it is and whom it reports to, it learns from its environment: RAMIFY_PATH, RAMIFY_PARENT_ADDRESS.
"""

import http.client
import json
import os
import sys
import time


def measure():
    """Load of the last minute, used memory and disk in percent."""
    with open("/proc/loadavg") as file:
        load = float(file.read().split()[0])
    with open("/proc/meminfo") as file:
        memory = {line.split(":")[0]: int(line.split()[1]) for line in file}
    disk = os.statvfs("/")
    return {
        "load": load,
        "memory": round(100 * (1 - memory["MemAvailable"] / memory["MemTotal"]), 1),
        "disk": round(100 * (1 - disk.f_bavail / disk.f_blocks), 1),
    }


def report(address, port, path):
    """Tell the parent; it may not be up yet, or be restarting: the next report comes soon."""
    body = json.dumps({"path": path, "nodes": 1, "leaves": {path: measure()}})
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("POST", "/report", body, {"Content-Type": "application/json"})
        connection.getresponse().read()
    except OSError as error:
        print(f"cannot report to {address}:{port}: {error}", file=sys.stderr, flush=True)
    finally:
        connection.close()


def main():
    """Report for ever."""
    environ = os.environ
    while True:
        report(environ["RAMIFY_PARENT_ADDRESS"], int(environ["PARENT_PORT"]), environ["RAMIFY_PATH"])
        time.sleep(float(environ["INTERVAL"]))


if __name__ == "__main__":
    main()
