"""Telling traders what the sweep saw: a bot that went down, works again, or stopped by itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection

from accounts.services.notifying import notify_from
from bots.enums import BotStatus, DesiredState, EngineState
from bots.health.check import Outcome
from bots.services import outages
from bots.services.outages import Known

_WANTED: Final = (DesiredState.RUNNING, DesiredState.PAUSED)
_AT_WORK: Final = (EngineState.RUNNING, EngineState.PAUSED)
_STOPPED: Final = (
    "It says that it is stopped, and nobody had asked for that here. It opens no trades and manages none."
)


async def tell(
    connection: AsyncConnection[Any],
    outcomes: Sequence[Outcome],
    rows: Sequence[Mapping[str, Any]],
    names: Mapping[int, str | None],
) -> None:
    """In the transaction that writes `rows`, which are of these outcomes. Most often nothing has turned."""
    seen = {
        outcome.bot.id: (Known(outcome.bot.tenant_id, outcome.bot.bot_id, names[outcome.bot.id]), outcome)
        for outcome in outcomes
    }
    notices = []
    for bot, since, seconds in await _ended(connection, outcomes):
        known, outcome = seen[bot]
        notices.append(outages.up(known, since, seconds, _sentence(outcome)))
    for bot, since in await _begun(connection, outcomes, rows):
        known, outcome = seen[bot]
        notices.append(outages.down(known, since, _sentence(outcome)))
    notices += [
        outages.stopped(seen[outcome.bot.id][0], outcome.bot.leased_at, _STOPPED)
        for outcome, row in zip(outcomes, rows, strict=True)
        if _stopped_by_itself(outcome, row)
    ]
    await notify_from(connection, notices)


def _sentence(outcome: Outcome) -> str:
    assert outcome.verdict is not None
    return outcome.verdict.connection_error or ""


async def _begun(
    connection: AsyncConnection[Any], outcomes: Sequence[Outcome], rows: Sequence[Mapping[str, Any]]
) -> list[tuple[int, datetime]]:
    """Of those that turn to down, as the status that is written says it: not at one check that failed."""
    turned = [
        outcome.bot
        for outcome, row in zip(outcomes, rows, strict=True)
        if row["status"] == BotStatus.ERROR != outcome.bot.status
    ]
    if not turned:
        return []
    cursor = await connection.execute(
        outages.BEGIN, [[bot.tenant_id for bot in turned], [bot.id for bot in turned]]
    )
    return list(await cursor.fetchall())


async def _ended(
    connection: AsyncConnection[Any], outcomes: Sequence[Outcome]
) -> list[tuple[int, datetime, int]]:
    """Whatever the row said: a trader may have asked for a start while the bot was down."""
    alive = [o.bot.id for o in outcomes if o.verdict is not None and o.verdict.alive]
    if not alive:
        return []
    cursor = await connection.execute(outages.END, [alive])
    return list(await cursor.fetchall())


def _stopped_by_itself(outcome: Outcome, row: Mapping[str, Any]) -> bool:
    bot, seen = outcome.bot, outcome.seen
    return (
        seen is not None
        and seen.state is EngineState.STOPPED
        and bot.engine_state in _AT_WORK
        and row["desired"] in _WANTED
        and not (bot.command or row["command"])
    )
