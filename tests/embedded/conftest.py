"""Directories of their own for servers, reachable by whoever runs them, ended after each test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewise import embedded


def _end_and_remove(directory: Path) -> None:
    embedded.stop(directory)
    servers = directory / "servers"
    if servers.is_symlink():
        shutil.rmtree(servers.resolve())
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def directory() -> Iterator[Path]:
    """An empty directory with a space in its name, that every user may enter."""
    parent = Path(tempfile.mkdtemp(prefix="trade wise "))
    parent.chmod(0o755)
    yield parent / "var"
    _end_and_remove(parent / "var")
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture
def private_directory() -> Iterator[Path]:
    """An empty directory that only its owner may enter, as below /root."""
    parent = Path(tempfile.mkdtemp(prefix="trade wise private "))
    yield parent / "var"
    _end_and_remove(parent / "var")
    shutil.rmtree(parent, ignore_errors=True)
