"""A trail of several tenants, and keys to seal it with."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_django import Settings

from tests import servers
from tests.logins import as_login
from tradewise.secrets.signing import ensure_signing_keys

LEFT = "SELECT count(*) FROM audit_logs WHERE xact >= coalesce((SELECT max(xact_to) FROM audit_rounds), 0)"


@pytest.fixture(autouse=True)
def audit_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Path:
    """A fresh pair of keys, and files of this test's own."""
    directory = tmp_path / "audit-keys"
    ensure_signing_keys(directory)
    monkeypatch.setenv("AUDIT_SIGNING_KEY_FILE", str(directory / "audit.key"))
    monkeypatch.setenv("AUDIT_PUBLIC_KEYS_FILE", str(directory / "audit.pub"))
    settings.AUDIT_HEAD_FILE = str(tmp_path / "head" / "head.json")
    settings.AUDIT_ARCHIVE_DIRECTORY = str(tmp_path / "archive")
    return directory


@pytest.fixture
def superuser() -> Iterator[psycopg.Connection[Any]]:
    """Somebody who may do everything to the database."""
    with psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=True) as connection:
        yield connection


def seal_now() -> int:
    """As the worker does every few seconds, until all that is finished here is sealed; how many entries those were.

    A transaction of a test that runs beside this one, in another database of the server, keeps it waiting.
    """
    from audit import sealing

    sealed = 0
    deadline = time.monotonic() + 120
    with as_login("tw_worker"):
        while True:
            sealed += sealing.seal()
            with psycopg.connect(servers.admin_dsn(servers.process_database())) as connection:
                row = connection.execute(LEFT).fetchone()
            if row == (0,):
                return sealed
            assert time.monotonic() < deadline, "a transaction stays open"
            time.sleep(0.1)
