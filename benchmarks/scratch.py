"""A database for benchmarks alone: servers of its own under `var/bench/`, as durable as a real installation.

The migrator builds the schema; the superuser fills it with set-based SQL, which no site could. It is kept
between runs and built anew when the migrations or this file have changed.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "bench"
#: What writes SQL for the migrations.
OPERATIONS = ("audit/operations.py", "tradewise/tenancy/operations.py")

#: Traders with a hundred bots each: a million bots.
TENANTS = 10_000
BOTS_EACH = 100
#: Two more traders, by the number of their bots; a third has none.
SMALL, LARGE = 25, 500


def start() -> None:
    """Start the servers and let this process's settings find them. Call before Django reads its settings."""
    from tradewise import embedded
    from tradewise.env import LOGINS

    for variable in (*LOGINS.values(), "REDIS_URL"):
        os.environ.pop(variable, None)
    os.environ["TRADEWISE_VAR"] = str(VAR)
    embedded.start(VAR)


def stop() -> None:
    """End the servers; the data stays."""
    from tradewise import embedded

    embedded.stop(VAR)


def dsn(login: str, database: str) -> str:
    """The address of `login` in a database here."""
    from tradewise.env import database_url

    return database_url(login).rpartition("/")[0] + f"/{database}"


def tenant(number: int) -> str:
    """The tenant of that number; those from 1 to TENANTS have BOTS_EACH bots."""
    digest = hashlib.md5(f"tenant {number}".encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


def small_tenant() -> str:
    """A trader with 25 bots."""
    return tenant(TENANTS + 1)


def large_tenant() -> str:
    """A trader with 500 bots."""
    return tenant(TENANTS + 2)


def empty_tenant() -> str:
    """A trader who has just signed up."""
    return tenant(TENANTS + 3)


def filled_database() -> str:
    """The name of the database with a million bots; the first time it takes a few minutes to make."""
    name = f"bench_{_fingerprint()}"
    with psycopg.connect(dsn("tw_admin", "postgres"), autocommit=True) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
        if found is not None:
            return name
        for (stale,) in connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'"
        ).fetchall():
            drop(stale)
    draft = f"draft_{name}"
    make_database(draft)
    print(f"filling a database with {TENANTS * BOTS_EACH:,} bots, once", flush=True)
    sizes = {"tenants": TENANTS, "each": BOTS_EACH, "small": SMALL, "large": LARGE}
    with psycopg.connect(
        dsn("tw_admin", draft), autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as connection:
        for statement in FILL:
            connection.execute(statement, sizes)
    with psycopg.connect(dsn("tw_admin", "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(name))
        )
    return name


def make_database(name: str) -> None:
    """Make the database `name` anew, with the migrated schema and no rows."""
    from tradewise.tenancy.roles import create_database

    drop(name)
    with psycopg.connect(dsn("tw_admin", "postgres"), autocommit=True) as connection:
        create_database(connection, name)
    subprocess.run(
        [sys.executable, ROOT / "manage.py", "migrate", "--skip-checks", "-v0"],
        env={**os.environ, "TRADEWISE_DATABASE": name, "DJANGO_SETTINGS_MODULE": "tradewise.settings.ops"},
        check=True,
    )


def drop(name: str) -> None:
    """Drop a database of ours, whoever is connected."""
    with psycopg.connect(dsn("tw_admin", "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _fingerprint() -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted([*ROOT.glob("*/migrations/*.py"), *(ROOT / name for name in OPERATIONS)]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


# Bots come one by one over the years, so those of a tenant lie on pages far apart: number `n` belongs to the
# tenant `n % tenants`. The two traders of the page benchmark come last, the same way.
FILL: tuple[LiteralString, ...] = (
    # Triggers of foreign keys check a million rows one by one; what is written here is right by construction.
    "SET session_replication_role = replica",
    """INSERT INTO users (email, hashed_password, full_name, tenant_id, is_active)
       SELECT 'trader' || n || '@example.com', '!', 'Trader ' || n, md5('tenant ' || n)::uuid, true
       FROM generate_series(1, %(tenants)s + 3) n""",
    """INSERT INTO bots (tenant_id, bot_id, bot_type, name, status, health, api_url, api_token,
         desired_state, last_ping, checked_at, checks, latency_ms, engine_state, engine_version, strategy,
         exchange, timeframe, stake_currency, dry_run, connection_error, failures, created_at, updated_at)
       SELECT md5('tenant ' || CASE
                WHEN n < %(tenants)s * %(each)s THEN n %% %(tenants)s + 1
                WHEN n < %(tenants)s * %(each)s + %(small)s THEN %(tenants)s + 1
                ELSE %(tenants)s + 2 END)::uuid,
              substr(translate(encode(sha256(('bot ' || n)::bytea), 'base64'), '+/', '-_'), 1, 22),
              'external',
              (ARRAY['Grid', 'Momentum', 'Steady', 'Night shift', 'Breakout'])[n %% 5 + 1] || ' ' || n,
              CASE WHEN n %% 20 = 7 THEN 'error' WHEN n %% 10 = 3 THEN 'inactive'
                   WHEN n %% 10 = 6 THEN 'connected' ELSE 'running' END,
              CASE WHEN n %% 20 = 7 THEN 'unreachable' WHEN n %% 10 = 3 THEN 'stopped'
                   WHEN n %% 10 = 6 THEN 'paused' ELSE 'ok' END,
              'https://bot' || n || '.example.com:8080',
              'AQ' || repeat('sealed0123', 18), 'running',
              now() - n %% 30 * interval '1 s', now() - n %% 15 * interval '1 s', 100000 + n, 20 + n %% 100,
              CASE WHEN n %% 10 = 3 THEN 'stopped' WHEN n %% 10 = 6 THEN 'paused' ELSE 'running' END,
              '2026.9', (ARRAY['SampleStrategy', 'GridSpot', 'MeanReversion'])[n %% 3 + 1],
              (ARRAY['binance', 'kraken', 'bybit'])[n %% 3 + 1], '5m',
              (ARRAY['USDT', 'EUR'])[n %% 2 + 1], n %% 4 <> 0,
              CASE WHEN n %% 20 = 7 THEN 'Nothing answers at this address.' END,
              CASE WHEN n %% 20 = 7 THEN 5 ELSE 0 END, now() - interval '90 days', now()
       FROM generate_series(0, %(tenants)s * %(each)s + %(small)s + %(large)s - 1) n""",
    """INSERT INTO bot_figures (bot_id, tenant_id, taken_at, profit_all, profit_closed, profit_today,
         starting_capital, equity, closed_trades, winning_trades, losing_trades, open_trade_count,
         max_open_trades, trend)
       SELECT id, tenant_id, now() - id %% 60 * interval '1 s',
              (id %% 9000 - 3000) / 7.0, (id %% 8000 - 3000) / 7.0,
              (id %% 100 - 40) / 9.0, 1000, 1000 + (id %% 9000 - 3000) / 7.0, id %% 300, id %% 200, id %% 100,
              id %% 5, 5,
              -- Thirty days of it weigh half a gigabyte; the tenants of the page benchmark have them.
              CASE WHEN id <= %(tenants)s * %(each)s THEN '[]'::jsonb ELSE (
                SELECT jsonb_agg(((id * day) %% 700 / 7.0)::numeric(24, 8)::text ORDER BY day)
                FROM generate_series(1, 30) day) END
       FROM bots""",
    "RESET session_replication_role",
    "VACUUM ANALYZE",
    "CHECKPOINT",
)
