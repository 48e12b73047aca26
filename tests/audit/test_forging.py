"""Who it was cannot be forged, and another tenant's entries cannot be read, whichever login tries."""

import uuid

import pytest
from psycopg.errors import InsufficientPrivilege

from tests.audit import every_login as prepared
from tests.audit.every_login import (
    ALICE,
    CHANGES,
    LOGINS,
    MALLORY,
    PARENTS,
    THIS_MONTH,
    WAYS,
    attempt,
    key_of,
    tables,
)

scratch, connections, as_login = prepared.scratch, prepared.connections, prepared.as_login  # fixtures
superuser, unchanged = prepared.superuser, prepared.unchanged


FORGED = {
    "tw_app": {"101": "101", "202": "202", "visitor": "visitor"},
    "tw_staff": {"staff:1": "staff:1", "visitor": "visitor"},
    "tw_worker": {},
    "tw_migrator": {"ops:root": "ops:root"},
}
SAID = (
    "staff:1",
    "ops:root",
    "tw_worker",
    "tw_audit",
    "101",
    "202",
    "101\n",
    " 101",
    "1e2",
    "-1",
    "99999999999",
    "visitor",
)


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("login", LOGINS)
def test_who_it_was_cannot_be_forged(as_login, superuser, login, said):
    """Mallory says that somebody else did it. The login is always the true one, and a user is one of the tenant."""
    connection = as_login(login)
    with connection.transaction(force_rollback=True):
        connection.execute(f"SET LOCAL app.tenant_id = '{MALLORY.tenant}'")
        connection.execute("SELECT set_config('app.actor', %s, true)", [said])
        connection.execute("SELECT audit_event('forged', 'x', NULL, NULL, NULL)")
        # The worker and the site see their own tenant's, which is what they wrote.
        row = connection.execute(
            "SELECT tenant_id, actor, user_id, login FROM audit_logs WHERE action = 'forged'"
        ).fetchone()
    user = MALLORY.number if (login, said) == ("tw_app", "202") else None
    assert row == (MALLORY.tenant, FORGED[login].get(said, login), user, login)


def test_a_change_of_a_row_cannot_be_put_on_somebody_else_either(as_login):
    site = as_login("tw_app")
    with site.transaction(force_rollback=True):
        site.execute(f"SET LOCAL app.tenant_id = '{MALLORY.tenant}'")
        for said in SAID:
            site.execute("SELECT set_config('app.actor', %s, true)", [said])
            site.execute("UPDATE bots SET name = %s", [repr(said)])
        rows = site.execute(
            "SELECT new_values ->> 'name', actor, user_id, login FROM audit_logs WHERE action = 'bot.change'"
        ).fetchall()
    assert sorted(rows) == sorted(
        (repr(said), FORGED["tw_app"].get(said, "tw_app"), 202 if said == "202" else None, "tw_app")
        for said in SAID
    )


@pytest.mark.parametrize("column", ["id", "created_at", "login", "xact"])
def test_not_even_the_writer_of_the_trail_chooses_what_the_database_says(as_login, unchanged, column):
    value = {"id": "1", "created_at": "'2020-01-01'", "login": "'tw_app'", "xact": "1"}[column]
    connection = as_login("tw_migrator")
    connection.execute("SET ROLE tw_audit")
    with pytest.raises(InsufficientPrivilege):
        connection.execute(
            f"INSERT INTO audit_logs (tenant_id, actor, action, resource_type, {column})"
            f" VALUES ('{ALICE.tenant}', 'x', 'x', 'x', {value})"
        )


def test_the_writer_of_the_trail_can_add_and_no_more_and_stands_in_the_entry(as_login, superuser, unchanged):
    """The migrator may become `tw_audit`, to hand functions over. What it then writes says so."""
    connection = as_login("tw_migrator")
    connection.execute("SET ROLE tw_audit")
    for table in tables(superuser):
        for way in ("update", "delete", "merge", "truncate", "lock"):
            with pytest.raises(InsufficientPrivilege):
                attempt(
                    connection,
                    WAYS[way].format(table=table, key=key_of(table), change=CHANGES[key_of(table)]),
                )
    for table in ("bots", "users"):
        for statement in (f"ALTER TABLE {table} DISABLE TRIGGER ALL", f"DELETE FROM {table}"):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement)
    with pytest.raises(InsufficientPrivilege):
        connection.execute(
            f"INSERT INTO audit_logs_{THIS_MONTH} (tenant_id, actor, action, resource_type)"
            f" VALUES ('{ALICE.tenant}', 'x', 'x', 'x')"
        )
    with connection.transaction(force_rollback=True):
        connection.execute(
            "INSERT INTO audit_logs (tenant_id, user_id, actor, action, resource_type)"
            f" VALUES ('{ALICE.tenant}', 101, '101', 'forged', 'bot')"
        )
        row = connection.execute(
            """SELECT login, xact = audit_xact(pg_current_xact_id()), created_at = now()
               FROM audit_logs WHERE action = 'forged'"""
        ).fetchone()
    assert row == ("tw_migrator", True, True)


READS = (
    "SELECT * FROM audit_logs WHERE tenant_id = '{tenant}'",
    "SELECT * FROM audit_logs t WHERE t::text LIKE '%{number}%' AND tenant_id <> app_current_tenant()",
    "SELECT * FROM audit_logs WHERE tenant_id = '{tenant}' OR true ORDER BY (tenant_id = '{tenant}') DESC LIMIT 1",
    "SELECT * FROM audit_seals WHERE tenant_id = '{tenant}'",
)


@pytest.mark.parametrize("context", [str(MALLORY.tenant), str(uuid.UUID(int=7)), "", None])
@pytest.mark.parametrize("login", ["tw_app", "tw_worker", "tw_migrator"])
def test_entries_and_seals_of_another_tenant_are_not_there(as_login, login, context):
    connection = as_login(login)
    if context is not None:
        connection.execute(f"SET app.tenant_id = '{context}'")
    for statement in READS:
        try:
            rows = connection.execute(statement.format(**ALICE._asdict())).fetchall()
        except InsufficientPrivilege:
            assert (login, "audit_seals" in statement) == ("tw_worker", True)
            continue
        assert [row for row in rows if ALICE.tenant in row] == [], statement


@pytest.mark.parametrize("login", ["tw_app", "tw_worker", "tw_migrator"])
def test_ones_own_entries_are_there(as_login, login):
    """Otherwise the test above would pass on empty tables."""
    connection = as_login(login)
    connection.execute(f"SET app.tenant_id = '{ALICE.tenant}'")
    assert connection.execute("SELECT count(*) FROM audit_logs").fetchone()[0] >= 3
    if login != "tw_worker":
        assert connection.execute("SELECT count(*) FROM audit_seals").fetchone() == (2,)


@pytest.mark.parametrize("login", LOGINS)
def test_a_partition_is_not_read_past_the_policies_of_its_parent(as_login, superuser, login):
    partitions = [name for name in tables(superuser) if name not in PARENTS]
    assert len(partitions) >= 10
    connection = as_login(login)
    connection.execute(f"SET app.tenant_id = '{MALLORY.tenant}'")
    for partition in partitions:
        try:
            rows = connection.execute(f"SELECT * FROM {partition}").fetchall()
        except InsufficientPrivilege:
            continue
        assert login == "tw_migrator"
        assert rows == []


@pytest.mark.parametrize("login", LOGINS)
def test_rounds_and_notes_of_archives_are_read_by_no_site(as_login, login):
    connection = as_login(login)
    for table in ("audit_rounds", "audit_archives"):
        try:
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()
        except InsufficientPrivilege:
            continue
        assert login == "tw_migrator"
        assert bool(rows) is (table == "audit_archives")  # whose rows name months and files alone
