"""What the audit trail costs: writing it, sealing it, comparing all of it with its seals, and reading it.

With and without triggers take turns, on the same rows and the same servers, and medians of the rounds are compared.
What is sealed and verified was written by those very rounds (`audit_live`). The activity of one trader with a million
entries is read in a process of its own, as `tw_app` (`audit_activity`).
"""

import os
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Final, LiteralString

import psycopg

from benchmarks import scratch
from benchmarks.audit_activity import activity
from benchmarks.audit_ground import (
    CLIENTS,
    DATABASE,
    HOT,
    HUNDRED_K,
    OTHERS,
    Admin,
    count_entries,
    done,
    pgbench,
    pgbench_scripts,
    prepare,
    seal_all,
    tenant,
    traced,
)
from benchmarks.audit_live import hot_seals, live, record_sealing
from benchmarks.report import record

ROUNDS: Final = 5
SECONDS: Final = 2
BULK_ROUNDS: Final = {"roomy": 3, "compact": 2}
BEATS: Final = 8
"""Times that the triggers are switched; at each, `BEATS_EACH` heartbeats are timed."""
BEATS_EACH: Final = 10
BEATING: Final = 500

LEAST_LEFT: Final = 0.45
MOST_IN_BULK: Final = 4


def main() -> None:
    """Measure and record."""
    scratch.start()
    scratch.make_database(DATABASE)
    os.environ["TRADEWISE_DATABASE"] = DATABASE
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradewise.settings.worker"
    os.environ["AUDIT_HEAD_FILE"] = str(scratch.VAR / "audit" / "head.json")
    try:
        with psycopg.connect(scratch.dsn("tw_admin", DATABASE), autocommit=True) as admin:
            prepare(admin)
            for part in (throughput, heartbeat, bulk, hot_seals, live):
                part(admin)
            activity(admin)
    finally:
        disconnect()
        scratch.drop(DATABASE)


def disconnect() -> None:
    """Let go of Django's connection."""
    from django.db import connections

    connections.close_all()


def throughput(admin: Admin) -> None:
    """Edits by eight clients: on bots of a thousand tenants, and of one; each with the trail and without."""
    written = count_entries(admin)
    with tempfile.TemporaryDirectory() as directory:
        pgbench_scripts(Path(directory))
        for commits in ("off", "on"):
            times: dict[tuple[str, bool], list[float]] = {}
            for number in range(ROUNDS):
                for is_on in (True, False)[:: 1 if number % 2 else -1]:
                    with traced(admin, is_on=is_on):
                        for where in ("spread", "hot")[:: 1 if number % 2 else -1]:
                            script = Path(directory) / f"{where}.sql"
                            load = done(pgbench([script], SECONDS, CLIENTS, commits))
                            times.setdefault((where, is_on), []).append(load.per_second)
                            written += load.transactions if is_on else 0
            record_throughput(f"audit.commit_{commits}", times)
    assert count_entries(admin) == written, "each edit leaves one entry, and none without triggers"


def record_throughput(name: str, times: dict[tuple[str, bool], list[float]]) -> None:
    """By rounds: what the machine did beside is in both."""
    for (where, is_on), speeds in times.items():
        print(f"  {where:<7}{'with' if is_on else 'without':<8}", *map(round, speeds), flush=True)
    for where in ("spread", "hot"):
        traces, plain = times[where, True], times[where, False]
        record(f"{name}.{where}.per_second", statistics.median(traces), "edits/s")
        record(f"{name}.{where}.without_per_second", statistics.median(plain), "edits/s")
        left = median_ratio(traces, plain)
        record(f"{name}.{where}.ratio", left, "x", f">= {LEAST_LEFT}", left >= LEAST_LEFT)
    for is_on, more in ((True, ""), (False, "without_")):
        ratio = median_ratio(times["hot", is_on], times["spread", is_on])
        target = (">= 1 (noise 5 %)", ratio >= 0.95) if is_on else (None, None)
        record(f"{name}.{more}hot_to_spread", ratio, "x", *target)


def median_ratio(ones: list[float], others: list[float]) -> float:
    """Of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


def heartbeat(admin: Admin) -> None:
    """What the sweep writes when 500 bots answered as before: no entry, but the triggers look at each row."""
    from bots.health.writing import _HEARTBEAT

    ids = list(range(OTHERS + 1, OTHERS + 1 + BEATING))
    times: dict[bool, list[float]] = {True: [], False: []}
    before = count_entries(admin)
    with psycopg.connect(scratch.dsn("tw_worker", DATABASE), autocommit=True) as worker:
        for number in range(2 * BEATS):
            is_on = number % 2 == 0
            with traced(admin, is_on=is_on):
                for _ in range(BEATS_EACH):
                    token = uuid.uuid4()
                    worker.execute(LEASE, [token, ids])
                    what = {"ids": ids, "latencies": ids, "token": token, "every": 15}
                    begin = time.perf_counter()
                    written = worker.execute(_HEARTBEAT, what).rowcount
                    times[is_on].append(time.perf_counter() - begin)
                    assert written == BEATING
    assert count_entries(admin) == before
    traces, plain = statistics.median(times[True]), statistics.median(times[False])
    record("audit.heartbeat_500.ms", traces * 1000, "ms")
    record("audit.heartbeat_500.ratio", traces / plain, "x")


def bulk(admin: Admin) -> None:
    """One statement of ops that changes a hundred bots of each of a thousand tenants; its entries are sealed.

    What it costs without the trail depends on where the new rows find room: *compact* is the table as its fill factor
    leaves it, where many move to another page and to every index; *roomy* one where each stays on its page.
    """
    from audit.sealing import seal

    seal_all()
    seals: list[float] = []
    for layout, statements in LAYOUTS.items():
        times: dict[bool, list[float]] = {True: [], False: []}
        for number in range(BULK_ROUNDS[layout]):
            for is_on in (True, False)[:: 1 if number % 2 else -1]:
                for statement in statements:
                    admin.execute(statement)
                with traced(admin, is_on=is_on):
                    times[is_on].append(change_all(admin))
            begin = time.perf_counter()
            assert seal() == HUNDRED_K
            seals.append(time.perf_counter() - begin)
        name, ratio = f"audit.bulk_100k.{layout}", median_ratio(times[True], times[False])
        print(
            f"  {layout}", *(f"{seconds:.2f}" for values in times.values() for seconds in values), flush=True
        )
        record(f"{name}.seconds", statistics.median(times[True]), "s")
        record(f"{name}.without_seconds", statistics.median(times[False]), "s")
        record(f"{name}.ratio", ratio, "x", f"<= {MOST_IN_BULK}", ratio <= MOST_IN_BULK)
    for statement in LAYOUTS["compact"]:
        admin.execute(statement)
    record_sealing("spread", seals)


def change_all(admin: Admin) -> float:
    """The seconds of the statement and its transaction."""
    begin = time.perf_counter()
    with admin.transaction():
        for statement in OPS:
            admin.execute(statement)
        changed = admin.execute(CHANGE_ALL, [tenant(HOT)]).rowcount
    seconds = time.perf_counter() - begin
    assert changed == HUNDRED_K
    return seconds


# ——— SQL ———

LEASE: Final = """
UPDATE bots SET lease_token = %s, lease_until = now() + interval '1 minute',
    next_check_at = now() + interval '1 minute' WHERE id = ANY(%s)"""
LAYOUTS: Final[dict[str, tuple[LiteralString, ...]]] = {
    "roomy": ("ALTER TABLE bots SET (fillfactor = 30)", "VACUUM (FULL, ANALYZE) bots", "CHECKPOINT"),
    "compact": ("ALTER TABLE bots SET (fillfactor = 70)", "VACUUM (FULL, ANALYZE) bots", "CHECKPOINT"),
}
OPS: Final[tuple[LiteralString, ...]] = (
    "SET LOCAL app.actor = 'ops:bench'",
    "SET LOCAL app.ip = '198.51.100.23'",
    "SET LOCAL app.user_agent = 'manage.py bench'",
    "SET LOCAL app.action = 'command.run'",
)
CHANGE_ALL: Final = "UPDATE bots SET name = 'Steady ' || random() WHERE tenant_id <> %s"


if __name__ == "__main__":
    main()
