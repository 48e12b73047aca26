from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewise.secrets import keyring


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a fresh pair of keys, which this process uses."""
    directory = tmp_path / "keys"
    keyring.ensure_keys(directory)
    monkeypatch.delenv("SEAL_PUBLIC_KEY", raising=False)
    monkeypatch.delenv("SEAL_PRIVATE_KEYS", raising=False)
    monkeypatch.setenv("SEAL_PUBLIC_KEY_FILE", str(directory / "seal.pub"))
    monkeypatch.setenv("SEAL_PRIVATE_KEY_FILE", str(directory / "seal.key"))
    keyring.forget()
    yield directory
    keyring.forget()
