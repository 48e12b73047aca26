"""The trail is only added to: every login tries every way of changing, forging or reading what is not its own."""

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
import pytest
from django.db import connection
from psycopg.errors import FeatureNotSupported, InsufficientPrivilege

from accounts.models import User
from audit.reading import everything as everything_to_read
from audit.verification import Walk
from bots.models import Bot
from tests import logins as sessions
from tests import servers
from tests.audit.conftest import seal_now
from tradewise.secrets.signing import verifier
from tradewise.tenancy.context import tenant_context

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


@pytest.fixture
def closing(db: None, alice: User, bot: Bot, mallory: User) -> User:
    """Alice has a bot and did something to it, and mallory is still there."""
    with tenant_context(alice.tenant_id, actor=str(alice.pk)):
        Bot.objects.update(name="Another name")
    seal_now()
    return alice


def trail_of(user: User) -> list[tuple[Any, ...]]:
    """Every entry of a tenant without its user, and then that."""
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as connection:
        return connection.execute(
            "SELECT (to_jsonb(l) - 'user_id')::text, user_id FROM audit_logs l WHERE tenant_id = %s ORDER BY id",
            [user.tenant_id],
        ).fetchall()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("login", ["tw_admin", "tw_migrator"])
def test_closing_an_account_empties_the_user_and_nothing_else(closing, mallory, login):
    before, theirs = trail_of(closing), trail_of(mallory)
    assert {user for _, user in before} == {None, closing.pk}
    with sessions.as_login(login), tenant_context(closing.tenant_id, actor=f"ops:{login}"):
        User.objects.filter(pk=closing.pk).delete()
    after = trail_of(closing)
    assert after[: len(before)] == [(entry, None) for entry, _ in before]
    assert {user for _, user in after} == {None}
    gone = [json.loads(entry)["action"] for entry, _ in after[len(before) :]]
    assert sorted(gone) == ["bot.delete", "user.delete"]
    assert trail_of(mallory) == theirs
    assert verify() == []
    assert seal_now() == 2
    assert verify() == []


def verify() -> list[Any]:
    with everything_to_read() as connection:
        return Walk(connection, verifier()).run().findings


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("to", ["NULL", "{other}"])
def test_the_user_of_an_entry_is_not_changed_while_the_user_is_there(closing, mallory, to):
    before = trail_of(closing)
    with (
        pytest.raises(InsufficientPrivilege, match="only added to"),
        psycopg.connect(servers.admin_dsn(servers.process_database())) as superuser,
    ):
        superuser.execute(
            f"UPDATE audit_logs SET user_id = {to.format(other=mallory.pk)} WHERE user_id IS NOT NULL"
        )
    with sessions.as_login("tw_migrator"), tenant_context(closing.tenant_id), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_logs SET user_id = NULL")
        assert cursor.rowcount == 0
    assert trail_of(closing) == before


@pytest.mark.django_db(transaction=True)
def test_a_user_that_was_emptied_past_the_triggers_is_found(closing):
    with psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute("UPDATE audit_logs SET user_id = NULL")
    assert {finding.sentence for finding in verify()} == {"bears another user than it did"}
