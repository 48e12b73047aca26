"""A million templates to browse: made once by set-based SQL, in a database of its own among the benchmark's servers."""

import hashlib
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from benchmarks import scratch

TEMPLATES = 1_000_000


def filled_database(templates: int = TEMPLATES) -> str:
    """Its name. Made anew when migrations or this file have changed, which takes some minutes."""
    digest = hashlib.sha256(Path(__file__).read_bytes() + scratch._fingerprint().encode()).hexdigest()[:12]
    name = f"catalog_{templates}_{digest}"
    with psycopg.connect(scratch.dsn("tw_admin", "postgres"), autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is not None:
            return name
        stale = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"%catalog\\_{templates}\\_%"]
        )
        for (other,) in stale.fetchall():
            scratch.drop(other)
    draft = f"draft_{name}"
    scratch.make_database(draft)
    print(f"writing {templates:,} templates, once", flush=True)
    fill(scratch.dsn("tw_admin", draft), templates)
    with psycopg.connect(scratch.dsn("tw_admin", "postgres"), autocommit=True) as connection:
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(rename.format(sql.Identifier(draft), sql.Identifier(name)))
    return name


def fill(address: str, templates: int) -> None:
    """Write templates as the superuser, with the indexes built afterwards. What is there already stays."""
    with psycopg.connect(address, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '256MB'")
        indexes = connection.execute(
            """SELECT indexname, indexdef FROM pg_indexes i JOIN pg_class c ON c.relname = i.indexname
               JOIN pg_index x ON x.indexrelid = c.oid WHERE i.tablename = 'bot_templates' AND NOT x.indisunique"""
        ).fetchall()
        for name, _ in indexes:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        connection.execute(TEMPLATES_SQL, {"templates": templates})
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute("VACUUM ANALYZE bot_templates")
        connection.execute("CHECKPOINT")


# Every choice is taken from a hash of the number, so that none goes along with another, but for what does in life: an
# arbitrage has no engine and so no record of TradeWise, and what has been published lately has a short record.
TEMPLATES_SQL: LiteralString = """
INSERT INTO bot_templates (template_id, name, description, config_json, is_public, status, version, risk_level,
    strategy_type, needed_allocation, performance_data, published_at, featured_at, subscribers_count, created_at)
SELECT 't-' || n, initcap(w[1 + h1 %% 60] || ' ' || w[1 + h2 %% 60]) || ' ' || n,
    (SELECT string_agg(w[1 + (hashint4(n * 31 + i) & 2147483647) %% 60], ' ') FROM generate_series(1, 24) i),
    jsonb_build_object('strategy', kind, 'exchange', 'binance', 'stake_currency', currency, 'pairs', pairs,
        'timeframe', (ARRAY['1m', '5m', '5m', '15m', '1h', '1h', '4h', '1d'])[1 + h3 %% 8],
        'parameters', CASE kind
            WHEN 'grid' THEN jsonb_build_object('lower', 90 + h1 %% 90, 'upper', 200 + h2 %% 900,
                'levels', 2 + h4 %% 49, 'unit', 10 + h5 %% 90)
            WHEN 'dca' THEN jsonb_build_object('base_order', 10 + h5 %% 90, 'safety_order', 20, 'max_safety_orders',
                h4 %% 11)
            ELSE jsonb_build_object('fast', 5 + h4 %% 20, 'slow', 30 + h4 %% 40, 'stake', 10 + h5 %% 90) END),
    is_public, CASE WHEN is_public THEN 'published' ELSE 'draft' END, 1 + h4 %% 3,
    (ARRAY['low', 'medium', 'medium', 'high'])[1 + h5 %% 4], kind, 20 * power(1.3, h2 %% 28)::numeric(15, 2),
    CASE WHEN tier IS NOT NULL THEN jsonb_build_object('tier', tier, 'mode', mode, 'is_replay', false,
        'version', CASE WHEN h1 %% 20 = 0 THEN 1 ELSE 1 + h4 %% 3 END, 'since', (now() - days * interval '1 d')::date,
        'until', now(), 'ended', h2 %% 25 = 0, 'currency', currency, 'days', days, 'days_observed', days - h3 %% 3,
        'trades', days * (h1 %% 4), 'is_enough', days >= 33 AND days * (h1 %% 4) >= 20, 'sentence', 'As observed.',
        'caveats', '[]'::jsonb, 'gaps', h3 %% 3, 'deleted_trades', 0,
        'return', CASE WHEN days >= 10 THEN ((h1 %% 9000 - 3000) / 10000.0)::numeric(8, 4)::text END,
        'drawdown', CASE WHEN days >= 10 THEN ((1 + h2 %% 60 + h3 %% 3) / 100.0)::numeric(8, 4)::text END,
        'win_rate', '0.5500', 'months', '[]'::jsonb,
        'curve', (SELECT string_agg((1 + ((h1 + i * 37) %% 400) / 1000.0)::numeric(8, 4)::text, ' ')
            FROM generate_series(1, least(days, 120)) i)) END,
    now() - days * interval '1 d' - h3 %% 86400 * interval '1 s',
    CASE WHEN n %% 5000 = 0 THEN now() END, CASE WHEN h1 %% 3 = 0 THEN h2 %% 1000 / (1 + h3 %% 50) ELSE 0 END,
    now() - days * interval '1 d'
FROM (SELECT n, h1, h2, h3, h4, h5, w, kind, currency, n %% 10 <> 7 AS is_public,
        1 + (h4 %% 700 * (h5 %% 100)) / 100 AS days,
        CASE WHEN kind = 'arbitrage' THEN CASE WHEN h3 %% 4 = 0 THEN 'observed' END
            ELSE (ARRAY['run_by_tradewise', 'run_by_tradewise', 'run_by_tradewise', 'observed', 'run_by_tradewise'])
                [1 + h3 %% 11] END AS tier,
        CASE WHEN h3 %% 11 = 4 THEN 'simulated' WHEN h2 %% 5 = 0 THEN 'live' ELSE 'dry_run' END AS mode,
        CASE WHEN kind = 'grid' THEN jsonb_build_array(c[1 + (h1 %% 40) * (h2 %% 40) / 40] || '/' || currency)
            ELSE jsonb_build_array(c[1 + (h1 %% 40) * (h2 %% 40) / 40] || '/' || currency,
                c[1 + (h3 %% 40) * (h4 %% 40) / 40] || '/' || currency) END AS pairs
    FROM (SELECT n, (hashint4(n) & 2147483647) AS h1,
            (hashint4(n + 10000000) & 2147483647) AS h2, (hashint4(n + 20000000) & 2147483647) AS h3,
            (hashint4(n + 30000000) & 2147483647) AS h4,
            (hashint4(n + 40000000) & 2147483647) AS h5,
            (ARRAY['grid', 'grid', 'grid', 'grid', 'dca', 'dca', 'dca', 'momentum', 'momentum', 'arbitrage'])
                [1 + (hashint4(n + 50000000) & 2147483647) %% 10] AS kind,
            (ARRAY['USDT', 'USDT', 'USDT', 'USDT', 'USDT', 'USDC', 'EUR', 'BTC'])
                [1 + (hashint4(n + 60000000) & 2147483647) %% 8] AS currency,
            ARRAY['BTC', 'ETH', 'SOL', 'XRP'] || ARRAY(SELECT 'C' || i FROM generate_series(5, 40) i) AS c,
            string_to_array('calm steady night wave river harbour ladder anchor drift summit ember cedar falcon tide '
                || 'orbit meadow lantern compass breakout swing trend range scalper patient swift golden silver quiet '
                || 'bold winter summer autumn spring market price coin average portion profit loss rising falling '
                || 'sideways volatile slow fast careful simple proven small large weekly daily hourly buys sells waits '
                || 'holds follows hedged lazy', ' ') AS w
        FROM generate_series(1, %(templates)s) n) a) b
"""
