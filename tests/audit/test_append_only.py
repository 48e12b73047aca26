"""The trail is only added to: every login tries every way of changing it, and of getting around its guards."""

import re
import uuid

import pytest
from psycopg.errors import FeatureNotSupported, InsufficientPrivilege

from tests.audit import every_login as prepared
from tests.audit.every_login import (
    ALICE,
    CHANGES,
    FILLED,
    LEFT_TO_POLICIES,
    LOGINS,
    SERVING,
    WAYS,
    attempt,
    key_of,
    tables,
)

scratch, connections, as_login = prepared.scratch, prepared.connections, prepared.as_login  # fixtures
superuser, unchanged = prepared.superuser, prepared.unchanged


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("login", SERVING)
def test_a_login_that_serves_may_change_nothing_in_any_way(as_login, superuser, unchanged, login, way):
    connection = as_login(login)
    connection.execute(f"SET app.tenant_id = '{ALICE.tenant}'")
    for table in tables(superuser):
        with pytest.raises(InsufficientPrivilege):
            attempt(
                connection, WAYS[way].format(table=table, key=key_of(table), change=CHANGES[key_of(table)])
            )


@pytest.mark.parametrize("tenant", [ALICE.tenant, uuid.UUID(int=0), ""])
@pytest.mark.parametrize("way", WAYS)
def test_the_owner_changes_nothing_either(as_login, superuser, unchanged, way, tenant):
    """It has the right to update, which closing an account needs, and no policy lets it near a row."""
    connection = as_login("tw_migrator")
    connection.execute(f"SET app.tenant_id = '{tenant}'")
    for table in tables(superuser):
        try:
            touched = attempt(
                connection, WAYS[way].format(table=table, key=key_of(table), change=CHANGES[key_of(table)])
            )
        except InsufficientPrivilege:
            continue
        assert way in LEFT_TO_POLICIES, table
        assert touched == 0, table


@pytest.mark.parametrize("table", FILLED)
@pytest.mark.parametrize("way", [way for way in WAYS if way[:6] in ("update", "delete", "merge", "trunca")])
def test_a_superuser_is_refused_as_well_while_the_triggers_are_on(superuser, unchanged, way, table):
    with pytest.raises(InsufficientPrivilege, match="only added to"):
        attempt(superuser, WAYS[way].format(table=table, key=key_of(table), change=CHANGES[key_of(table)]))


@pytest.mark.parametrize(
    "column",
    [
        "id = id + 1000",
        "tenant_id = gen_random_uuid()",
        "user_id = 202",
        "actor = 'staff:1'",
        "action = 'x'",
        "resource_type = 'x'",
        "resource_id = 'x'",
        "old_values = '{}'",
        "new_values = '{}'",
        "ip_address = '192.0.2.1'",
        "user_agent = 'x'",
        "created_at = created_at - interval '1 second'",
        "created_at = created_at - interval '1 year'",
        "login = 'x'",
        "xact = 1",
        "user_id = NULL, actor = 'x'",
    ],
)
def test_a_superuser_changes_no_column_of_an_entry(superuser, unchanged, column):
    with pytest.raises(InsufficientPrivilege, match="only added to"):
        superuser.execute(f"UPDATE audit_logs SET {column}")


DISARMING = (
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} DISABLE TRIGGER audit_only_added_to",
    "DROP TRIGGER audit_not_emptied ON {table}",
    "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {table} ADD COLUMN x integer",
    "ALTER TABLE {table} RENAME TO another",
    "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "CREATE RULE away AS ON INSERT TO {table} DO INSTEAD NOTHING",
    "CREATE TRIGGER away BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE POLICY wide ON {table} FOR SELECT USING (true)",
    "CREATE INDEX ON {table} ((1))",
    "DROP TABLE {table}",
)


@pytest.mark.parametrize("login", SERVING)
@pytest.mark.parametrize("statement", DISARMING)
def test_a_login_that_serves_cannot_take_the_guards_away(as_login, superuser, unchanged, statement, login):
    connection = as_login(login)
    for table in tables(superuser):
        with pytest.raises(InsufficientPrivilege):
            connection.execute(statement.format(table=table))
    for table in ("bots", "users", "bot_figures"):
        with pytest.raises(InsufficientPrivilege):
            connection.execute(re.sub("audit_[a-z_]+", "audit_changed", statement.format(table=table)))


AROUND = (
    "SET session_replication_role = replica",
    "SET SESSION AUTHORIZATION tw_audit",
    "SELECT setval(pg_get_serial_sequence('audit_logs', 'id'), 1)",
    "SELECT nextval(pg_get_serial_sequence('audit_logs', 'id'))",
    "ALTER SEQUENCE audit_logs_id_seq1 RESTART",
    "ALTER TABLE audit_logs DETACH PARTITION audit_logs_rest",
    "ALTER TABLE bots DISABLE TRIGGER audit_changed",
    "CREATE OR REPLACE FUNCTION audit_xact(x xid8) RETURNS bigint LANGUAGE sql STABLE RETURN 1",
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "ALTER FUNCTION audit_bots() RENAME TO nothing",
    "DROP FUNCTION audit_bots() CASCADE",
    "CREATE TABLE audit_logs_190001 PARTITION OF audit_logs FOR VALUES FROM ('1900-01-01') TO ('1900-02-01')",
    "CREATE TABLE mine (id integer)",
    "CREATE TEMPORARY TABLE mine (id integer)",
    "CREATE SCHEMA mine",
    "LOCK TABLE audit_logs IN EXCLUSIVE MODE",
    "DO $$ BEGIN EXECUTE 'SET LOCAL ROLE tw_audit'; END $$",
)


@pytest.mark.parametrize("login", SERVING)
@pytest.mark.parametrize("statement", AROUND)
def test_a_login_that_serves_finds_no_way_around(as_login, unchanged, statement, login):
    with as_login(login).transaction() as transaction, pytest.raises(InsufficientPrivilege):
        transaction.connection.execute(statement)


@pytest.mark.parametrize("login", SERVING)
@pytest.mark.parametrize(
    "role", ["tw_audit", "tw_owner", "tw_migrator", "tw_catalog", "tw_backup", "tw_admin"]
)
def test_a_login_that_serves_cannot_become_who_writes_the_trail(as_login, login, role):
    connection = as_login(login)
    with pytest.raises(InsufficientPrivilege):
        connection.execute(f"SET ROLE {role}")


def test_security_switched_off_shows_the_site_no_entry_but_an_error(as_login):
    site = as_login("tw_app")
    site.execute("SET row_security = off")
    with pytest.raises(InsufficientPrivilege):
        site.execute("SELECT * FROM audit_logs")


def test_a_trigger_of_the_trail_cannot_be_put_on_a_table_of_ones_own(as_login, superuser):
    """Not even where a table can be made: the functions are nobody's to use."""
    names = superuser.execute(
        """SELECT proname FROM pg_proc WHERE prorettype = 'trigger'::regtype AND proname LIKE 'audit\\_%'"""
    ).fetchall()
    assert len(names) > 10
    with superuser.transaction(force_rollback=True):
        superuser.execute(f"GRANT TEMPORARY ON DATABASE {superuser.info.dbname} TO tw_app")
        superuser.execute("SET LOCAL SESSION AUTHORIZATION tw_app")
        superuser.execute("CREATE TEMPORARY TABLE forgery (LIKE bots)")
        for (name,) in names:
            with pytest.raises(InsufficientPrivilege), superuser.transaction():
                superuser.execute(
                    f"CREATE TRIGGER t AFTER INSERT ON forgery FOR EACH ROW EXECUTE FUNCTION {name}()"
                )


@pytest.mark.parametrize("login", LOGINS)
def test_no_trigger_of_the_trail_can_be_called(as_login, superuser, login):
    names = superuser.execute(
        """SELECT proname FROM pg_proc WHERE prorettype = 'trigger'::regtype AND proname LIKE 'audit\\_%'"""
    ).fetchall()
    connection = as_login(login)
    for (name,) in names:
        with pytest.raises((InsufficientPrivilege, FeatureNotSupported)):
            connection.execute(f"SELECT {name}()")


#: Each function that acts as somebody else than its caller, and who may call it.
OPEN_TO = {
    "audit_event": {"tw_app", "tw_staff", "tw_worker", "tw_migrator"},
    "audit_looked": {"tw_staff"},
    "audit_token_used": {"tw_worker"},
    "audit_unsealed": {"tw_worker"},
    "audit_add_round": {"tw_worker"},
    "audit_keep_partitions": {"tw_worker", "tw_migrator"},
    "audit_add_archive": {"tw_migrator"},
}


def test_each_function_of_the_trail_is_open_to_whom_it_is_for(superuser):
    rows = superuser.execute(
        """SELECT proname, array(SELECT l FROM unnest(%s::text[]) l WHERE has_function_privilege(l, oid, 'EXECUTE'))
           FROM pg_proc WHERE proname LIKE 'audit\\_%%' AND prosecdef AND prorettype <> 'trigger'::regtype""",
        [list(LOGINS)],
    ).fetchall()
    assert {name: set(logins) for name, logins in rows} == OPEN_TO


CALLS = {
    "audit_looked": "audit_looked(ARRAY['{tenant}']::uuid[], 'bot', ARRAY['1'])",
    "audit_token_used": "audit_token_used(ARRAY['{tenant}']::uuid[], ARRAY['1'], ARRAY['x'])",
    "audit_unsealed": "audit_unsealed(1000, 1000)",
    "audit_add_round": "audit_add_round(2, 5, 6, '{{}}', now(), '', '', 'k', '', '[]')",
    "audit_keep_partitions": "audit_keep_partitions(5)",
    "audit_add_archive": "audit_add_archive('2020-01-01', 2, 2, 'f', '', 'k', '')",
    "audit_close": "audit_close('bots')",
}


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("name", CALLS)
def test_a_function_of_the_trail_that_is_for_another_is_refused(as_login, unchanged, name, login):
    if login in OPEN_TO.get(name, {"tw_migrator"}):
        return
    connection = as_login(login)
    with pytest.raises(InsufficientPrivilege):
        connection.execute("SELECT " + CALLS[name].format(tenant=ALICE.tenant))


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("tenant", ["", None])
def test_an_entry_for_nobody_is_refused(as_login, unchanged, login, tenant):
    connection = as_login(login)
    if tenant is not None:
        connection.execute(f"SET app.tenant_id = '{tenant}'")
    with pytest.raises(InsufficientPrivilege, match="needs a tenant"):
        connection.execute("SELECT audit_event('x', 'x', NULL, NULL, NULL)")
