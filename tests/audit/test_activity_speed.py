"""What PostgreSQL does for a page: as much near the beginning of a long trail as at its end."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import exporting, queries
from audit.queries import Place, Search
from tests.audit.trail import write_many
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

TENANT, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 12_000
END = BEGIN + timedelta(minutes=COUNT)
DEEP = Place(BEGIN + timedelta(minutes=COUNT // 3), 1)
KEYSET = "(ROW(created_at, id) < ROW("

SEARCHES = {
    "nothing": Search(),
    "everything": Search(everything=True),
    "an action": Search(action="bot.delete"),
    "an action that never was": Search(action="bot.pause"),
    "a kind": Search(kind="bot"),
    "an address": Search(address="10.0.0.8"),
    "some days": Search(since=BEGIN + timedelta(days=1), until=BEGIN + timedelta(days=7)),
    "a thing with many entries": Search(kind="bot", key="bot-4"),
    "all of these": Search(
        action="bot.start", kind="bot", key="bot-4", address="10.0.0.8", since=BEGIN, until=END
    ),
}


@pytest.fixture
def long_trail(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve thousand entries of two tenants, and limits that are as small beside it."""
    write_many([TENANT, OTHER], COUNT, begin=BEGIN)
    monkeypatch.setattr(queries, "WINDOW", 500)
    monkeypatch.setattr(queries, "FEW", 50)


def asked_for(search: Search, before: Place | None) -> tuple[list[str], queries.Found]:
    """The statements that read the trail for a page, and what they found."""
    with tenant_context(TENANT), CaptureQueriesContext(connection) as asked:
        found = queries.find(search, before)
        queries.entries(found.places)
    return [str(query["sql"]) for query in asked.captured_queries if "audit_logs" in str(query["sql"])], found


def plan_of(statement: str) -> dict[str, Any]:
    """What the statement really did, as `tw_app` under its policies."""
    with tenant_context(TENANT), connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("tw_app",)
        cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement)
        answer = cursor.fetchone()[0]
    plan: dict[str, Any] = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def rows_read(plan: dict[str, Any]) -> int:
    """Rows that the scans of tables and indexes yielded or threw away."""
    return sum(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in nodes(plan)
        if "Relation Name" in node
    )


@pytest.mark.parametrize("before", [None, DEEP], ids=["latest", "deep"])
@pytest.mark.parametrize("name", SEARCHES)
def test_a_page_reads_a_window_of_the_tenants_own_index(long_trail, name, before):
    statements, found = asked_for(SEARCHES[name], before)
    looks = [statement for statement in statements if "looked" in statement]
    assert len(looks) == 1
    for statement in statements:
        plan = plan_of(statement)
        scans = [node for node in nodes(plan) if "Relation Name" in node and node["Actual Loops"]]
        used = [node for node in scans if node["Actual Rows"]]
        assert rows_read(plan) <= queries.WINDOW + len(scans), statement
        assert not [node for node in used if node["Node Type"] == "Seq Scan"], statement
        if statement in looks or "OFFSET" in statement:
            assert not [node for node in nodes(plan) if "Sort" in node["Node Type"]], statement
            for node in used:
                assert node["Index Name"].endswith("tenant_id_created_at_id_idx")
                assert f"(tenant_id = '{TENANT}'::uuid)" in node["Index Cond"]
                assert KEYSET in node["Index Cond"]
                assert "created_at >=" in node["Index Cond"]
    assert found.places or found.looked_back_to or name == "all of these"


@pytest.mark.parametrize("name", SEARCHES)
def test_a_deep_page_costs_what_the_first_one_costs(long_trail, name):
    first, deep = (
        [sum(rows_read(plan_of(statement)) for statement in asked_for(SEARCHES[name], before)[0])]
        for before in (None, DEEP)
    )
    assert max(first[0], deep[0]) <= 2 * queries.WINDOW + 3 * queries.PAGE + 200


def test_a_thing_with_few_entries_is_read_by_its_own_index(long_trail):
    statements, found = asked_for(Search(kind="bot", key="rare-0"), None)
    assert 0 < len(found.places) <= queries.FEW
    assert found.older is None
    look = next(statement for statement in statements if "looked" in statement)
    scans = [node for node in nodes(plan_of(look)) if "Relation Name" in node and node["Actual Rows"]]
    assert scans
    for node in scans:
        assert node["Node Type"] in ("Index Scan", "Bitmap Heap Scan")
        condition = node.get("Index Cond") or node["Recheck Cond"]
        assert "resource_id" in condition
    assert rows_read(plan_of(look)) <= 2 * queries.FEW


def test_all_pages_together_are_the_trail_and_no_page_counts_or_skips(long_trail):
    seen: list[int] = []
    before = None
    with tenant_context(TENANT), CaptureQueriesContext(connection) as asked:
        while True:
            found = queries.find(Search(everything=True), before, most=1000)
            seen += [place.number for place in found.places]
            if found.older is None:
                break
            before = found.older
    assert len(seen) == len(set(seen)) == COUNT // 2
    assert "OFFSET 0" not in str(asked.captured_queries)
    assert "count(" not in str(asked.captured_queries).lower()


def test_the_export_reads_each_entry_once(long_trail, monkeypatch):
    monkeypatch.setattr(queries, "WINDOW", 20_000)
    lines = "".join(exporting.lines(TENANT, Search(everything=True))).splitlines()
    assert len(lines) == COUNT // 2 + 1
    assert str(OTHER) not in "".join(lines)
