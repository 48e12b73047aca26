"""Giving leases back with what was seen, hundreds at a time, where the lease still holds.

Two ways. A bot that is as it was gets a heartbeat: a few narrow columns, no index touched, so the update is
HOT. Whatever changed goes the long way: the rows are locked, in the order of their ids, compared with what
was leased, and then written with their events and figures in the same transaction.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple

from psycopg import AsyncConnection

from bots.health import figures
from bots.health.check import Outcome
from bots.health.leased import Leased
from bots.health.record import anew, turn
from bots.health.telling import tell
from bots.health.verdict import COMMAND_SOON, Event, facts_of

# Each bot has its own place in the interval, by a hash of its id: no herd, and a late sweep skips the slots
# that it missed.
_SLOT: Final[LiteralString] = """to_timestamp((floor(extract(epoch FROM now()) / {every}
    - (hashint4(b.id) & 2147483647) / 2147483648.0) + 1 + (hashint4(b.id) & 2147483647) / 2147483648.0)
    * {every})"""
# Who asked for a check since the claim has one coming.
_UNTOUCHED: Final[LiteralString] = "b.next_check_at = b.lease_until"

_HEARTBEAT: Final[LiteralString] = (
    """
UPDATE bots b
SET checks = b.checks + 1, checked_at = now(), last_ping = now(), latency_ms = v.latency, lease_token = NULL,
    lease_until = NULL,
    next_check_at = CASE WHEN """
    + _UNTOUCHED
    + " THEN "
    + _SLOT.replace("{every}", "%(every)s::int")
    + """ ELSE b.next_check_at END
FROM unnest(%(ids)s::int[], %(latencies)s::int[]) AS v (id, latency)
WHERE b.id = v.id AND b.lease_token = %(token)s"""
)

_HOLD: Final[LiteralString] = """
SELECT id, status, desired_state, command, command_asked_at, api_url, token_set_at, name
FROM bots WHERE id = ANY(%(ids)s::int[]) AND lease_token = %(token)s
ORDER BY id FOR NO KEY UPDATE"""

_CHANGES: Final[LiteralString] = (
    """
UPDATE bots b
SET checks = b.checks + 1, checked_at = now(), lease_token = NULL, lease_until = NULL,
    last_ping = CASE WHEN v.alive THEN now() ELSE b.last_ping END, latency_ms = v.latency,
    status = v.status, health = v.health, connection_error = v.error, failures = v.failures,
    health_since = CASE WHEN b.health <> v.health OR b.health_since IS NULL THEN now() ELSE b.health_since END,
    desired_state = v.desired, command = v.command,
    command_sent_at = CASE v.sent WHEN 'now' THEN coalesce(b.command_sent_at, now())
        WHEN 'no' THEN NULL WHEN 'failed' THEN NULL ELSE b.command_sent_at END,
    command_asked_at = CASE WHEN v.sent = 'no' THEN NULL ELSE b.command_asked_at END,
    engine_state = v.engine_state, engine_version = v.engine_version, strategy = v.strategy,
    exchange = v.exchange, timeframe = v.timeframe, stake_currency = v.stake_currency, dry_run = v.dry_run,
    record_since = CASE WHEN v.anew THEN now() ELSE b.record_since END,
    next_check_at = CASE WHEN NOT ("""
    + _UNTOUCHED
    + """) THEN b.next_check_at
        WHEN v.soon IS NOT NULL THEN now() + v.soon * interval '1 s' ELSE """
    + _SLOT.replace("{every}", "v.every")
    + """ END,
    next_figures_at = CASE WHEN v.figures THEN now() + %(figures)s * interval '1 s'
        WHEN v.anew THEN now() ELSE b.next_figures_at END,
    updated_at = now()
FROM json_to_recordset(%(rows)s::json) AS v (id int, alive boolean, latency int, status text, health text,
    error text, failures int, desired text, command text, sent text, engine_state text, engine_version text,
    strategy text, exchange text, timeframe text, stake_currency text, dry_run boolean, soon float8, every int,
    figures boolean, anew boolean)
WHERE b.id = v.id AND b.lease_token = %(token)s"""
)

# Nothing is known about these, or of another address than the one they have now: look again soon.
_RELEASE: Final[LiteralString] = """
UPDATE bots SET lease_token = NULL, lease_until = NULL,
    next_check_at = least(next_check_at, now() + %(soon)s * interval '1 s')
WHERE id = ANY(%(ids)s::int[]) AND lease_token = %(token)s"""

_EVENTS: Final[LiteralString] = """
INSERT INTO bot_events (tenant_id, bot_id, kind, status, health, sentence)
SELECT tenant_id, bot_id, kind, status, health, sentence
FROM json_to_recordset(%s::json)
    AS v (tenant_id uuid, bot_id int, kind text, status text, health text, sentence text)"""

UNKNOWN_SOON: Final = 5.0


class Held(NamedTuple):
    """A bot's row as it is now, locked."""

    id: int
    status: str
    desired_state: str | None
    command: str
    command_asked_at: datetime | None
    api_url: str
    token_set_at: datetime | None
    name: str | None


class Pace(NamedTuple):
    """Seconds between two checks of a working bot, and between two readings of its figures."""

    checks: int
    figures: int


async def write_back(
    connection: AsyncConnection[Any], token: uuid.UUID, outcomes: Sequence[Outcome], pace: Pace
) -> int:
    """Write what was found about bots whose lease `token` still holds; returns how many those were.

    One short transaction. Waits half a second at most for a row that a trader's request holds and then
    raises psycopg's LockNotAvailable, so that it is never the request that gives way.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.bot.id)
    steady = [o for o in ordered if o.seen is not None and o.verdict is None]
    changed = [o for o in ordered if o.verdict is not None]
    unknown = [o.bot.id for o in ordered if o.seen is None]
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '500ms'")
        written = await _beat(connection, token, steady, pace) if steady else 0
        written += await _change(connection, token, changed, pace) if changed else 0
        if unknown:
            await _release(connection, token, unknown, UNKNOWN_SOON)
    return written


async def _beat(
    connection: AsyncConnection[Any], token: uuid.UUID, steady: Sequence[Outcome], pace: Pace
) -> int:
    # Arrays are written by hand: the driver would adapt every element.
    ids = ",".join([str(o.bot.id) for o in steady])
    latencies = ",".join([str(o.seen.latency_ms) for o in steady if o.seen is not None])
    cursor = await connection.execute(
        _HEARTBEAT,
        {"ids": f"{{{ids}}}", "latencies": f"{{{latencies}}}", "token": token, "every": pace.checks},
    )
    return cursor.rowcount


async def _change(
    connection: AsyncConnection[Any], token: uuid.UUID, changed: Sequence[Outcome], pace: Pace
) -> int:
    cursor = await connection.execute(_HOLD, {"ids": [o.bot.id for o in changed], "token": token})
    held = {row[0]: Held._make(row) for row in await cursor.fetchall()}
    ours = [o for o in changed if o.bot.id in held]  # the others are gone, or another's by now
    moved = [o.bot.id for o in ours if _has_moved(o.bot, held[o.bot.id])]
    ours = [o for o in ours if not _has_moved(o.bot, held[o.bot.id])]
    turns = {o.bot.id: sentence for o in ours if o.seen is not None and (sentence := turn(o.bot, o.seen))}
    rows, events = [], []
    for outcome in ours:
        row = _row(outcome, held[outcome.bot.id], begins_anew=outcome.bot.id in turns)
        rows.append(row)
        events += _events(outcome, row, turns.get(outcome.bot.id, ""))
    if rows:
        await connection.execute(
            _CHANGES, {"rows": json.dumps(rows), "token": token, "figures": pace.figures}
        )
    if events:
        await connection.execute(_EVENTS, [json.dumps(events)])
    await tell(connection, ours, rows, {number: row.name for number, row in held.items()})
    if turns:
        await figures.blank(connection, list(turns))
    # The reading comes after: it is of the new record, whose moment is that of this transaction.
    readings = [
        (anew(o.bot) if o.bot.id in turns else o.bot, o.reading) for o in ours if o.reading is not None
    ]
    if readings:
        await figures.store(connection, readings)
    if moved:
        await _release(connection, token, moved, 0.0)
    return len(ours)


async def _release(connection: AsyncConnection[Any], token: uuid.UUID, ids: list[int], soon: float) -> None:
    await connection.execute(_RELEASE, {"ids": ids, "token": token, "soon": soon})


def _has_moved(bot: Leased, now: Held) -> bool:
    return bot.api_url != now.api_url or bot.token_set_at != now.token_set_at


def _is_overtaken(bot: Leased, now: Held) -> bool:
    """Whether a trader asked for something else since: then what the site wrote stays."""
    asked = (bot.command_asked_at, bot.command, bot.desired_state)
    return asked != (now.command_asked_at, now.command, now.desired_state)


def _row(outcome: Outcome, now: Held, *, begins_anew: bool) -> dict[str, Any]:
    bot, seen, verdict = outcome.bot, outcome.seen, outcome.verdict
    assert seen is not None
    assert verdict is not None
    state, version, strategy, exchange, timeframe, currency, dry_run = facts_of(seen, bot)
    overtaken = _is_overtaken(bot, now)
    sent = "keep"
    if bot.command and not overtaken:
        # A reload is noted before it is sent; one that never left is not taken for done.
        sent = "no" if not verdict.command else "now" if outcome.was_sent else "failed"
    return {
        "id": bot.id,
        "alive": verdict.alive,
        "latency": seen.latency_ms if verdict.alive else None,
        "status": now.status if overtaken else verdict.status,
        "health": verdict.health,
        "error": verdict.connection_error,
        "failures": verdict.failures,
        "desired": now.desired_state if overtaken else verdict.desired_state,
        "command": now.command if overtaken else verdict.command,
        "sent": sent,
        "engine_state": state,
        "engine_version": version,
        "strategy": strategy,
        "exchange": exchange,
        "timeframe": timeframe,
        "stake_currency": currency,
        "dry_run": dry_run,
        "soon": COMMAND_SOON
        if begins_anew and not outcome.figures_asked and verdict.soon is None
        else verdict.soon,
        "every": verdict.every,
        "figures": outcome.figures_asked,
        "anew": begins_anew,
    }


def _events(outcome: Outcome, row: dict[str, Any], turned: str) -> list[dict[str, Any]]:
    verdict = outcome.verdict
    assert verdict is not None
    # Overtaken, its status was not written: the next check, which is due, tells it if it is so still.
    is_written = row["status"] == verdict.status
    told = [event for event in verdict.events if is_written or event.kind == "command"]
    if turned:
        told.append(Event("health", turned))
    return [
        {
            "tenant_id": str(outcome.bot.tenant_id),
            "bot_id": outcome.bot.id,
            "kind": event.kind,
            "status": row["status"],
            "health": row["health"],
            "sentence": event.sentence,
        }
        for event in told
    ]
