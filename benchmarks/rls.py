"""What row-level security costs: the fleet's own queries as `tw_app`, against the same as a login it ignores.

Both logins get the text that the fleet page sends, for a tenant of the round, on the same million bots; they
take turns, and the medians are compared. PostgreSQL is asked for the plan as `tw_app`.
"""

import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from benchmarks import scratch
from benchmarks.report import record

ROUNDS = 2000
WARM_UP = 200
MOST = 1.1


@dataclass(frozen=True, slots=True)
class Statement:
    """A query of the fleet page as Django sends it; the tenant is a parameter."""

    name: str
    text: str
    parameters: tuple[Any, ...]
    tenant: str

    def parameters_of(self, tenant: str) -> tuple[Any, ...]:
        """The parameters with another tenant's id."""
        return tuple(tenant if str(value) == self.tenant else value for value in self.parameters)


def main() -> None:
    """Measure and record."""
    scratch.start()
    database = scratch.filled_database()
    os.environ["TRADEWISE_DATABASE"] = database
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradewise.settings.trader"
    import django

    django.setup()
    statements = fleet_statements(scratch.tenant(1))
    with connect("tw_app", database) as bound, connect("tw_backup", database) as free:
        for statement in statements:
            assert_same_rows(statement, bound, free)
            compare(statement, bound, free)
            record_plan(statement, bound)


def fleet_statements(tenant: str) -> list[Statement]:
    """What the fleet page asks the database for, caught on its way there."""
    from django.db import connection

    from bots import queries
    from bots.views.fleet import PAGE
    from tradewise.tenancy.context import tenant_context

    caught: list[tuple[str, tuple[Any, ...]]] = []

    def catch(
        execute: Callable[..., Any], text: str, parameters: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        caught.append((text, tuple(parameters or ())))
        return execute(text, parameters, many, context)

    with tenant_context(tenant), connection.execute_wrapper(catch):
        list(queries.fleet()[:PAGE])
        queries.fleet_state()
    connection.close()
    statements = [
        Statement(name, *query, tenant) for name, query in zip(("rows", "totals"), caught, strict=True)
    ]
    for statement in statements:
        assert statement.parameters_of(scratch.tenant(2)) != statement.parameters, "the tenant is in it"
    return statements


def connect(login: str, database: str) -> psycopg.Connection:
    """As Django connects: parameters are put into the text by the client."""
    return psycopg.connect(scratch.dsn(login, database), autocommit=True, cursor_factory=psycopg.ClientCursor)


def bind(connection: psycopg.Connection, tenant: str) -> None:
    """Say who the tenant of this transaction is, as the site does."""
    connection.execute(sql.SQL("SET LOCAL app.tenant_id = {}").format(tenant))


def assert_same_rows(statement: Statement, bound: psycopg.Connection, free: psycopg.Connection) -> None:
    """The two logins are asked the same, so they have to answer the same; and unbound, `tw_app` nothing."""
    tenant = scratch.tenant(1)
    answers = []
    for connection in (bound, free):
        with connection.transaction():
            bind(connection, tenant)
            answers.append(connection.execute(statement.text, statement.parameters).fetchall())
    assert answers[0] == answers[1]
    assert answers[0]
    assert not bound.execute(statement.text, statement.parameters).fetchall()


def compare(statement: Statement, bound: psycopg.Connection, free: psycopg.Connection) -> None:
    """Time the query itself, then the whole transaction of a request, under both logins."""
    for measure, limit in ((query_seconds, MOST), (transaction_seconds, None)):
        chances = random.Random(5)  # the same tenants in every run
        with_policy: list[float] = []
        without: list[float] = []
        for number in range(WARM_UP + ROUNDS):
            tenant = scratch.tenant(chances.randint(1, scratch.TENANTS))
            order = [(bound, with_policy, True), (free, without, False)]
            for connection, times, isolated in order[:: 1 if number % 2 else -1]:
                times.append(measure(connection, statement, tenant, isolated))
        mine, plain = (statistics.median(times[WARM_UP:]) for times in (with_policy, without))
        if limit is None:
            record(f"rls.{statement.name}.transaction_ratio", mine / plain, "x")
            continue
        record(f"rls.{statement.name}.ms", mine * 1000, "ms")
        record(f"rls.{statement.name}.without_policy_ms", plain * 1000, "ms")
        record(f"rls.{statement.name}.ratio", mine / plain, "x", f"<= {limit}", mine / plain <= limit)


def query_seconds(connection: psycopg.Connection, statement: Statement, tenant: str, isolated: bool) -> float:
    """The query alone: the transaction is open, and the tenant bound, before the clock runs."""
    parameters = statement.parameters_of(tenant)
    with connection.transaction():
        # The other login binds it too, so that both have made the same number of round trips.
        bind(connection, tenant)
        begin = time.perf_counter()
        rows = connection.execute(statement.text, parameters).fetchall()
        seconds = time.perf_counter() - begin
    assert rows
    return seconds


def transaction_seconds(
    connection: psycopg.Connection, statement: Statement, tenant: str, isolated: bool
) -> float:
    """BEGIN to COMMIT; binding the tenant rides along with the BEGIN, as in `tradewise.tenancy.context`."""
    parameters = statement.parameters_of(tenant)
    begin = time.perf_counter()
    connection.pgconn.exec_(_begin(tenant) if isolated else b"BEGIN")
    connection.execute(statement.text, parameters).fetchall()
    connection.pgconn.exec_(b"COMMIT")
    return time.perf_counter() - begin


def _begin(tenant: str) -> bytes:
    return f"BEGIN; SET LOCAL app.tenant_id = '{tenant}'".encode()


def record_plan(statement: Statement, bound: psycopg.Connection) -> None:
    """Whether `tw_app` reaches the bots of a tenant through an index that holds the tenant."""
    tenant = scratch.tenant(77)
    with bound.transaction():
        bind(bound, tenant)
        row = bound.execute(
            f"EXPLAIN (FORMAT JSON) {statement.text}".encode(), statement.parameters_of(tenant)
        ).fetchone()
    assert row is not None
    nodes = list(plan_nodes(row[0][0]["Plan"]))
    by_tenant = [
        node["Index Name"]
        for node in nodes
        if "tenant_id" in node.get("Index Cond", "") and "bots" in node["Index Name"]
    ]
    read_whole = [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"]
    used = bool(by_tenant) and not read_whole
    record(f"rls.{statement.name}.plan_uses_tenant_index", float(used), "yes = 1", "= 1", used)
    if not used:
        print(json.dumps(row[0], indent=1))


def plan_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node of a plan and everything below it."""
    yield node
    for child in node.get("Plans", []):
        yield from plan_nodes(child)


if __name__ == "__main__":
    main()
