"""What the audit trail costs: writing it, sealing it, comparing all of it with its seals, and reading it.

With and without triggers take turns, on the same rows and the same servers, and medians of the rounds are compared.
What is sealed and verified was written by those very rounds. The activity of one trader with a million entries is
read in a process of its own, as `tw_app`.
"""

import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg.pq import ExecStatus

from benchmarks import scratch
from benchmarks.report import record

if TYPE_CHECKING:
    from audit.queries import Place, Search
    from audit.verification import Report

DATABASE: Final = "audit"
CLIENTS: Final = 8
#: Tenants by number, so that pgbench can write their ids: a thousand with a hundred bots each, one with a thousand.
FIRST: Final = 1001
TENANTS: Final = 1000
HOT: Final = 3001
BUSY: Final = 4001
#: Bots by id: the first of each tenant has the tenant's number; those of the hot one follow its number.
OTHERS: Final = 10_000
EACH: Final = 100
HUNDRED_K: Final = 100_000
MILLION: Final = 1_000_000

ROUNDS: Final = 5
SECONDS: Final = 2
BULK_ROUNDS: Final = {"roomy": 3, "compact": 2}
SEAL_ROUNDS: Final = 3
LIVE_SECONDS: Final = 30
BEATS: Final = 8
"""Times that the triggers are switched; at each, `BEATS_EACH` heartbeats are timed."""
BEATS_EACH: Final = 10
BEATING: Final = 500
READINGS: Final = 25

LEAST_LEFT: Final = 0.45
MOST_IN_BULK: Final = 4
MOST_SEAL_SECONDS: Final = 2
MOST_DEEP: Final = 1.5

BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"
TRIGGERS: Final = ("audit_inserted", "audit_changed", "audit_deleted")

EVER_NEW: Final = itertools.count(1)

Admin = psycopg.Connection[Any]


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


def prepare(admin: Admin) -> None:
    """Traders and bots, no entries; and the keys that seals are signed with."""
    import django

    django.setup()
    from tradewise.secrets import signing

    Path(os.environ["AUDIT_HEAD_FILE"]).unlink(missing_ok=True)
    signing.ensure_signing_keys(scratch.VAR / "keys")
    with as_loaded(admin):
        for statement in FILL:
            admin.execute(statement)
    admin.execute("VACUUM ANALYZE")


def disconnect() -> None:
    """Let go of Django's connection."""
    from django.db import connections

    connections.close_all()


# ——— what is measured with and without ———


@contextmanager
def as_loaded(admin: Admin) -> Iterator[None]:
    """No trigger and no foreign key looks at what is written in the block."""
    admin.execute("SET session_replication_role = replica")
    try:
        yield
    finally:
        admin.execute("RESET session_replication_role")


@contextmanager
def traced(admin: Admin, *, is_on: bool) -> Iterator[None]:
    """Bots leave their trace in the block, or do not. They do afterwards."""

    def switch(verb: LiteralString) -> None:
        for trigger in TRIGGERS:
            admin.execute(f"ALTER TABLE bots {verb} TRIGGER {trigger}".encode())

    if is_on:
        yield
        return
    switch("DISABLE")
    try:
        yield
    finally:
        switch("ENABLE")


def tenant(number: int | str) -> str:
    """Of four digits, which may be a variable of pgbench."""
    return f"00000000-0000-4000-8000-00000000{number}"


def edit(number: int | str, where: str, value: int | str) -> list[str]:
    """The statements of a trader's edit, as the site binds it to its tenant; all of them go in one message."""
    update = (
        f"UPDATE bots SET name = 'Night shift {value}', description = 'Trades while I sleep, as of {value}.'"
        f" WHERE {where}"
    )
    return [
        "BEGIN",
        f"SET LOCAL app.tenant_id = '{tenant(number)}'",
        f"SET LOCAL app.actor = '{number}'",
        "SET LOCAL app.ip = '198.51.100.23'",
        f"SET LOCAL app.user_agent = '{BROWSER}'",
        "SET LOCAL app.action = 'bot.edit'",
        update,
        "COMMIT",
    ]


def pgbench_scripts(directory: Path) -> None:
    """What pgbench's clients repeat."""
    value = "\\set v random(1, 1000000000)\n"
    last = FIRST + TENANTS - 1
    texts = {
        "spread": f"\\set n random({FIRST}, {last})\n{value}" + _one_message(edit(":n", "id = :n", ":v")),
        "hot": f"\\set b random({HOT}, {HOT + TENANTS - 1})\n{value}"
        + _one_message(edit(HOT, "id = :b", ":v")),
        # All but the first bot of a tenant at once. No two clients share a tenant.
        "bulk": f"\\set n {FIRST} + 4 * random(0, {TENANTS // 4 - 1}) + :client_id\n{value}"
        + _one_message(edit(":n", f"id > {OTHERS}", ":v")),
        # A transaction that stays open for a while, and every other time comes to nothing.
        "slow": f"\\set n random({FIRST}, {last})\n\\set x random(0, 1)\n{value}"
        + _one_message(edit(":n", f"id = :n - {FIRST} + {OTHERS} + 1", ":v")[:-1])
        + "\\sleep 2 s\n\\if :x\nCOMMIT;\n\\else\nROLLBACK;\n\\endif\n\\sleep 3 s\n",
    }
    for name, text in texts.items():
        (directory / f"{name}.sql").write_text(text, encoding="utf-8")


def _one_message(statements: list[str]) -> str:
    return "\\; ".join(statements) + ";\n"


class Load(NamedTuple):
    """What pgbench's clients got done."""

    per_second: float
    transactions: int


def pgbench(scripts: list[Path], seconds: int, clients: int, commits: str = "on") -> subprocess.Popen[str]:
    """So many clients as `tw_app`, which repeat the scripts by turns of chance."""
    from tradewise.embedded.binaries import postgres_programs

    program = str(postgres_programs(None) / "pgbench")
    files = [argument for script in scripts for argument in ("-f", str(script))]
    options = ["-n", "-c", f"{clients}", "-j", f"{min(clients, 2)}", "-T", f"{seconds}", *files]
    return subprocess.Popen(
        [program, *options, scratch.dsn("tw_app", DATABASE)],
        env={**os.environ, "PGOPTIONS": f"-c synchronous_commit={commits}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def done(process: subprocess.Popen[str]) -> Load:
    """Once it has ended."""
    text, _ = process.communicate()
    speed = re.search(r"^tps = ([\d.]+)", text, re.MULTILINE)
    count = re.search(r"actually processed: (\d+)", text)
    assert process.returncode == 0, text
    assert speed, text
    assert count, text
    assert "failed transactions: 0 " in text, text
    return Load(float(speed[1]), int(count[1]))


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


def count_entries(admin: Admin) -> int:
    """All there are."""
    row = admin.execute("SELECT count(*) FROM audit_logs").fetchone()
    assert row is not None
    return int(row[0])


# ——— sealing and verifying ———


def hot_seals(admin: Admin) -> None:
    """A hundred thousand entries of one tenant, which changed its thousand bots a hundred times."""
    from audit.sealing import seal

    seal_all()
    times: list[float] = []
    with psycopg.connect(scratch.dsn("tw_app", DATABASE), autocommit=True) as app:
        for _ in range(SEAL_ROUNDS):
            for _ in range(HUNDRED_K // TENANTS):
                # What is as it was leaves no entry, so each says something new.
                message = "; ".join(edit(HOT, "true", next(EVER_NEW)))
                assert app.pgconn.exec_(message.encode()).status == ExecStatus.COMMAND_OK
            begin = time.perf_counter()
            assert seal() == HUNDRED_K
            times.append(time.perf_counter() - begin)
    record_sealing("hot", times)


def record_sealing(where: str, times: list[float]) -> None:
    """The median of the rounds."""
    seconds = statistics.median(times)
    is_met = seconds < MOST_SEAL_SECONDS
    record(f"audit.seal_100k.{where}.seconds", seconds, "s", f"< {MOST_SEAL_SECONDS}", is_met)


def seal_all() -> int:
    """Whatever waits; how many those were."""
    from audit.sealing import seal

    sealed = 0
    while entries := seal():
        sealed += entries
    return sealed


def live(admin: Admin) -> None:
    """Seal twice a second while clients write until there are a million entries; then compare every one.

    Once in the middle of it all that was sealed is compared while more is written and sealed.
    """
    from audit.sealing import seal

    before, begin = count_entries(admin), time.perf_counter()
    found_meanwhile: list[int] = []
    look = threading.Thread(target=lambda: found_meanwhile.append(len(walk().findings)))
    sealed = 0
    with tempfile.TemporaryDirectory() as directory:
        pgbench_scripts(Path(directory))
        singles, many, slow = (
            [Path(directory) / f"{name}.sql" for name in names]
            for names in (("spread", "hot"), ("bulk",), ("slow",))
        )
        while count_entries(admin) < MILLION or look.ident is None:
            clients = [
                pgbench(scripts, LIVE_SECONDS, number)
                for scripts, number in ((singles, CLIENTS), (many, 4), (slow, 1))
            ]
            while any(client.poll() is None for client in clients):
                sealed += seal()
                if look.ident is None and time.perf_counter() - begin > LIVE_SECONDS / 2:
                    look.start()
                time.sleep(0.5)
            for client in clients:
                done(client)
    seconds = time.perf_counter() - begin
    look.join()
    left = seal_all()
    entries = count_entries(admin)
    assert sealed + left == entries - before
    record("audit.live.written_per_second", (entries - before) / seconds, "entries/s")
    record("audit.live.left_to_seal", left, "entries")
    assert found_meanwhile, "the comparison under load broke"
    record("audit.live.findings_meanwhile", found_meanwhile[0], "findings", "= 0", found_meanwhile[0] == 0)
    verify(admin, entries)


def verify(admin: Admin, entries: int) -> None:
    """All of it; then the trail of one tenant, of whose entries somebody whom nothing stops has altered one."""
    begin = time.perf_counter()
    report = walk()
    seconds = time.perf_counter() - begin
    alarms, unsealed = len(report.findings), entries - report.entries
    print(report.findings[:5] or "", f"{report.seals:,} seals in {report.rounds:,} rounds", flush=True)
    record("audit.verify.entries", report.entries, "entries", f">= {MILLION}", report.entries >= MILLION)
    record("audit.verify.findings", alarms, "findings", "= 0", alarms == 0)
    record("audit.verify.not_sealed", unsealed, "entries", "= 0", unsealed == 0 == report.unsealed)
    record("audit.verify.seconds", seconds, "s")
    record("audit.verify.per_second", entries / seconds, "entries/s")
    with one_altered(admin) as (number, owner):
        found = [(finding.entry, finding.tenant_id) for finding in walk(owner).findings]
    was_found = found == [(number, owner)]
    record("audit.verify.one_altered_found", float(was_found), "yes = 1", "= 1", was_found)
    again = walk(owner)
    assert not again.findings, "it is as it was"
    assert again.entries


def walk(owner: uuid.UUID | None = None) -> "Report":
    """As `manage.py verify_audit` does it."""
    from audit.reading import everything
    from audit.verification import Walk
    from tradewise.secrets.signing import verifier

    head = Path(os.environ["AUDIT_HEAD_FILE"])
    with everything() as connection:
        walk = Walk(connection, verifier(), tenant_id=owner)
        report = walk.run()
        walk.compare_heads(head.read_text(encoding="utf-8").splitlines(), str(head))
        return report


@contextmanager
def one_altered(admin: Admin) -> Iterator[tuple[int, uuid.UUID]]:
    """An entry in the middle of the trail says something else in the block, and nothing else differs."""
    row = admin.execute(
        "SELECT id, tenant_id, new_values::text FROM audit_logs ORDER BY id OFFSET %s LIMIT 1", [MILLION // 2]
    ).fetchone()
    assert row is not None
    number, owner, value = row
    change = "UPDATE audit_logs SET new_values = %s::jsonb WHERE id = %s"
    with as_loaded(admin):
        admin.execute(change, ['{"name": "Steady"}', number])
        try:
            yield number, owner
        finally:
            admin.execute(change, [value, number])


# ——— reading ———


def activity(admin: Admin) -> None:
    """One trader with a million entries in a year, beside those of others; read by a trader's process."""
    with as_loaded(admin):
        for statement in HISTORY:
            admin.execute(statement)
    admin.execute("VACUUM ANALYZE audit_logs")
    admin.execute("CHECKPOINT")
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.audit", "activity"],
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

FILL: Final[tuple[LiteralString, ...]] = (
    """INSERT INTO users (id, email, hashed_password, full_name, tenant_id)
       SELECT n, 'trader' || n || '@example.com', '!', 'Trader ' || n,
              ('00000000-0000-4000-8000-00000000' || n)::uuid
       FROM generate_series(1001, 4001) n WHERE n <= 2000 OR n IN (3001, 4001)""",
    # The first of each tenant, then the hot tenant's, then the others as they come over the years.
    """INSERT INTO bots (id, tenant_id, bot_id, bot_type, name, description, status, health, api_url, api_token,
         desired_state, engine_state, engine_version, strategy, exchange, timeframe, stake_currency, dry_run,
         last_ping, checked_at)
       SELECT id, ('00000000-0000-4000-8000-00000000' || owner)::uuid,
              substr(translate(encode(sha256(('bot ' || id)::bytea), 'base64'), '+/', '-_'), 1, 22),
              'external', 'Momentum ' || id, 'Trades while I sleep.', 'running', 'ok',
              'https://bot' || id || '.example.com:8080', 'AQ' || repeat('sealed0123', 18), 'running', 'running',
              '2026.9', 'SampleStrategy', 'binance', '5m', 'USDT', true, now(), now()
       FROM (SELECT n AS id, n AS owner FROM generate_series(1001, 2000) n
             UNION ALL SELECT n, 3001 FROM generate_series(3001, 4000) n
             UNION ALL SELECT 10000 + n, 1001 + (n - 1) % 1000 FROM generate_series(1, 99000) n) b
       ORDER BY id""",
)

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
    if sys.argv[1:] == ["activity"]:
        print(json.dumps(read_activity()))
    else:
        main()
