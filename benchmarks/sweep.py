"""What watching costs: a sweep of 10,000 bots, all of it, against a loop that does nothing but ask.

Ours opens each bot's sealed password, dials through the guard, understands the answer and writes the results to
PostgreSQL as `tw_worker`. The other is a bare aiohttp loop: 200 connections, a GET with the header ready, the
body read and not looked at. Each run is a process of its own; the two take turns, and medians are compared.
"""

import asyncio
import base64
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypedDict

import psycopg

from benchmarks import played, scratch
from benchmarks.report import record

DATABASE: Final = "sweep"
ROUNDS: Final = 5
HANGING_ROUNDS: Final = 3
HANGING: Final = played.BOTS // played.EVERY
CONNECTIONS: Final = 200
TIMEOUT: Final = 5.0
MOST_MEMORY_MIB: Final = 300
USERNAME: Final = "freqtrader"
NEVER: Final = 100_000_000
"""Seconds: three years."""


class Run(TypedDict):
    """What one run cost: seconds of time and of processor, and the most memory that it held, in MiB."""

    seconds: float
    cpu: float
    memory: float
    answered: int
    failed: int


def main() -> None:
    """Measure and record."""
    scratch.start()
    scratch.make_database(DATABASE)
    os.environ["TRADEWISE_DATABASE"] = DATABASE
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradewise.settings.worker"
    os.environ["EGRESS_ALLOW"] = played.allow()
    try:
        with psycopg.connect(scratch.dsn("tw_admin", DATABASE), autocommit=True) as admin:
            fill(admin)
            measure(admin)
    finally:
        scratch.drop(DATABASE)


def measure(admin: psycopg.Connection) -> None:
    """All by turns, as the machine may be busy with something else for a while.

    With hanging bots the bare loop is run once: it waits for their timeouts, the same way every time.
    """
    bare, ours, some_hang = [], [], []
    with bots_played() as change:
        for number in range(ROUNDS):
            bare.append(run("bare"))
            ours.append(sweep_once(admin, hanging=0))
            if number < HANGING_ROUNDS:
                change("hanging")
                some_hang.append(sweep_once(admin, hanging=HANGING))
                change("well")
        change("hanging")
        bare_hanging = run("bare")
    record_all_well(ours, bare)
    # By rounds: what the machine did beside is in both.
    pairs = zip(some_hang, ours, strict=False)
    cost = statistics.median(late["seconds"] - well["seconds"] for late, well in pairs)
    record_some_hanging(some_hang, bare_hanging, cost)


def record_all_well(ours: list[Run], bare: list[Run]) -> None:
    """Every bot answered."""
    mine, theirs = median(ours, "seconds"), median(bare, "seconds")
    record("sweep.checks_per_second", played.BOTS / mine, "checks/s")
    record("sweep.bare_aiohttp_per_second", played.BOTS / theirs, "checks/s")
    record("sweep.ratio", theirs / mine, "x", ">= 1", theirs >= mine)
    cpu, their_cpu = median(ours, "cpu"), median(bare, "cpu")
    record("sweep.cpu_seconds_per_1000", cpu / played.BOTS * 1000, "s")
    record("sweep.bare_aiohttp_cpu_seconds_per_1000", their_cpu / played.BOTS * 1000, "s")
    record("sweep.ratio_per_cpu_second", their_cpu / cpu, "x", ">= 1", their_cpu >= cpu)
    record_common("sweep", ours, healthy=played.BOTS)


def record_some_hanging(ours: list[Run], bare: Run, cost: float) -> None:
    """Every tenth bot took the connection and never answered; nobody knew which would."""
    mine = median(ours, "seconds")
    record("sweep.hanging.seconds", mine, "s")
    record("sweep.hanging.bare_aiohttp_seconds", bare["seconds"], "s")
    record("sweep.hanging.ratio", bare["seconds"] / mine, "x", ">= 1", bare["seconds"] >= mine)
    record("sweep.hanging.cost_seconds", cost, "s", f"<= {TIMEOUT:g}", cost <= TIMEOUT)
    record_common("sweep.hanging", ours, healthy=played.BOTS - HANGING)


def record_common(name: str, ours: list[Run], *, healthy: int) -> None:
    """The most memory of all runs, and how many healthy bots any of them took for dead."""
    memory = max(run["memory"] for run in ours)
    record(f"{name}.peak_memory", memory, "MiB", f"< {MOST_MEMORY_MIB}", memory < MOST_MEMORY_MIB)
    lost = max(healthy - run["answered"] for run in ours)
    record(f"{name}.false_failures", lost, "bots", "= 0", lost == 0)


def median(runs: list[Run], what: Literal["seconds", "cpu"]) -> float:
    """Of one figure of all runs."""
    return statistics.median(run[what] for run in runs)


def sweep_once(admin: psycopg.Connection, *, hanging: int) -> Run:
    """Our sweep of bots that are all due; checks in the database that every one was written, once."""
    admin.execute(RESET)
    admin.execute("VACUUM bots")
    admin.execute("CHECKPOINT")
    done = run("ours")
    row = admin.execute(
        """SELECT count(*) FILTER (WHERE checks = 1 AND lease_token IS NULL),
                  count(*) FILTER (WHERE health = 'ok' AND failures = 0),
                  count(*) FILTER (WHERE health = 'timed_out' AND failures = 1) FROM bots"""
    ).fetchone()
    assert row is not None
    written, well, late = row
    assert written == played.BOTS, f"{played.BOTS - written} results were not written, or twice"
    assert late >= hanging, f"{hanging - late} of the hanging bots were taken for well"
    return {**done, "answered": well, "failed": played.BOTS - well}


def run(who: str) -> Run:
    """In a fresh process, which tells what it cost."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sweep", who],
        cwd=Path(__file__).resolve().parent.parent,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: Run = json.loads(done.stdout.splitlines()[-1])
    print(f"  {who:<5}{json.dumps(found)}", flush=True)
    return found


@contextmanager
def bots_played() -> Iterator[Callable[[str], None]]:
    """The bots answer while the block runs; gives what changes them to hanging and to well."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.played"],
        cwd=Path(__file__).resolve().parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    )

    def heard(expected: str) -> None:
        assert server.stdout is not None
        assert server.stdout.readline() == f"{expected}\n", f"the played bots are not {expected}"

    def change(mode: str) -> None:
        server.send_signal(signal.SIGUSR1)
        heard(mode)

    try:
        heard("well")
        yield change
    finally:
        server.terminate()
        server.wait(10)


def ours() -> Run:
    """One sweep of everything that is due, in this process."""
    import django

    django.setup()
    from bots.health import verdict
    from bots.health.sweep import Plan, sweep

    # Each bot once: neither the next slot nor the second look at one that failed comes within this sweep.
    verdict.SOON = float(NEVER)  # type: ignore[misc]
    cpu, start = time.process_time(), time.perf_counter()
    # One sweep takes them all, however busy the machine is.
    plan = Plan(interval=NEVER, timeout=TIMEOUT, concurrency=CONNECTIONS, claim_for=60.0)
    report = sweep(plan)
    return _run(start, cpu, report.working, report.checked - report.working)


def bare() -> Run:
    """Every bot asked once by aiohttp, as its own documentation would have it; the timeout from the dial."""
    import aiohttp

    answered = failed = 0

    async def ask(session: aiohttp.ClientSession, places: asyncio.Semaphore, url: str, token: str) -> None:
        nonlocal answered, failed
        async with places:
            try:
                async with session.get(
                    f"{url}/api/v1/show_config", headers={"Authorization": token}
                ) as response:
                    await response.read()
                    answered += response.status == 200
            except (TimeoutError, aiohttp.ClientError):
                failed += 1

    async def everyone() -> None:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, force_close=True)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        places = asyncio.Semaphore(CONNECTIONS)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await asyncio.gather(*[ask(session, places, url, token) for url, token in asked])

    asked = [
        (played.url(n), "Basic " + base64.b64encode(pair(n).encode()).decode()) for n in range(played.BOTS)
    ]
    cpu, start = time.process_time(), time.perf_counter()
    asyncio.run(everyone())
    return _run(start, cpu, answered, failed)


def _run(start: float, cpu: float, answered: int, failed: int) -> Run:
    return Run(
        seconds=round(time.perf_counter() - start, 3),
        cpu=round(time.process_time() - cpu, 3),
        memory=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        answered=answered,
        failed=failed,
    )


def pair(number: int) -> str:
    """User name and password of a bot."""
    return f"{USERNAME}:pa55word-of-the-bot-{number:05}"


def fill(admin: psycopg.Connection) -> None:
    """Ten thousand bots of a hundred traders, as they are once they have been watched for a while."""
    import django

    django.setup()
    from bots.services.tokens import seal_token
    from tradewise.secrets import keyring

    keyring.ensure_keys(scratch.VAR / "keys")
    rows: list[dict[str, Any]] = []
    for number in range(played.BOTS):
        tenant, bot_id = uuid.UUID(scratch.tenant(number % 100)), f"played-{number:015}"
        token = seal_token(tenant_id=tenant, bot_id=bot_id, url=played.url(number), token=pair(number))
        rows.append({"tenant": tenant, "bot_id": bot_id, "url": played.url(number), "token": token})
    with admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")
        with admin.cursor() as cursor:
            cursor.executemany(INSERT, rows)
        admin.execute("INSERT INTO bot_figures (bot_id, tenant_id) SELECT id, tenant_id FROM bots")
    admin.execute("VACUUM ANALYZE")


INSERT: Final = """
INSERT INTO bots (tenant_id, bot_id, bot_type, name, api_url, api_token, created_at, updated_at)
VALUES (%(tenant)s, %(bot_id)s, 'external', %(bot_id)s, %(url)s, %(token)s, now(), now())"""
#: Well a moment ago, all due now. No figures are: the other loop asks one question too.
RESET: Final = """
UPDATE bots SET status = 'running', health = 'ok', failures = 0, checks = 0, connection_error = NULL,
    desired_state = 'running', engine_state = 'running', engine_version = '2026.9', strategy = 'SampleStrategy',
    exchange = 'binance', timeframe = '5m', stake_currency = 'USDT', dry_run = true,
    lease_token = NULL, lease_until = NULL, next_check_at = now(), next_figures_at = 'infinity',
    last_ping = now() - interval '15 s', checked_at = now() - interval '15 s'"""


if __name__ == "__main__":
    if sys.argv[1:] == ["ours"]:
        print(json.dumps(ours()))
    elif sys.argv[1:] == ["bare"]:
        print(json.dumps(bare()))
    else:
        main()
