"""Writing readings down: the latest figures, the series, the days and the trades. One statement each.

All of it happens in the transaction that gives the leases back, for bots whose lease still held: a reading
is stored once or not at all.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any, Final, LiteralString

from django.conf import settings
from psycopg import AsyncConnection

from bots.adapters import ClosedTrade, DayResult, OpenTrade
from bots.health.leased import Leased
from bots.health.readings import LARGEST_INTEGER, Reading

TREND_DAYS: Final = 30
_EIGHT_PLACES: Final = Decimal("0.00000001")
_LARGEST_RATIO: Final = Decimal(10) ** 9

Read = tuple[Leased, Reading]

_ACCEPTED: Final[LiteralString] = """
INSERT INTO bot_figures AS f (bot_id, tenant_id, taken_at, profit_all, profit_closed, profit_today,
    starting_capital, equity, closed_trades, winning_trades, losing_trades, open_trade_count, max_open_trades,
    open_trades, trend, last_trade_id, rejected_reason)
SELECT bot_id, tenant_id, now(), profit_all, profit_closed, profit_today, starting_capital, equity,
    closed_trades, winning_trades, losing_trades, open_trade_count, max_open_trades, open_trades, trend,
    last_trade_id, ''
FROM json_to_recordset(%s::json) AS v (bot_id int, tenant_id uuid, profit_all numeric, profit_closed numeric,
    profit_today numeric, starting_capital numeric, equity numeric, closed_trades int, winning_trades int,
    losing_trades int, open_trade_count int, max_open_trades int, open_trades jsonb, trend jsonb,
    last_trade_id int)
ON CONFLICT (bot_id) DO UPDATE SET taken_at = excluded.taken_at, profit_all = excluded.profit_all,
    profit_closed = excluded.profit_closed, profit_today = excluded.profit_today,
    starting_capital = coalesce(excluded.starting_capital, f.starting_capital), equity = excluded.equity,
    closed_trades = excluded.closed_trades, winning_trades = excluded.winning_trades,
    losing_trades = excluded.losing_trades, open_trade_count = excluded.open_trade_count,
    max_open_trades = excluded.max_open_trades, open_trades = excluded.open_trades, trend = excluded.trend,
    last_trade_id = excluded.last_trade_id, rejected_reason = ''"""

# Of another currency or mode than the bot has now.
_BLANK: Final[LiteralString] = """
UPDATE bot_figures SET taken_at = NULL, profit_all = NULL, profit_closed = NULL, profit_today = NULL,
    starting_capital = NULL, equity = NULL, closed_trades = NULL, winning_trades = NULL, losing_trades = NULL,
    open_trade_count = NULL, max_open_trades = NULL, open_trades = '[]', trend = '[]', last_trade_id = 0,
    rejected_reason = '', rejected_at = NULL
WHERE bot_id = ANY(%s::int[])"""

# What is known stays as it was: better old figures, with their date, than a loss that is none.
_REJECTED: Final[LiteralString] = """
INSERT INTO bot_figures AS f (bot_id, tenant_id, rejected_samples, rejected_reason, rejected_at)
SELECT bot_id, tenant_id, 1, reason, now()
FROM json_to_recordset(%s::json) AS v (bot_id int, tenant_id uuid, reason text)
ON CONFLICT (bot_id) DO UPDATE SET rejected_samples = f.rejected_samples + 1,
    rejected_reason = excluded.rejected_reason, rejected_at = excluded.rejected_at"""

_SAMPLES: Final[LiteralString] = """
INSERT INTO bot_samples (tenant_id, bot_id, taken_at, equity, profit_all, profit_closed, open_trade_count,
    closed_trades)
SELECT tenant_id, bot_id, now(), equity, profit_all, profit_closed, open_trade_count, closed_trades
FROM json_to_recordset(%s::json) AS v (tenant_id uuid, bot_id int, equity numeric, profit_all numeric,
    profit_closed numeric, open_trade_count int, closed_trades int)"""

_DAYS: Final[LiteralString] = """
INSERT INTO bot_days AS d (tenant_id, bot_id, day, profit, trades, starting_balance, equity_low, equity_high,
    equity_close)
SELECT tenant_id, bot_id, day, profit::numeric(24, 8), trades, starting_balance::numeric(24, 8),
    equity::numeric(24, 8), equity::numeric(24, 8), equity::numeric(24, 8)
FROM json_to_recordset(%s::json) AS v (tenant_id uuid, bot_id int, day date, profit numeric, trades int,
    starting_balance numeric, equity numeric)
ON CONFLICT (tenant_id, bot_id, day) DO UPDATE SET profit = coalesce(excluded.profit, d.profit),
    trades = coalesce(excluded.trades, d.trades),
    starting_balance = coalesce(excluded.starting_balance, d.starting_balance),
    equity_low = least(d.equity_low, excluded.equity_low),
    equity_high = greatest(d.equity_high, excluded.equity_high),
    equity_close = coalesce(excluded.equity_close, d.equity_close)"""

_TRADES: Final[LiteralString] = """
INSERT INTO bot_trades (tenant_id, bot_id, trade_id, pair, opened_at, closed_at, stake_amount, open_rate,
    close_rate, profit, profit_ratio, exit_reason, turnover, fees)
SELECT tenant_id, bot_id, trade_id, pair, opened_at, closed_at, stake_amount, open_rate, close_rate, profit,
    profit_ratio, exit_reason, turnover, fees
FROM json_to_recordset(%s::json) AS v (tenant_id uuid, bot_id int, trade_id int, pair text,
    opened_at timestamptz, closed_at timestamptz, stake_amount numeric, open_rate numeric, close_rate numeric,
    profit numeric, profit_ratio float8, exit_reason text, turnover numeric, fees numeric)
ON CONFLICT DO NOTHING"""


# Against the mark before, and not the reading before: many small changes are one large one. What the bot divides to
# name its capital is exact to some digits, so the last ten-thousandth says nothing.
_MARKS: Final[LiteralString] = """
INSERT INTO bot_marks (tenant_id, bot_id, at, unseen_since, capital, change, equity)
SELECT tenant_id, bot_id, now(), unseen_since, CASE WHEN moved OR known IS NULL THEN capital ELSE base END,
    CASE WHEN moved THEN capital - base END, equity
FROM (
    SELECT v.*, base, coalesce(known IS NOT NULL AND abs(v.capital - base) > base * 0.0001, false) AS moved
    FROM (
        SELECT tenant_id, bot_id, unseen_since, capital::numeric(24, 8), known::numeric(24, 8),
            equity::numeric(24, 8)
        FROM json_to_recordset(%s::json) AS r (tenant_id uuid, bot_id int, unseen_since timestamptz,
            capital numeric, known numeric, equity numeric)
    ) v LEFT JOIN LATERAL (
        SELECT m.capital FROM bot_marks m
        WHERE m.tenant_id = v.tenant_id AND m.bot_id = v.bot_id AND m.capital IS NOT NULL
        ORDER BY m.at DESC, m.id DESC LIMIT 1
    ) m ON known IS NOT NULL CROSS JOIN LATERAL (SELECT coalesce(m.capital, known) AS base) b
) w
WHERE known IS NULL OR unseen_since IS NOT NULL OR moved"""


async def store(connection: AsyncConnection[Any], readings: Sequence[Read]) -> None:
    """Within the caller's transaction, which holds the bots' rows."""
    accepted = [(bot, reading) for bot, reading in readings if reading.figures.rejected is None]
    rejected = [(bot, reading) for bot, reading in readings if reading.figures.rejected is not None]
    latest = [_latest(bot, reading) for bot, reading in accepted]
    await _insert(connection, _ACCEPTED, latest)
    await _insert(connection, _SAMPLES, [row for row in latest if row["equity"] is not None])
    marks = [mark for bot, reading in accepted if (mark := _mark(bot, reading)) is not None]
    await _insert(connection, _MARKS, marks)
    await _insert(connection, _DAYS, [row for bot, reading in accepted for row in _days(bot, reading)])
    await _insert(connection, _TRADES, [row for bot, reading in accepted for row in _trades(bot, reading)])
    await _insert(
        connection,
        _REJECTED,
        [{**_owner(bot), "reason": str(reading.figures.rejected)} for bot, reading in rejected],
    )


async def blank(connection: AsyncConnection[Any], ids: list[int]) -> None:
    """Make the latest figures of these bots unknown, within the caller's transaction."""
    await connection.execute(_BLANK, [ids])


async def _insert(
    connection: AsyncConnection[Any], statement: LiteralString, rows: list[dict[str, Any]]
) -> None:
    if rows:
        await connection.execute(statement, [json.dumps(rows)])


def _owner(bot: Leased) -> dict[str, Any]:
    return {"bot_id": bot.id, "tenant_id": str(bot.tenant_id)}


def _latest(bot: Leased, reading: Reading) -> dict[str, Any]:
    figures = reading.figures
    today = bot.leased_at.astimezone(UTC).date()
    return {
        **_owner(bot),
        "profit_all": _text(figures.profit_all),
        "profit_closed": _text(figures.profit_closed),
        "profit_today": _text(next((d.profit_abs for d in figures.days if d.day == today), None)),
        "starting_capital": _text(figures.starting_capital),
        "equity": _text(figures.equity),
        "closed_trades": _integer(figures.closed_trades),
        "winning_trades": _integer(figures.winning),
        "losing_trades": _integer(figures.losing),
        "open_trade_count": len(figures.open_trades),
        "max_open_trades": _integer(figures.max_open_trades),
        "open_trades": [_open_trade(trade) for trade in figures.open_trades],
        "trend": trend(figures.days, figures.profit_closed, today) if figures.closed_trades else [],
        "last_trade_id": reading.cursor,
    }


def unseen_after() -> timedelta:
    """How long nothing may be read before it is a gap."""
    return max(timedelta(minutes=15), 3 * timedelta(seconds=settings.BOT_FIGURES_INTERVAL))


def _mark(bot: Leased, reading: Reading) -> dict[str, Any] | None:
    """What the database compares with the mark before; None for a reading that just follows on the last one."""
    capital, known = reading.figures.starting_capital, bot.starting_capital
    is_gap = bot.taken_at is not None and bot.leased_at - bot.taken_at > unseen_after()
    is_same = capital is None or (known is not None and capital.quantize(_EIGHT_PLACES) == known)
    if is_same and not is_gap:
        return None
    return {
        **_owner(bot),
        "unseen_since": bot.taken_at.isoformat() if bot.taken_at is not None and is_gap else None,
        "capital": _text(capital),
        "known": _text(known),
        "equity": _text(reading.figures.equity),
    }


def trend(days: Iterable[DayResult], total: Decimal | None, today: date) -> list[str]:
    """The cumulated closed profit at the end of each of the last 30 days, oldest first.

    Reckoned back from `total`, the profit of all time, where that is known, else forward from 0.
    """
    results = {day.day: day.profit_abs or Decimal(0) for day in days}
    window = [today - timedelta(days=TREND_DAYS - 1 - index) for index in range(TREND_DAYS)]
    profits = [results.get(day, Decimal(0)) for day in window]
    level = Decimal(0) if total is None else total - sum(profits)
    levels = []
    for profit in profits:
        level += profit
        levels.append(format(level.quantize(_EIGHT_PLACES), "f"))
    return levels


def _days(bot: Leased, reading: Reading) -> list[dict[str, Any]]:
    """The days that can have changed since the last reading, and today with its equity."""
    today = bot.leased_at.astimezone(UTC).date()
    since = today - timedelta(days=TREND_DAYS + 1)
    if bot.taken_at is not None:
        since = max(since, bot.taken_at.astimezone(UTC).date() - timedelta(days=1))
    if bot.record_since is not None:
        since = max(since, bot.record_since.astimezone(UTC).date())
    rows = {
        day.day: {
            **_owner(bot),
            "day": day.day.isoformat(),
            "profit": _text(day.profit_abs),
            "trades": _integer(day.trade_count),
            "starting_balance": _text(day.starting_balance),
        }
        for day in reading.figures.days
        if since <= day.day <= today
    }
    if reading.figures.equity is not None:
        row = rows.setdefault(today, {**_owner(bot), "day": today.isoformat()})
        row["equity"] = _text(reading.figures.equity)
    return list(rows.values())


def _trades(bot: Leased, reading: Reading) -> list[dict[str, Any]]:
    return [_closed_trade(bot, trade) for trade in reading.trades if _is_whole(trade)]


def _is_whole(trade: ClosedTrade) -> bool:
    return trade.trade_id <= LARGEST_INTEGER and None not in (trade.opened_at, trade.closed_at)


def _closed_trade(bot: Leased, trade: ClosedTrade) -> dict[str, Any]:
    return {
        **_owner(bot),
        "trade_id": trade.trade_id,
        "pair": trade.pair[:50],
        "opened_at": trade.opened_at.isoformat() if trade.opened_at else None,
        "closed_at": trade.closed_at.isoformat() if trade.closed_at else None,
        "stake_amount": _text(trade.stake_amount),
        "open_rate": _text(trade.open_rate),
        "close_rate": _text(trade.close_rate),
        "profit": _text(trade.profit_abs),
        "profit_ratio": _ratio(trade.profit_ratio),
        "exit_reason": trade.exit_reason[:100],
        "turnover": _text(trade.turnover),
        "fees": _text(trade.fees),
    }


def _open_trade(trade: OpenTrade) -> dict[str, Any]:
    return {
        "trade_id": trade.trade_id,
        "pair": trade.pair,
        "opened_at": trade.opened_at.isoformat() if trade.opened_at else None,
        "stake_amount": _text(trade.stake_amount),
        "open_rate": _text(trade.open_rate),
        "current_rate": _text(trade.current_rate),
        "profit_abs": _text(trade.profit_abs),
        "profit_ratio": _text(trade.profit_ratio),
        "is_short": trade.is_short,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _ratio(value: Decimal | None) -> float | None:
    return None if value is None or abs(value) > _LARGEST_RATIO else float(value)


def _integer(value: int | None) -> int | None:
    return None if value is None or abs(value) > LARGEST_INTEGER else value
