"""As `tw_app`, in plain SQL without any filter of ours: another tenant's rows are not there.

Every table with a tenant's data × every command × the context of somebody else, of nobody, an empty one and
garbage.
"""

import uuid
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import pytest
from psycopg import sql

from tests import servers
from tests.isolation.rows import ROWS
from tradewise.tenancy import inspection

#: A session belongs to whoever holds its key, so it has no tenant to forge or to bind.
OF_A_TENANT = [table for table in ROWS if table != "django_session"]


class Victim(NamedTuple):
    """Whose rows are there to be stolen."""

    tenant: uuid.UUID
    number: int
    canary: str


@pytest.fixture(scope="module")
def scratch(django_db_setup: None) -> Iterator[str]:
    """A database of its own: the rows are committed, as they are in earnest."""
    name = f"{servers.process_database()}_isolation"
    servers.build_database(name)
    yield name
    servers.drop_database(name)


@pytest.fixture(scope="module")
def victims(scratch: str) -> list[Victim]:
    """Two tenants with one row in each table."""
    people = [Victim(uuid.uuid4(), 101, "canaryalpha"), Victim(uuid.uuid4(), 202, "canarybeta")]
    with psycopg.connect(servers.admin_dsn(scratch)) as connection:
        for victim in people:
            for statement in ROWS.values():
                connection.execute(statement.format(**victim._asdict()))
    return people


def contexts(victims: list[Victim]) -> dict[str, str | None]:
    return {
        "another tenant": str(victims[1].tenant),
        "an unknown tenant": str(uuid.uuid4()),
        "empty": "",
        "unset": None,
    }


@pytest.fixture
def site(scratch: str) -> Iterator[psycopg.Connection]:
    """A connection of the trader site's login."""
    with psycopg.connect(servers.dsn("tw_app", scratch), autocommit=True) as connection:
        yield connection


def enter(connection: psycopg.Connection, tenant: str | None) -> None:
    if tenant is not None:
        connection.execute(sql.SQL("SET LOCAL app.tenant_id = {}").format(sql.Literal(tenant)))


def owner_column(table: str) -> str:
    return inspection.OTHER_COLUMNS.get(table, "tenant_id")


def whose(table: str, victim: Victim) -> str:
    return victim.canary if table == "django_session" else str(victim.tenant)


def attempts(table: str, victim: Victim) -> list[sql.Composed]:
    """Everything that could show, change, delete or forge the victim's row."""
    name, column = sql.Identifier(table), sql.Identifier(owner_column(table))
    key = sql.Literal(whose(table, victim))
    return [
        sql.SQL("SELECT * FROM {} WHERE {} = {}").format(name, column, key),
        sql.SQL("SELECT * FROM {} t WHERE t::text LIKE '%{}%'").format(name, sql.SQL(victim.canary)),
        sql.SQL("SELECT * FROM {} WHERE {} = {} FOR UPDATE").format(name, column, key),
        sql.SQL("UPDATE {} SET {} = {} WHERE {} = {} RETURNING *").format(name, column, column, column, key),
        sql.SQL("DELETE FROM {} WHERE {} = {} RETURNING *").format(name, column, key),
        sql.SQL("WITH t AS (DELETE FROM {} RETURNING *) SELECT * FROM t WHERE {} = {}").format(
            name, column, key
        ),
    ]


def test_every_table_with_a_tenants_data_has_a_row_to_steal(django_db_blocker: object, db: None) -> None:
    parents = {name for name, is_partition in inspection.tenant_tables().items() if not is_partition}
    assert parents == set(ROWS)


@pytest.mark.parametrize("table", ROWS)
def test_nothing_of_another_tenants_is_seen_or_changed(
    site: psycopg.Connection, victims: list[Victim], table: str
) -> None:
    for tenant in contexts(victims).values():
        for attempt in attempts(table, victims[0]):
            try:
                with site.transaction(force_rollback=True):
                    enter(site, tenant)
                    rows = site.execute(attempt).fetchall()
            except psycopg.errors.InsufficientPrivilege:
                continue
            assert rows == [], attempt.as_string(site)


@pytest.mark.parametrize("table", OF_A_TENANT)
def test_a_row_for_another_tenant_cannot_be_forged(
    site: psycopg.Connection, victims: list[Victim], table: str
) -> None:
    forged = {"tenant": victims[0].tenant, "number": 101, "canary": "forged"}
    for tenant in contexts(victims).values():
        with pytest.raises(psycopg.errors.InsufficientPrivilege), site.transaction(force_rollback=True):
            enter(site, tenant)
            site.execute(ROWS[table].format(**forged))


@pytest.mark.parametrize("table", OF_A_TENANT)
def test_ones_own_row_cannot_be_moved_to_another_tenant(
    site: psycopg.Connection, victims: list[Victim], table: str
) -> None:
    name, column = sql.Identifier(table), sql.Identifier(owner_column(table))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), site.transaction(force_rollback=True):
        enter(site, str(victims[1].tenant))
        site.execute(
            sql.SQL("UPDATE {} SET {} = {}").format(name, column, sql.Literal(str(victims[0].tenant)))
        )


@pytest.mark.parametrize("table", OF_A_TENANT)
def test_garbage_is_no_tenant_and_shows_nothing(
    site: psycopg.Connection, victims: list[Victim], table: str
) -> None:
    with (
        pytest.raises((psycopg.errors.InvalidTextRepresentation, psycopg.errors.InsufficientPrivilege)),
        site.transaction(force_rollback=True),
    ):
        enter(site, "' OR true --")
        site.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(table)))


@pytest.mark.parametrize("table", ROWS)
def test_the_site_cannot_truncate_copy_in_or_switch_security_off(
    site: psycopg.Connection, victims: list[Victim], table: str
) -> None:
    for statement in (
        "TRUNCATE {}",
        "COPY {} FROM '/etc/hostname'",
        "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
        "DROP TABLE {}",
        "CREATE INDEX ON {} (1)",
    ):
        with pytest.raises(psycopg.Error), site.transaction(force_rollback=True):
            site.execute(sql.SQL(statement).format(sql.Identifier(table)))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), site.transaction(force_rollback=True):
        site.execute("SET LOCAL row_security = off")
        site.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(table)))


def test_the_site_sees_its_own_rows(site: psycopg.Connection, victims: list[Victim]) -> None:
    """Otherwise the tests above would pass on empty tables."""
    for table in ("users", "bots", "bot_figures", "bot_samples", "bot_templates", "subscriptions"):
        with site.transaction():
            enter(site, str(victims[0].tenant))
            count = site.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        assert count == (1,), table


def test_a_reference_to_another_tenants_bot_is_refused(
    site: psycopg.Connection, victims: list[Victim]
) -> None:
    own = victims[1]
    with pytest.raises(psycopg.errors.ForeignKeyViolation), site.transaction(force_rollback=True):
        enter(site, str(own.tenant))
        site.execute(
            "INSERT INTO subscriptions (tenant_id, user_id, bot_id, template_id, status, cancelled_at) "
            "VALUES (%s, %s, %s, %s, 'cancelled', now())",
            [own.tenant, own.number, victims[0].number, own.number],
        )


@pytest.mark.parametrize("role", ["tw_staff", "tw_worker", "tw_owner", "tw_migrator", "tw_admin"])
def test_the_site_cannot_become_another_role(site: psycopg.Connection, role: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))


def test_staff_see_no_secret_column(scratch: str, victims: list[Victim]) -> None:
    with psycopg.connect(servers.dsn("tw_staff", scratch), autocommit=True) as staff:
        assert staff.execute("SELECT count(*) FROM bots").fetchone() == (2,)
        for statement in (
            "SELECT api_token FROM bots",
            "SELECT * FROM bots",
            "SELECT payload FROM outbox_messages",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                staff.execute(statement)
        assert staff.execute("SELECT hashed_password FROM users").fetchall() == []


def test_the_worker_writes_health_and_nothing_of_the_traders(scratch: str, victims: list[Victim]) -> None:
    with psycopg.connect(servers.dsn("tw_worker", scratch), autocommit=True) as worker:
        assert worker.execute("UPDATE bots SET health = 'ok'").rowcount == 2
        for statement in (
            "UPDATE bots SET api_token = NULL",
            "UPDATE bots SET tenant_id = tenant_id",
            "DELETE FROM bots",
            "UPDATE bot_trades SET profit = 0",
            "DELETE FROM bot_samples",
            "UPDATE bot_events SET sentence = ''",
            "SELECT email FROM users",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                worker.execute(statement)
