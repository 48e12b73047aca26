"""The migrated database is what was ordered, amended as listed and in no other way."""

import re
from typing import Any

import psycopg
import pytest

from tests import servers
from tests.schema import order

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def catalogue(django_db_setup: None) -> Any:
    """Asks the catalogue as the migrator, whose indexes and defaults it sees."""
    with psycopg.connect(servers.dsn("tw_migrator", servers.process_database())) as connection:
        yield lambda sql, *args: connection.execute(sql, args).fetchall()


def columns(catalogue: Any, table: str) -> dict[str, tuple[str, bool, str | None]]:
    rows: Rows = catalogue(
        """SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                  CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END
           FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
           WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped""",
        table,
    )
    return {name: (kind, not_null, default) for name, kind, not_null, default in rows}


def amended(column: tuple[str, bool, str | None], table: str, name: str) -> tuple[str, bool, str | None]:
    """The ordered column, with its own amendment and those that hold for every table."""
    column, reason = order.AMENDED_COLUMNS.get(f"{table}.{name}", (column, "as ordered"))
    assert reason
    kind, not_null, default = column
    kind = "timestamp with time zone" if kind == "timestamp" else kind
    return kind, not_null or default is not None, "identity" if default == "serial" else default


def plain(default: str | None) -> str | None:
    return re.sub(r"::[a-z ]+(\(\d+\))?", "", default) if default else default


@pytest.mark.parametrize("table", order.TABLES)
def test_every_ordered_column_is_there_as_ordered(catalogue: Any, table: str) -> None:
    there = columns(catalogue, table)
    found = {name: (kind, nn, plain(default)) for name, (kind, nn, default) in there.items()}
    wanted = {name: amended(column, table, name) for name, column in order.TABLES[table].items()}
    assert {name: found.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("table", order.TABLES)
def test_every_added_column_is_listed_with_its_reason(catalogue: Any, table: str) -> None:
    added = set(columns(catalogue, table)) - set(order.TABLES[table])
    assert added == set(order.ADDED_COLUMNS.get(table, {}))
    assert all(order.ADDED_COLUMNS.get(table, {}).values())


@pytest.mark.parametrize("name", order.INDEXES)
def test_every_ordered_index_is_there(catalogue: Any, name: str) -> None:
    wanted, reason = order.AMENDED_INDEXES.get(name, (order.INDEXES[name], "as ordered"))
    assert reason
    rows: Rows = catalogue(
        """SELECT i.indrelid::regclass::text, i.indisunique,
                  regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ([a-z]+ \\([^)]*\\)).*$', '\\1'),
                  pg_get_expr(i.indpred, i.indrelid)
           FROM pg_index i WHERE i.indexrelid = %s::regclass""",
        name,
    )
    table, unique, definition, condition = rows[0]
    text = re.sub(r"\s+", " ", re.sub(r"::[a-z ]+?(?=[\s)]|$)", "", condition or "")).strip()
    assert (table, unique, definition) == wanted[:3]
    assert normal(text) == normal(wanted[3] or "")


def normal(condition: str) -> set[str]:
    """The terms of a condition, without brackets and in no order."""
    text = condition.replace("(", "").replace(")", "").replace("<>", "!=")
    text = re.sub(r"NOT (\w+) = ", r"\1 != ", text)
    return {term.strip() for term in text.split(" AND ") if term.strip()}


def test_every_foreign_key_is_there(catalogue: Any) -> None:
    rows: Rows = catalogue(
        "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
    )
    found = {}
    for table, definition in rows:
        match = re.match(
            r"FOREIGN KEY \(([^)]*)\) REFERENCES (\w+)\(([^)]*)\)(?: ON DELETE (.*))?$", definition
        )
        if match:
            found[f"{table}({match[1]})"] = (f"{match[2]}({match[3]})", match[4] or "NO ACTION")
    for key, target in order.FOREIGN_KEYS.items():
        name, wanted, reason = order.AMENDED_FOREIGN_KEYS.get(key, (key, target, "as ordered"))
        assert reason
        assert found.get(name) == wanted, name


@pytest.mark.parametrize(("column", "values"), order.ENUMS.items())
def test_the_database_refuses_values_outside_an_enum(catalogue: Any, column: str, values: set[str]) -> None:
    table, name = column.split(".")
    rows: Rows = catalogue(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass",
        table,
    )
    checks = [text for (text,) in rows if re.search(rf"\b{name}\b", text) and "ANY" in text]
    assert any(set(re.findall(r"'([^']*)'::", text)) == values for text in checks), checks


@pytest.mark.parametrize(("table", "names"), order.UNIQUE_COLUMNS.items())
def test_what_was_ordered_unique_is(catalogue: Any, table: str, names: list[str]) -> None:
    rows: Rows = catalogue(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'u' AND conrelid = %s::regclass",
        table,
    )
    for name in names:
        assert (f"UNIQUE ({name})",) in rows


def test_every_ordered_table_is_in_the_app_that_bears_its_name() -> None:
    from django.apps import apps

    homes = {model._meta.db_table: model._meta.app_label for model in apps.get_models()}
    assert {table: homes[table] for table in order.TABLES} == {
        "users": "accounts",
        "bots": "bots",
        "bot_templates": "marketplace",
        "subscriptions": "subscriptions",
        "audit_logs": "audit",
    }
