"""The database is the queue: who is due is leased in one short transaction, and written back in another.

Only the database's clock counts, so a worker with a wrong one does no harm. What is written back must still
hold the lease; a late writer changes nothing.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from bots.health import figures
from bots.health.leased import Leased
from bots.health.reading import Reading
from bots.health.verdict import Seen, Verdict

#: Longer than the slowest check with its figures, and no longer: a killed worker's bots wait for it.
LEASE_SECONDS: Final = 40

CLAIM: Final = """
WITH due AS (
    SELECT id, next_figures_at <= clock_timestamp() AS figures_due, next_check_at AS was_due FROM bots
    WHERE bot_type = 'external' AND api_token IS NOT NULL AND next_check_at <= clock_timestamp()
      AND (lease_until IS NULL OR lease_until <= clock_timestamp())
    ORDER BY next_check_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
), leased AS (
    UPDATE bots b SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s), lease_token = %(token)s,
        next_figures_at = CASE WHEN due.figures_due
            THEN clock_timestamp() + make_interval(secs => %(figures)s) ELSE b.next_figures_at END
    FROM due WHERE b.id = due.id
    RETURNING b.id, b.tenant_id, b.bot_id, b.api_url, b.api_token, b.status, b.health, b.failures,
        b.connection_error, b.desired_state, b.command, b.command_asked_at,
        coalesce(extract(epoch FROM clock_timestamp() - b.command_asked_at), 0)::float8 AS command_age,
        extract(epoch FROM clock_timestamp() - b.command_sent_at)::float8 AS sent_age,
        due.was_due AS next_check_at, due.figures_due
)
SELECT l.*, f.starting_capital, f.closed_trades, coalesce(f.last_trade_id, 0) AS last_trade_id,
       %(token)s::uuid AS lease_token
FROM leased l LEFT JOIN bot_figures f ON f.bot_id = l.id ORDER BY l.id
"""

# A trader may have asked for something meanwhile: then the command, the status and the time of the next
# check are the trader's. The regular next check is the bot's own slot, so that a late sweep
# neither doubles checks nor bunches them.
WRITE_BACK: Final = """
WITH seen AS (
    SELECT * FROM unnest(
        %(id)s::int[], %(token)s::uuid[], %(status)s::text[], %(health)s::text[], %(failures)s::int[],
        %(answered)s::bool[], %(error)s::text[], %(seconds)s::float8[], %(command)s::text[], %(sent)s::bool[],
        %(desired)s::text[], %(kind)s::text[], %(sentence)s::text[], %(soon)s::bool[], %(asked)s::timestamptz[],
        %(was_due)s::timestamptz[], %(latency)s::int[], %(state)s::text[], %(version)s::text[],
        %(strategy)s::text[], %(exchange)s::text[], %(timeframe)s::text[], %(currency)s::text[], %(dry)s::bool[]
    ) AS s(id, token, status, health, failures, answered, error, seconds, command, sent, desired, kind, sentence,
           soon, asked, was_due, latency, state, version, strategy, exchange, timeframe, currency, dry)
), done AS (
    UPDATE bots b SET
        lease_token = NULL, lease_until = NULL, checks = b.checks + 1, checked_at = clock_timestamp(),
        last_ping = CASE WHEN s.answered THEN clock_timestamp() ELSE b.last_ping END,
        connection_error = s.error, failures = s.failures,
        health_since = CASE WHEN b.health <> s.health THEN clock_timestamp() ELSE b.health_since END,
        health = s.health,
        status = CASE WHEN b.command_asked_at IS DISTINCT FROM s.asked THEN b.status ELSE s.status END,
        command = CASE WHEN b.command_asked_at IS DISTINCT FROM s.asked THEN b.command ELSE s.command END,
        command_sent_at = CASE
            WHEN b.command_asked_at IS DISTINCT FROM s.asked THEN b.command_sent_at
            WHEN s.command = '' THEN NULL
            WHEN s.sent THEN coalesce(b.command_sent_at, clock_timestamp())
            ELSE b.command_sent_at END,
        desired_state = CASE
            WHEN b.command_asked_at IS DISTINCT FROM s.asked THEN b.desired_state ELSE s.desired END,
        next_check_at = CASE
            WHEN b.command_asked_at IS DISTINCT FROM s.asked OR b.next_check_at <> s.was_due THEN b.next_check_at
            WHEN s.seconds IS NOT NULL THEN clock_timestamp() + make_interval(secs => s.seconds)
            ELSE to_timestamp(
                ceil((extract(epoch FROM clock_timestamp())::float8 + %(interval)s / 3.0 - slot.phase)
                     / %(interval)s) * %(interval)s + slot.phase) END,
        next_figures_at = CASE WHEN s.soon THEN clock_timestamp() ELSE b.next_figures_at END,
        latency_ms = coalesce(s.latency, b.latency_ms), engine_state = coalesce(s.state, b.engine_state),
        engine_version = coalesce(s.version, b.engine_version), strategy = coalesce(s.strategy, b.strategy),
        exchange = coalesce(s.exchange, b.exchange), timeframe = coalesce(s.timeframe, b.timeframe),
        stake_currency = coalesce(s.currency, b.stake_currency), dry_run = coalesce(s.dry, b.dry_run)
    FROM seen s
    CROSS JOIN LATERAL (
        SELECT mod(abs(hashint4(s.id)::bigint), (%(interval)s * 1000)::bigint) / 1000.0::float8 AS phase) slot
    WHERE b.id = s.id AND b.lease_token = s.token
    RETURNING b.id, b.tenant_id, b.status, b.health, s.kind, s.sentence
), told AS (
    INSERT INTO bot_events (tenant_id, bot_id, at, kind, status, health, sentence)
    SELECT tenant_id, id, clock_timestamp(), kind, status, health, sentence FROM done WHERE kind <> ''
)
SELECT id FROM done
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One bot's check, judged and ready to be written."""

    was: Leased
    seen: Seen
    verdict: Verdict
    reading: Reading | None = None


def claim(limit: int) -> list[Leased]:
    """Lease up to `limit` bots that are due; nobody else gets them until the lease ends."""
    parameters = {
        "limit": limit,
        "lease": LEASE_SECONDS,
        "token": uuid.uuid4(),
        "figures": settings.BOT_FIGURES_INTERVAL,
    }
    names = [field.name for field in fields(Leased)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, parameters)
        columns = [column.name for column in cursor.description]
        order = [columns.index(name) for name in names]
        return [Leased(*(row[index] for index in order)) for row in cursor.fetchall()]


def mark_sent(leased: Leased) -> bool:
    """Note that a command goes out now; False when the bot is no longer leased to us.

    For a command that must not be sent twice: written before it is sent.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE bots SET command_sent_at = clock_timestamp() "
            "WHERE id = %s AND lease_token = %s AND command_asked_at = %s",
            [leased.id, leased.lease_token, leased.command_asked_at],
        )
        return bool(cursor.rowcount == 1)


def write_back(results: Sequence[Result]) -> int:
    """Write what was seen where the lease still holds, together with its figures; how many that were."""
    ordered = sorted(results, key=lambda result: result.was.id)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(WRITE_BACK, {**_columns(ordered), "interval": settings.BOT_CHECK_INTERVAL})
        written = {row[0] for row in cursor.fetchall()}
        readings = [result.reading for result in ordered if result.reading and result.was.id in written]
        if readings:
            figures.write(cursor, readings)
    return len(written)


def _columns(results: Sequence[Result]) -> dict[str, list[Any]]:
    """One array for each column of `seen`."""
    rows = [(r.was, r.verdict, r.seen.probe) for r in results]
    return {
        "id": [was.id for was, _, _ in rows],
        "token": [was.lease_token for was, _, _ in rows],
        "asked": [was.command_asked_at for was, _, _ in rows],
        "was_due": [was.next_check_at for was, _, _ in rows],
        "status": [str(v.status) for _, v, _ in rows],
        "health": [str(v.health) for _, v, _ in rows],
        "failures": [v.failures for _, v, _ in rows],
        "answered": [v.answered for _, v, _ in rows],
        "error": [v.connection_error for _, v, _ in rows],
        "seconds": [v.seconds for _, v, _ in rows],
        "command": [str(v.command) for _, v, _ in rows],
        "sent": [v.sent for _, v, _ in rows],
        "desired": [None if v.desired_state is None else str(v.desired_state) for _, v, _ in rows],
        "kind": [v.event_kind for _, v, _ in rows],
        "sentence": [v.event_sentence for _, v, _ in rows],
        "soon": [v.figures_soon for _, v, _ in rows],
        "latency": [p.latency_ms if v.answered else None for _, v, p in rows],
        "state": [str(p.state.value) if p.state else None for _, _, p in rows],
        "version": [_cut(p.version, 40) for _, _, p in rows],
        "strategy": [_cut(p.strategy, 100) for _, _, p in rows],
        "exchange": [_cut(p.exchange, 50) for _, _, p in rows],
        "timeframe": [_cut(p.timeframe, 10) for _, _, p in rows],
        "currency": [_cut(p.stake_currency, 20) for _, _, p in rows],
        "dry": [p.dry_run for _, _, p in rows],
    }


def _cut(text: str | None, length: int) -> str | None:
    return None if text is None else text[:length]


__all__ = ["LEASE_SECONDS", "Result", "claim", "mark_sent", "write_back"]
