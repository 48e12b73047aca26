"""Every table with a tenant's data leaves its trace, whoever writes to it and by whatever means."""

import re
from importlib import import_module
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.db.migrations.state import ProjectState

from audit import inspection
from audit.operations import Retrace, Trace
from tests.logins import as_login
from tradewise.secrets.fields import SealedCharField
from tradewise.tenancy import inspection as tenancy

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)
Superuser = psycopg.Connection[Any]


# What is there, by the catalogue.


def traced() -> list[str]:
    return [
        name
        for name, is_partition in tenancy.tenant_tables().items()
        if not is_partition and name not in inspection.NOT_TRACED
    ]


def columns_of(superuser: Superuser, table: str) -> list[str]:
    rows = superuser.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        [table],
    ).fetchall()
    return [name for (name,) in rows]


def lists_of(superuser: Superuser, table: str) -> dict[str, list[str]] | None:
    """The columns of a table by how its trigger shows them; None for a series, which is shown whole."""
    row = superuser.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [f"audit_{table}"]).fetchone()
    assert row is not None
    line = row[0].strip().splitlines()[0].removeprefix("-- ")
    if line == "series":
        return None
    parts = (part.split(":") for part in line.split("; "))
    return {name: [column.strip() for column in names.split(",") if column.strip()] for name, names in parts}


def test_every_table_with_a_tenants_data_has_its_three_triggers(superuser):
    tables = traced()
    assert len(tables) >= 10
    for table in tables:
        rows = superuser.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'O' AND NOT tgisinternal",
            [table],
        ).fetchall()
        assert {name for (name,) in rows} >= inspection.TRIGGERS, table
    assert inspection.problems(superuser) == []


def test_what_is_not_traced_is_there_and_says_why():
    assert set(inspection.NOT_TRACED) <= set(tenancy.tenant_tables())
    assert all(inspection.NOT_TRACED.values())


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("CREATE TABLE orders (id integer, tenant_id uuid)", "Changes of orders leave no trace"),
        (
            "CREATE TABLE orders (id integer, tenant_id uuid) PARTITION BY RANGE (id)",
            "Changes of orders leave no trace",
        ),
        ("ALTER TABLE bots DISABLE TRIGGER audit_changed", "bots leave no trace: its trigger audit_changed"),
        ("ALTER TABLE users DISABLE TRIGGER ALL", "audit_changed, audit_deleted, audit_inserted"),
        ("ALTER TABLE bots ENABLE REPLICA TRIGGER audit_deleted", "its trigger audit_deleted"),
        ("DROP TRIGGER audit_inserted ON bot_templates", "bot_templates leave no trace"),
        ("ALTER TABLE audit_logs DISABLE TRIGGER audit_only_added_to", "Entries of audit_logs could be"),
        ("ALTER TABLE audit_logs_rest DISABLE TRIGGER audit_only_added_to", "Entries of audit_logs_rest"),
        ("ALTER TABLE audit_seals_rest DISABLE TRIGGER audit_not_emptied", "Entries of audit_seals_rest"),
        ("DROP TRIGGER audit_not_emptied ON audit_rounds", "Entries of audit_rounds could be changed"),
        ("ALTER TABLE audit_archives DISABLE TRIGGER ALL", "Entries of audit_archives could be changed"),
        (
            """DROP TRIGGER audit_changed ON bots; CREATE TRIGGER audit_changed AFTER UPDATE ON bots
               FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()""",
            "bots leave no trace: its trigger audit_changed",
        ),
        (
            """DROP TRIGGER audit_changed ON bots; CREATE TRIGGER audit_changed AFTER UPDATE OF name ON bots
               FOR EACH ROW EXECUTE FUNCTION audit_bots()""",
            "bots could leave no trace: its trigger audit_changed lists other columns",
        ),
        (
            """CREATE TRIGGER quietly BEFORE UPDATE ON bots
               FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()""",
            "bots could leave no trace: its trigger quietly runs before",
        ),
    ],
)
def test_a_table_that_leaves_no_trace_is_told(superuser, statement, sentence):
    with superuser.transaction(force_rollback=True):
        superuser.execute(statement)
        problems = inspection.problems(superuser)
    assert any(sentence in problem for problem in problems), problems


def test_every_column_is_shown_in_exactly_one_way(superuser):
    """A new column has to be put into one of the lists."""
    for table in traced():
        lists = lists_of(superuser, table)
        if lists is not None:
            named = [column for names in lists.values() for column in names]
            assert sorted(named) == sorted(columns_of(superuser, table)), table
            assert set(lists) == {"kept", "secrets", "sealed", "left_out"}


def test_a_new_column_would_fail_the_test_above(superuser):
    with superuser.transaction(force_rollback=True):
        superuser.execute("ALTER TABLE bots ADD COLUMN notes text")
        with pytest.raises(AssertionError):
            test_every_column_is_shown_in_exactly_one_way(superuser)


def test_every_field_that_holds_a_secret_is_a_secret_of_the_trail(superuser):
    found = []
    for model in apps.get_models():
        table = model._meta.db_table
        for field in model._meta.concrete_fields:
            is_password = issubclass(model, AbstractBaseUser) and field.name == "password"
            if (
                is_password
                or isinstance(field, SealedCharField)
                or re.search("token$|secret|^key$", field.name)
            ):
                lists = lists_of(superuser, table) if table in traced() else None
                # A lease is a random number that no one asks for by name.
                if lists is not None and field.name != "lease_token":
                    assert field.column in lists["secrets"], f"{table}.{field.column}"
                    found.append(f"{table}.{field.column}")
    assert set(found) >= {"bots.api_token", "users.hashed_password", "account_emailconfirmation.key"}


def test_no_series_holds_a_secret(superuser):
    """Its rows are shown whole."""
    series = [table for table in traced() if lists_of(superuser, table) is None]
    assert len(series) >= 5
    for model in apps.get_models():
        if model._meta.db_table in series:
            assert not [f for f in model._meta.concrete_fields if isinstance(f, SealedCharField)]


@committed
def test_a_table_that_got_a_column_is_traced_anew_and_back():
    """As a later migration does it: the column, and the lists with it."""
    operations = import_module("bots.migrations.0008_isolation_of_engines").Migration.operations
    before = next(operation for operation in operations if isinstance(operation, Retrace)).now
    lists = {name: getattr(before, name) for name in ("resource", "key", "secrets", "left_out")}
    again = Retrace(before=before, now=Trace("bot", kept=f"{before.kept}, notes", **lists))
    state = ProjectState.from_apps(apps)
    with as_login("tw_migrator"), connection.schema_editor() as editor:
        asked: Any = connection.connection
        editor.execute("ALTER TABLE bots ADD COLUMN notes text")
        again.database_forwards("bots", editor, state, state)
        assert inspection.problems(asked) == []
        test_every_column_is_shown_in_exactly_one_way(asked)
        again.database_backwards("bots", editor, state, state)
        assert inspection.problems(asked) == []
        with pytest.raises(AssertionError):
            test_every_column_is_shown_in_exactly_one_way(asked)
        transaction.set_rollback(True)
