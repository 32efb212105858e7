"""Hosts for the stub's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.stub.host import Host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A managed host on which nothing has been done; nothing of it may run on after the test."""
    found = Host(tmp_path)
    yield found
    found.clean()
