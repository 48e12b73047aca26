"""The database is the queue: leases are taken here, by the database's clock alone.

Claiming moves `next_check_at` to the end of the lease. So a bot whose worker died is due again exactly then,
and a trader who asks for a check meanwhile is noticed: the two moments differ.
"""

import uuid
from typing import Any, Final, LiteralString

from django.conf import settings
from django.db import connections
from psycopg import AsyncConnection

from bots.health.leased import Leased

LEASE_SECONDS: Final = 60
"""Longer than any check may take."""

CLAIM: Final[LiteralString] = """
WITH due AS (
    SELECT id FROM bots
    WHERE next_check_at <= now() AND (lease_until IS NULL OR lease_until <= now())
      AND api_token IS NOT NULL AND (failures > 0) = %(failing)s
      AND (bot_type = 'external' OR id IN (SELECT e.bot_id FROM bot_engines e WHERE e.host = %(host)s))
    ORDER BY next_check_at
    LIMIT %(most)s
    FOR NO KEY UPDATE SKIP LOCKED)
UPDATE bots b
SET lease_token = %(token)s, lease_until = now() + %(lease)s * interval '1 s',
    next_check_at = now() + %(lease)s * interval '1 s'
FROM due LEFT JOIN bot_figures f ON f.bot_id = due.id
WHERE b.id = due.id
RETURNING b.id, b.tenant_id, b.bot_id, now(), b.api_url, b.api_token, b.token_set_at, b.status,
    b.desired_state, b.command, b.command_asked_at, b.command_sent_at, b.health, b.failures,
    b.connection_error, b.engine_state, b.engine_version, b.strategy, b.exchange, b.timeframe,
    b.stake_currency, b.dry_run, b.next_figures_at <= now(), f.taken_at, f.starting_capital, f.closed_trades,
    f.last_trade_id, b.record_since, b.bot_type, b.lease_token"""

_ABOUT_TO_SEND: Final[LiteralString] = """
UPDATE bots SET command_sent_at = now()
WHERE id = %(id)s AND lease_token = %(token)s AND command = %(command)s
  AND command_asked_at IS NOT DISTINCT FROM %(asked_at)s AND command_sent_at IS NULL"""


async def connect() -> AsyncConnection[Any]:
    """A connection of the sweep's own, as the login of this process.

    An asynchronous one: the loop goes on with its checks while the database works, without a thread that
    would take turns with it. Each statement is its own transaction unless one is opened.
    """
    wrapper = connections["default"]
    known: dict[str, Any] = dict(wrapper.get_connection_params())
    for name in ("cursor_factory", "context", "pool", "server_side_binding", "isolation_level"):
        known.pop(name, None)
    # PgBouncer in transaction mode keeps no prepared statements for us.
    return await AsyncConnection.connect(**{**known, "prepare_threshold": None, "autocommit": True})


async def claim(
    connection: AsyncConnection[Any],
    token: uuid.UUID,
    *,
    most: int,
    failing: bool,
    lease: int = LEASE_SECONDS,
) -> list[Leased]:
    """Lease at most `most` bots that are due, those that failed last time or the others.

    Engines of our own answer on their machine alone, so its own worker asks them.
    """
    cursor = await connection.execute(
        CLAIM,
        {"token": token, "most": most, "failing": failing, "lease": lease, "host": settings.BOT_HOST},
    )
    return [Leased._make(row) for row in await cursor.fetchall()]


async def about_to_send(connection: AsyncConnection[Any], token: uuid.UUID, bot: Leased) -> bool:
    """Note that a command is being sent; False when it was sent, changed or leased by another since."""
    cursor = await connection.execute(
        _ABOUT_TO_SEND,
        {"id": bot.id, "token": token, "command": bot.command, "asked_at": bot.command_asked_at},
    )
    return cursor.rowcount == 1
