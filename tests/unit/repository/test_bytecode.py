import marshal
import os
import subprocess
import sys
from pathlib import Path

from ramify.repository.artifacts import PLAIN, ArtifactFile
from ramify.repository.bytecode import compiled

SOURCE = b"def f(x):\n    return x in {'a', 'b', 'c'}\n\nNAMES = ('f', 'x', 1.5)\n"


def test_python_takes_the_cache_and_does_not_look_at_the_source(tmp_path: Path) -> None:
    (cache,) = compiled([ArtifactFile("m.py", PLAIN, b"print('from the cache')\n")])
    assert isinstance(cache.source, bytes)
    (tmp_path / cache.name).parent.mkdir()
    (tmp_path / cache.name).write_bytes(cache.source)
    (tmp_path / "m.py").write_text("print('from the source')\n")

    run = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import m"]

    assert subprocess.run(run, capture_output=True, check=True, text=True).stdout == "from the cache\n"


def test_every_process_compiles_the_same_bytes() -> None:
    script = (
        "import hashlib\n"
        "from ramify.repository.artifacts import ArtifactFile\n"
        "from ramify.repository.bytecode import compiled\n"
        f"cache, = compiled([ArtifactFile('p/m.py', 0o644, {SOURCE!r})])\n"
        "print(hashlib.sha256(cache.source).hexdigest())\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(seen) == 1


def test_the_code_names_no_place_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_bytes(SOURCE)
    (cache,) = compiled([ArtifactFile("p/m.py", PLAIN, tmp_path / "m.py")])
    assert isinstance(cache.source, bytes)

    assert cache.name == f"p/__pycache__/m.{sys.implementation.cache_tag}.pyc"
    assert marshal.loads(cache.source[16:]).co_filename == "p/m.py"
    assert str(tmp_path).encode() not in cache.source


def test_a_template_that_is_no_python_has_no_cache() -> None:
    assert compiled([ArtifactFile("t.py", PLAIN, b"{% if %}"), ArtifactFile("x.txt", PLAIN, b"")]) == []
