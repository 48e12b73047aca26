"""Every month has its partition in time, and an entry of one that has none is kept all the same."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from audit import tasks
from tests import servers
from tests.audit import sealed as prepared
from tests.audit.sealed import change, is_clean, one, seal_together, verify
from tests.logins import as_login

pytestmark = pytest.mark.django_db(transaction=True)
no_entry, traders, hacker = prepared.no_entry, prepared.traders, prepared.hacker  # fixtures
Superuser = psycopg.Connection[Any]


def month(ahead: int) -> str:
    """As partitions are named."""
    today = datetime.now(UTC)
    index = today.year * 12 + today.month - 1 + ahead
    return f"{index // 12}{index % 12 + 1:02}"


@pytest.fixture
def mended(superuser: Superuser) -> Iterator[None]:
    """What a test dropped is there again."""
    yield
    superuser.execute("SET session_replication_role = replica; TRUNCATE audit_logs; TRUNCATE audit_seals")
    superuser.execute(
        "SET session_replication_role = origin; SET ROLE tw_owner; SELECT audit_keep_partitions(3)"
    )


def drop(superuser: Superuser, *names: str) -> None:
    """Where a month has begun since the database was made, the last one is not there yet."""
    superuser.execute(f"DROP TABLE IF EXISTS {', '.join(names)}")


def keep() -> None:
    """As the worker does every day."""
    with as_login("tw_worker"):
        tasks.keep_partitions()


def made(superuser: Superuser) -> list[Any]:
    rows = superuser.execute(
        """SELECT tenant_id::text, actor, new_values -> 'made' FROM audit_logs
           WHERE action = 'partitions.keep' ORDER BY id"""
    ).fetchall()
    assert {row[:2] for row in rows} <= {("00000000-0000-0000-0000-000000000000", "tw_worker")}
    return [names for *_, names in rows]


def test_months_that_are_missing_are_made_and_that_is_told_once(superuser, mended, no_entry, caplog):
    missing = [f"audit_logs_{month(2)}", f"audit_logs_{month(3)}", f"audit_seals_{month(3)}"]
    drop(superuser, *missing)
    keep()
    assert all(one(superuser, "SELECT to_regclass(%s) IS NOT NULL", name) for name in missing)
    assert made(superuser) == [missing]
    keep()
    assert made(superuser) == [missing]
    assert caplog.text == ""


def test_where_all_are_there_nothing_is_made_and_nothing_told(superuser, no_entry, caplog):
    keep()
    assert made(superuser) == []
    assert caplog.text == ""


def test_a_month_that_was_made_is_guarded_and_closed_like_the_others(superuser, mended, no_entry):
    names = [f"audit_logs_{month(3)}", f"audit_seals_{month(3)}"]
    drop(superuser, *names)
    keep()
    for name in names:
        row = superuser.execute(
            """SELECT relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner),
                   array(SELECT tgname::text FROM pg_trigger WHERE tgrelid = c.oid AND tgenabled = 'O'
                         AND tgname LIKE 'audit%%' ORDER BY 1),
                   array(SELECT l FROM unnest(ARRAY['tw_app', 'tw_staff', 'tw_worker', 'tw_audit']) l
                         WHERE has_any_column_privilege(l, oid, 'SELECT, INSERT, UPDATE')),
                   has_table_privilege('tw_owner', oid, 'INSERT') OR has_table_privilege('tw_owner', oid, 'DELETE')
                       OR has_table_privilege('tw_owner', oid, 'TRUNCATE')
               FROM pg_class c WHERE relname = %s""",
            [name],
        ).fetchone()
        assert row == (True, True, "tw_owner", ["audit_not_emptied", "audit_only_added_to"], [], False), name
    assert is_clean(verify())


def test_an_entry_that_finds_no_month_is_kept_in_the_last_table_and_sealed(
    hacker, mended, traders, superuser
):
    """As in a month for which nobody made room: the trader's change goes through."""
    this = month(0)
    hacker.execute(f"CREATE TEMPORARY TABLE kept AS SELECT * FROM audit_logs_{this}")
    hacker.execute(f"DROP TABLE audit_logs_{this}; INSERT INTO audit_logs SELECT * FROM kept")
    change(traders[0], "Without a month")
    assert one(superuser, "SELECT count(*) FROM audit_logs_rest") == 10
    assert seal_together() == 1
    said = verify()
    assert is_clean(said)
    assert "10 entries" in said.out


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_month_whose_entries_lie_in_the_last_table_raises_the_alarm(hacker, mended, traders, caplog, ahead):
    hacker.execute(f"DROP TABLE audit_logs_{month(ahead)}, audit_logs_{month(3)}")
    hacker.execute(
        """INSERT INTO audit_logs (tenant_id, actor, action, resource_type, created_at)
           VALUES (gen_random_uuid(), 'x', 'x', 'x', now() + %s * interval '1 month')""",
        [ahead],
    )
    keep()
    (record,) = caplog.records
    assert record.levelname == "CRITICAL"
    text = f"{month(ahead)[:4]}-{month(ahead)[4:]}"
    assert record.getMessage().startswith(f"The audit trail has no partition audit_logs for {text}: ")
    assert "audit_logs_rest" in record.getMessage()
    # The others are made all the same.
    assert made(hacker) == [[f"audit_logs_{month(3)}"]]
    assert one(hacker, "SELECT count(*) FROM audit_logs_rest WHERE action = 'x'") == 1


def test_a_missing_month_of_seals_raises_the_alarm_too(hacker, mended, caplog):
    """They could not be archived with their entries."""
    hacker.execute(f"DROP TABLE audit_seals_{month(1)}")
    hacker.execute(
        """INSERT INTO audit_seals VALUES (gen_random_uuid(), (date_trunc('month', now()) + interval '1 month')::date,
           1, 9, 1, convert_to(repeat('x', 40), 'UTF8'), '', '', 'k', '')"""
    )
    keep()
    assert "no partition audit_seals for" in caplog.text


def test_a_month_is_made_another_time_where_the_trail_is_in_use(superuser, mended, no_entry, caplog):
    """Who waits for the trail holds up every change behind it, so the worker waits two seconds and no more."""
    drop(superuser, f"audit_logs_{month(3)}")
    reader = psycopg.connect(servers.dsn("tw_backup", servers.process_database()))
    reader.execute("SELECT count(*) FROM audit_logs")
    working = threading.Thread(target=keep)
    working.start()
    working.join(timeout=10)
    is_over = not working.is_alive()
    reader.close()
    working.join()
    assert is_over
    assert made(superuser) == []
    assert caplog.text == ""
    keep()
    assert made(superuser) == [[f"audit_logs_{month(3)}"]]


def test_no_number_of_months_out_of_reason_is_made(superuser, no_entry):
    for ahead in (0, -1, 25, 10_000):
        with pytest.raises(psycopg.errors.RaiseException, match="between 1 and 24"):
            superuser.execute("SELECT audit_keep_partitions(%s)", [ahead])
