"""Bytecode beside sources, as Python itself would cache it, but the same bytes on every machine.

The caches are of the *unchecked* kind: Python takes them without comparing times, which differ on each host.
"""

import marshal
import sys
from collections.abc import Iterable
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

from ramify.repository.artifacts import PLAIN, ArtifactFile

_UNCHECKED = (1).to_bytes(4, "little")

# Newer formats mark the objects that happened to be shared while compiling, which differs from run to run;
# this one does not. Slices are constants from 3.14 on, and only a newer format holds those.
_MARSHAL = 2 if sys.version_info < (3, 14) else marshal.version


def compiled(files: Iterable[ArtifactFile]) -> list[ArtifactFile]:
    """The caches of all Python files for the Python that this runs on."""
    return [cache for file in files if file.name.endswith(".py") and (cache := _compiled(file))]


def _compiled(file: ArtifactFile) -> ArtifactFile | None:
    source = file.source.read_bytes() if isinstance(file.source, Path) else file.source
    try:
        # The name is corrected when the cache is loaded: it need not be where the file will lie.
        code = compile(source, file.name, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError):
        return None  # a template, or code for another Python: it says so itself when it is imported
    folder, _, name = file.name.rpartition("/")
    cached = f"__pycache__/{name.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc"
    data = MAGIC_NUMBER + _UNCHECKED + source_hash(source) + marshal.dumps(code, _MARSHAL)
    return ArtifactFile(f"{folder}/{cached}" if folder else cached, PLAIN, data)
