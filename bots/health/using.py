"""That the worker uses a bot's token, for the audit trail: noted before it is opened.

A check every few seconds would bury everything else in the trail. So checks are noted once a day for each token
and worker process, and a command that is to be sent each time.
"""

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection

from bots.health.leased import Leased

_NOTE: Final[LiteralString] = "SELECT audit_token_used(%s::uuid[], %s::text[], %s::text[])"

#: Of each bot, the day and the token of which this process has noted that it checks with it.
_noted: dict[str, tuple[date, datetime | None]] = {}


async def note(connection: AsyncConnection[Any], bots: Iterable[Leased]) -> None:
    """Write what is not written yet about these bots, whose tokens are about to be opened."""
    uses = [(bot, purpose) for bot in bots for purpose in _purposes(bot)]
    if not uses:
        return
    tenants: list[uuid.UUID] = [bot.tenant_id for bot, _ in uses]
    await connection.execute(_NOTE, [tenants, [bot.bot_id for bot, _ in uses], [words for _, words in uses]])
    _noted.update({bot.bot_id: _today(bot) for bot, _ in uses})


def _purposes(bot: Leased) -> list[str]:
    words = []
    if _noted.get(bot.bot_id) != _today(bot):
        words.append(f"checks on {bot.leased_at.astimezone(UTC):%Y-%m-%d}")
    if bot.command and bot.command_sent_at is None:
        words.append(f"the command {bot.command}")
    return words


def _today(bot: Leased) -> tuple[date, datetime | None]:
    return bot.leased_at.astimezone(UTC).date(), bot.token_set_at
