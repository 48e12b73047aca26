"""What reading one trader's activity costs when the audit trail is long.

The history is written by the benchmark (`activity`); this module, run by itself, is the trader's process that reads it.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg

from benchmarks import scratch
from benchmarks.audit_ground import BUSY, DATABASE, MILLION, Admin, as_loaded, tenant
from benchmarks.report import record

if TYPE_CHECKING:
    from audit.queries import Place, Search

READINGS: Final = 25
MOST_DEEP: Final = 1.5


def activity(admin: Admin) -> None:
    """One trader with a million entries in a year, beside those of others; read by a trader's process."""
    with as_loaded(admin):
        for statement in HISTORY:
            admin.execute(statement)
    admin.execute("VACUUM ANALYZE audit_logs")
    admin.execute("CHECKPOINT")
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.audit_activity"],
        cwd=scratch.ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tradewise.settings.trader"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    for name, times in json.loads(told.stdout.splitlines()[-1]).items():
        first, middle, last = (times[place] for place in ("first", "middle", "last"))
        deep = max(middle, last)
        record(f"audit.activity.{name}.first_ms", first * 1000, "ms")
        record(f"audit.activity.{name}.deep_ms", deep * 1000, "ms")
        record(
            f"audit.activity.{name}.deep_ratio",
            deep / first,
            "x",
            f"<= {MOST_DEEP}",
            deep / first <= MOST_DEEP,
        )


def read_activity() -> dict[str, dict[str, float]]:
    """Medians of the seconds that a page takes the database and the ORM: the first, one in the middle, the last."""
    import django

    django.setup()
    from audit.queries import Place

    with psycopg.connect(scratch.dsn("tw_admin", DATABASE), autocommit=True) as admin:
        pages = list(_pages(admin, Place))
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(READINGS):
        for name, place, page in pages:
            begin = time.perf_counter()
            page()
            times.setdefault((name, place), []).append(time.perf_counter() - begin)
    found: dict[str, dict[str, float]] = {}
    for (name, place), seconds in times.items():
        found.setdefault(name, {})[place] = statistics.median(seconds)
    return found


def _pages(admin: Admin, place_type: Any) -> Iterator[tuple[str, str, Callable[[], None]]]:
    """(what is looked for, which page of it, what reads it)."""
    from audit.queries import WINDOW, Search

    def at(condition: LiteralString, offset: int) -> "Place | None":
        query = f"""SELECT created_at, id FROM audit_logs WHERE tenant_id = %s AND {condition}
            ORDER BY created_at, id OFFSET %s LIMIT 1""".encode()
        row = admin.execute(query, [tenant(BUSY), offset]).fetchone()
        return place_type._make(row) if row else None

    quiet = "resource_type <> 'bot_event'"
    # The condition is what the search looks for: it says where the last fifty begin.
    searches: list[tuple[str, Search, LiteralString]] = [
        ("any", Search(), quiet),
        ("everything", Search(everything=True), "true"),
        ("frequent_action", Search(action="bot.edit"), "action = 'bot.edit'"),
        ("rare_action", Search(action="bot.delete"), "action = 'bot.delete'"),
        ("rare_address", Search(address="203.0.113.9"), "ip_address = '203.0.113.9'"),
        ("quiet_bot", Search(kind="bot", key="bot-of-busy-517"), "resource_id = 'bot-of-busy-517'"),
        ("loud_bot", Search(kind="bot", key="bot-of-busy-1"), "resource_id = 'bot-of-busy-1'"),
    ]
    middle = at("true", MILLION // 2)
    for name, search, condition in searches:
        # What is rare has no fifty: then the last page is the oldest entries that are looked through at once.
        last = at(condition, 50) or at("true", WINDOW)
        assert middle is not None
        assert last is not None
        for place, before in (("first", None), ("middle", middle), ("last", last)):
            yield name, place, _reader(search, before)
    week = timedelta(days=7)
    oldest, newest = at("true", 0), at("true", MILLION - 1)
    assert oldest is not None
    assert newest is not None
    assert middle is not None
    for place, since in (
        ("first", newest.moment - week),
        ("middle", middle.moment),
        ("last", oldest.moment),
    ):
        yield "week", place, _reader(Search(since=since, until=since + week), None)


def _reader(search: "Search", before: "Place | None") -> Callable[[], None]:
    from audit import queries
    from tradewise.tenancy.context import tenant_context

    def read() -> None:
        with tenant_context(tenant(BUSY)):
            queries.entries(queries.find(search, before).places)

    return read


# ——— SQL ———

HISTORY: Final[tuple[LiteralString, ...]] = (
    # The months of a year ago until now, as if the trail had been kept that long.
    """DO $$
    DECLARE
        month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC') - interval '12 months';
        part text;
    BEGIN
        SET LOCAL ROLE tw_owner;
        FOR i IN 0..11 LOOP
            part := 'audit_logs_' || to_char(month, 'YYYYMM');
            EXECUTE format('CREATE TABLE %I PARTITION OF audit_logs FOR VALUES FROM (%L) TO (%L)', part,
                month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
            PERFORM audit_close(part);
            month := month + interval '1 month';
        END LOOP;
    END $$""",
    # As triggers and events write them; every fifth is of another trader. Of twenty entries eight are edits, six what
    # the worker saw, four a command and the diary entry that comes with it, two log-ins. A twentieth is about one bot.
    """INSERT INTO audit_logs (tenant_id, user_id, actor, action, resource_type, resource_id, old_values,
         new_values, ip_address, user_agent, created_at, login)
       SELECT ('00000000-0000-4000-8000-00000000' || owner)::uuid, CASE WHEN kind NOT IN (8, 9, 10, 11, 12, 13)
                  THEN owner END,
              CASE WHEN kind BETWEEN 8 AND 13 THEN 'tw_worker' ELSE owner::text END,
              CASE WHEN n % 62500 = 31 THEN 'bot.delete' WHEN kind < 8 THEN 'bot.edit'
                   WHEN kind < 14 THEN 'bot.change' WHEN kind < 18 THEN 'bot.start' ELSE 'account.login' END,
              CASE WHEN kind < 16 THEN 'bot' WHEN kind < 18 THEN 'bot_event' ELSE 'user' END,
              CASE WHEN kind < 18 THEN 'bot-of-busy-' || CASE WHEN n % 997 < 50 THEN 1
                  ELSE n % 997 END ELSE owner::text END,
              CASE WHEN kind < 8 THEN jsonb_build_object('name', 'Night shift ' || n, 'description',
                       'Trades while I sleep, as of ' || n || '.')
                   WHEN kind < 14 THEN jsonb_build_object('status', 'running', 'strategy', 'GridSpot')
                   WHEN kind < 16 THEN jsonb_build_object('desired_state', 'stopped', 'command', '') END,
              CASE WHEN kind < 8 THEN jsonb_build_object('name', 'Night shift ' || n + 1, 'description',
                       'Trades while I sleep, as of ' || n + 1 || '.')
                   WHEN kind < 14 THEN jsonb_build_object('status', 'inactive', 'strategy', 'MeanReversion')
                   WHEN kind < 16 THEN jsonb_build_object('desired_state', 'running', 'command', 'start')
                   WHEN kind < 18 THEN jsonb_build_object('id', n, 'kind', 'command', 'status', 'inactive',
                       'health', 'stopped', 'sentence', 'You asked the bot to start.', 'created_at', now()) END,
              CASE WHEN n % 62500 = 48 THEN '203.0.113.9' WHEN kind BETWEEN 8 AND 13 THEN '127.0.0.1'
                   ELSE '198.51.100.' || n % 7 END::inet,
              CASE WHEN kind BETWEEN 8 AND 13 THEN 'tw_worker'
                   ELSE 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0' END,
              now() - (1250000 - n) * interval '25 s',
              CASE WHEN kind BETWEEN 8 AND 13 THEN 'tw_worker' ELSE 'tw_app' END
       FROM (SELECT n, (n::bigint * 13) % 20 AS kind,
                    CASE WHEN n % 5 = 0 THEN 1001 + (n / 5) % 1000 ELSE 4001 END AS owner
             FROM generate_series(1, 1250000) n) e
       ORDER BY n""",
)


if __name__ == "__main__":
    print(json.dumps(read_activity()))
