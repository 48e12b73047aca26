"""A database in which two traders have a trail, and a connection of every login that may try its hand at it."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
import pytest

from tests import servers

THIS_MONTH = f"{datetime.now(UTC):%Y%m}"
SERVING = ("tw_app", "tw_staff", "tw_worker")
LOGINS = (*SERVING, "tw_migrator")
PARENTS = ("audit_logs", "audit_seals", "audit_rounds", "audit_archives")
FILLED = (
    *PARENTS,
    *("audit_logs_rest", "audit_seals_rest"),
    *(f"audit_logs_{THIS_MONTH}", f"audit_seals_{THIS_MONTH}"),
)
Connection = psycopg.Connection[Any]


class Trader(NamedTuple):
    """Whose entries are there to be read or changed."""

    tenant: uuid.UUID
    number: int


ALICE, MALLORY = Trader(uuid.UUID(int=0xA11CE), 101), Trader(uuid.UUID(int=0xBAD), 202)

SEAL = """
INSERT INTO audit_seals VALUES ('{tenant}', '{month}', 1, 1, 1, convert_to(repeat('x', 40), 'UTF8'), '', '', 'k', '')
"""
OF_EACH = (
    """INSERT INTO users (id, email, hashed_password, tenant_id)
       VALUES ({number}, '{number}@example.com', 'x', '{tenant}')""",
    """INSERT INTO bots (id, bot_id, tenant_id, bot_type, api_url)
       VALUES ({number}, 'bot-{number}', '{tenant}', 'external', 'https://{number}.example.com')""",
    """INSERT INTO audit_logs (tenant_id, actor, action, resource_type, created_at)
       VALUES ('{tenant}', '{number}', 'of.former.times', 'bot', '2020-01-01')""",
    SEAL.replace("{month}", "2020-01-01"),
    SEAL.replace("{month}", f"{datetime.now(UTC):%Y-%m}-01"),
)
OF_ALL = (
    "INSERT INTO audit_rounds VALUES (1, 0, 5, '{}', now(), '', '', 'k', '')",
    "INSERT INTO audit_archives VALUES ('2019-01-01', 1, 1, 'f', '', now(), 'k', '')",
)


@pytest.fixture(scope="module")
def scratch(django_db_setup: None) -> Iterator[str]:
    """Two traders with entries in this month and in the last table, with seals, a round and an archive."""
    name = f"{servers.process_database()}_append_only"
    servers.build_database(name)
    with psycopg.connect(servers.admin_dsn(name)) as connection:
        for trader in (ALICE, MALLORY):
            for statement in OF_EACH:
                connection.execute(statement.format(**trader._asdict()))
        for statement in OF_ALL:
            connection.execute(statement)
    yield name
    servers.drop_database(name)


@pytest.fixture(scope="module")
def connections(scratch: str) -> Iterator[dict[str, Connection]]:
    """One of each login."""
    opened = {
        login: psycopg.connect(servers.dsn(login, scratch), autocommit=True, prepare_threshold=None)
        for login in (*LOGINS, "tw_admin")
    }
    yield opened
    for each in opened.values():
        each.close()


As = Callable[[str], Connection]


@pytest.fixture
def as_login(connections: dict[str, Connection]) -> As:
    """Somebody who just came: nothing is set."""

    def come(login: str) -> Connection:
        connections[login].execute("DISCARD ALL")
        connections[login].execute("RESET ROLE")  # the migrator is the owner again
        return connections[login]

    return come


@pytest.fixture
def superuser(as_login: As) -> Connection:
    return as_login("tw_admin")


@pytest.fixture
def unchanged(superuser: Connection) -> Iterator[None]:
    """Whatever is tried in the test, every table of the trail is as it was."""
    before = everything(superuser)
    assert all(before[table] for table in FILLED), "there is nothing to change"
    yield
    assert everything(superuser) == before


def everything(superuser: Connection) -> dict[str, list[Any]]:
    every = " UNION ALL ".join(f"SELECT '{table}', t::text FROM {table} t" for table in tables(superuser))
    found: dict[str, list[Any]] = defaultdict(list)
    for table, row in superuser.execute(f"{every} ORDER BY 1, 2").fetchall():
        found[table].append(row)
    return found


def tables(superuser: Connection) -> list[str]:
    """The trail, and each of its partitions."""
    rows = superuser.execute(
        """SELECT relname FROM pg_class WHERE relname ~ '^audit_(logs|seals|rounds|archives)'
           AND relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1"""
    ).fetchall()
    return [name for (name,) in rows]


def key_of(table: str) -> str:
    return {"r": "number", "a": "month", "l": "tenant_id", "s": "tenant_id"}[table.split("_")[1][0]]


CHANGES = {
    "number": "number = number + 1",
    "month": "month = month + 1",
    "tenant_id": "tenant_id = '00000000-0000-0000-0000-000000000bad'",
}
#: Every way to a row that is there, or to one that was not.
WAYS = {
    "insert": "INSERT INTO {table} SELECT * FROM {table}",
    "insert a row of defaults": "INSERT INTO {table} DEFAULT VALUES",
    "update": "UPDATE {table} SET {change}",
    "update by a condition": "UPDATE {table} SET {change} WHERE {key} IS NOT NULL RETURNING *",
    "delete": "DELETE FROM {table}",
    "delete in another query": "WITH gone AS (DELETE FROM {table} RETURNING *) SELECT * FROM gone",
    "merge": "MERGE INTO {table} t USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE",
    "truncate": "TRUNCATE {table} CASCADE",
    "copy from the client": "COPY {table} FROM STDIN",
    "copy from a file": "COPY {table} FROM '/etc/hostname'",
    "copy from a program": "COPY {table} FROM PROGRAM 'true'",
    "lock": "SELECT * FROM {table} FOR UPDATE",
}


#: What is refused to the owner by policies, which show it no row, and not for want of the right.
LEFT_TO_POLICIES = ("update", "update by a condition", "lock")


def attempt(connection: Connection, statement: str) -> int:
    """How many rows that touched."""
    with connection.cursor() as cursor:
        if "STDIN" in statement:
            with cursor.copy(statement):
                return 1
        cursor.execute(statement)
        return len(cursor.fetchall()) if cursor.description else cursor.rowcount
