"""Files that are sent: opened only while they are what was read."""

import os
import stat

from ramify.repository.folders import stamp
from ramify.repository.serve_respond import Part


def open_part(part: Part) -> int | None:
    """The file of a part, if it is still the one that was read."""
    content = part.content
    try:
        opened = os.open(str(content.source), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    found = os.fstat(opened)
    same = not content.stamp or content.stamp == stamp(found)
    if stat.S_ISREG(found.st_mode) and found.st_size == content.size and same:
        return opened
    os.close(opened)
    return None
