"""A month of long ago in the trail, for tests of archives."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from accounts.models import User
from tests.audit import sealed as prepared
from tests.audit.sealed import Said, change, one, run, seal_together
from tests.logins import as_login

no_entry, traders, hacker = prepared.no_entry, prepared.traders, prepared.hacker  # fixtures
Superuser = psycopg.Connection[Any]
Lines = list[str]

LONG_AGO = (date(2024, 2, 1), date(2024, 3, 1))
#: What `audit_keep_partitions` does for the months to come.
MAKE = """
SET ROLE tw_owner;
CREATE TABLE audit_logs_{part} PARTITION OF audit_logs FOR VALUES FROM ('{month} UTC') TO ('{next} UTC');
CREATE TABLE audit_seals_{part} PARTITION OF audit_seals FOR VALUES FROM ('{month}') TO ('{next}');
SELECT audit_close('audit_logs_{part}'), audit_close('audit_seals_{part}');
RESET ROLE;
"""
FEBRUARY = "audit_logs_202402"


@pytest.fixture
def old(no_entry: None, hacker: Superuser, traders: list[User]) -> Iterator[Superuser]:
    """In February and March 2024 each trader did three things; the superuser, who could do anything."""
    drop(hacker)
    for month in LONG_AGO:
        following = month.replace(month=month.month + 1)
        hacker.execute(MAKE.format(part=f"{month:%Y%m}", month=month, next=following))
        for turn in range(3):
            for trader in traders:
                change(trader, f"{month:%B} {turn}")
        hacker.execute(
            """UPDATE audit_logs SET created_at = %s::timestamptz + id * interval '1 minute'
               WHERE new_values ->> 'name' ~ %s""",
            [f"{month} 00:00 UTC", f"^{month:%B}"],
        )
        seal_together()
    yield hacker
    drop(hacker)


def drop(hacker: Superuser) -> None:
    for month in LONG_AGO:
        hacker.execute(f"DROP TABLE IF EXISTS audit_logs_{month:%Y%m}, audit_seals_{month:%Y%m}")


def archive(*arguments: Any) -> Said:
    with as_login("tw_migrator"):
        return run("archive_audit", "--older-than", 12, *arguments)


def is_there(superuser: Superuser, table: str = FEBRUARY) -> bool:
    return bool(one(superuser, "SELECT to_regclass(%s) IS NOT NULL", table))


@pytest.fixture
def directory(settings: Any) -> Path:
    return Path(settings.AUDIT_ARCHIVE_DIRECTORY)


@pytest.fixture
def file(directory: Path) -> Path:
    return directory / "audit-2024-02.jsonl.gz"


@pytest.fixture
def archived(old: Superuser, file: Path) -> Path:
    """The file of February."""
    assert archive("--apply").code == 0
    return file
