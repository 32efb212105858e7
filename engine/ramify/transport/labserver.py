"""The lab's one background process: a listener for each host, and a control socket.

Started as `python -P -m ramify.transport.labserver FOLDER READY`, it leaves its parent at once (double fork,
own session) and says on the descriptor READY that it listens to the control socket, or why it cannot. What it
is to listen to it reads from the lab's state file when it is told to `load`; a port that is taken is
told back, so that whoever planned can plan again.
"""

import os
import sys
import traceback
from pathlib import Path


def main(folder: Path, ready: int) -> None:
    """Leave the parent, and serve until told to stop."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir(folder)  # for good: socket addresses are limited to some hundred bytes, folders are not
    from ramify.transport.labhosts import serve  # noqa: PLC0415 - a tenth of a second after the parent left

    try:
        serve(folder, ready)
    except BaseException:  # noqa: BLE001 - the log is all that is left to tell
        traceback.print_exc()
    finally:
        # Not through the interpreter's end: it would kill the processes that sessions left behind.
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
