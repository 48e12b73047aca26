"""Figures into the database: the latest ones, a sample of the series, the days, the closed trades.

Called in the transaction that wrote the check back, for bots whose lease held, so that a sample is written once.
A sample that is not to be believed is counted and not stored.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final

from django.db.backends.utils import CursorWrapper
from psycopg.types.json import Jsonb

from bots.adapters import ClosedTrade, DayResult, Figures, OpenTrade
from bots.health.reading import Reading

#: Amounts beyond this do not fit numeric(24, 8); no bot that is believed reports them.
LARGEST: Final = Decimal(10) ** 15
TREND_DAYS: Final = 30

LATEST: Final = """
INSERT INTO bot_figures (tenant_id, bot_id, taken_at, profit_all, profit_closed, profit_today, starting_capital,
    equity, closed_trades, winning_trades, losing_trades, open_trade_count, max_open_trades, open_trades, trend,
    last_trade_id)
VALUES (%(tenant)s, %(bot)s, clock_timestamp(), %(all)s, %(closed)s, %(today)s, %(capital)s, %(equity)s,
    %(trades)s, %(winning)s, %(losing)s, %(open)s, %(most)s, %(positions)s, %(trend)s, %(cursor)s)
ON CONFLICT (bot_id) DO UPDATE SET
    taken_at = excluded.taken_at, profit_all = excluded.profit_all, profit_closed = excluded.profit_closed,
    profit_today = excluded.profit_today, starting_capital = excluded.starting_capital,
    equity = excluded.equity, closed_trades = excluded.closed_trades, winning_trades = excluded.winning_trades,
    losing_trades = excluded.losing_trades, open_trade_count = excluded.open_trade_count,
    max_open_trades = excluded.max_open_trades, open_trades = excluded.open_trades, trend = excluded.trend,
    last_trade_id = excluded.last_trade_id, rejected_reason = ''
"""
SAMPLE: Final = """
INSERT INTO bot_samples (tenant_id, bot_id, taken_at, equity, profit_all, profit_closed, open_trade_count,
    closed_trades)
VALUES (%(tenant)s, %(bot)s, clock_timestamp(), %(equity)s, %(all)s, %(closed)s, %(open)s, %(trades)s)
"""
TODAYS_EQUITY: Final = """
INSERT INTO bot_days (tenant_id, bot_id, day, equity_low, equity_high, equity_close)
VALUES (%(tenant)s, %(bot)s, (clock_timestamp() AT TIME ZONE 'UTC')::date, %(equity)s, %(equity)s, %(equity)s)
ON CONFLICT (tenant_id, bot_id, day) DO UPDATE SET
    equity_low = least(bot_days.equity_low, excluded.equity_low),
    equity_high = greatest(bot_days.equity_high, excluded.equity_high), equity_close = excluded.equity_close
"""
DAY: Final = """
INSERT INTO bot_days (tenant_id, bot_id, day, profit, trades, starting_balance)
VALUES (%(tenant)s, %(bot)s, %(day)s, %(profit)s, %(trades)s, %(balance)s)
ON CONFLICT (tenant_id, bot_id, day) DO UPDATE SET
    profit = excluded.profit, trades = excluded.trades, starting_balance = excluded.starting_balance
WHERE (bot_days.profit, bot_days.trades) IS DISTINCT FROM (excluded.profit, excluded.trades)
"""
TRADE: Final = """
INSERT INTO bot_trades (tenant_id, bot_id, trade_id, pair, opened_at, closed_at, stake_amount, open_rate,
    close_rate, profit, profit_ratio, exit_reason)
VALUES (%(tenant)s, %(bot)s, %(trade)s, %(pair)s, %(opened)s, %(closed)s, %(stake)s, %(open_rate)s,
    %(close_rate)s, %(profit)s, %(ratio)s, %(reason)s)
ON CONFLICT (tenant_id, bot_id, trade_id, opened_at) DO NOTHING
"""
# What does not depend on a price is true all the same, and is kept up to date.
REJECTED: Final = """
INSERT INTO bot_figures (tenant_id, bot_id, profit_closed, closed_trades, winning_trades, losing_trades,
    open_trade_count, max_open_trades, open_trades, rejected_samples, rejected_reason, rejected_at)
VALUES (%(tenant)s, %(bot)s, %(closed)s, %(trades)s, %(winning)s, %(losing)s, %(open)s, %(most)s,
    %(positions)s, 1, %(rejected)s, clock_timestamp())
ON CONFLICT (bot_id) DO UPDATE SET
    profit_closed = excluded.profit_closed, closed_trades = excluded.closed_trades,
    winning_trades = excluded.winning_trades, losing_trades = excluded.losing_trades,
    open_trade_count = excluded.open_trade_count, max_open_trades = excluded.max_open_trades,
    open_trades = excluded.open_trades, rejected_samples = bot_figures.rejected_samples + 1,
    rejected_reason = excluded.rejected_reason, rejected_at = excluded.rejected_at
"""


def write(cursor: CursorWrapper, readings: Sequence[Reading]) -> None:
    """Write the readings of several bots. Pipelined: a round trip for each statement, not for each row."""
    good = [reading for reading in readings if _is_believed(reading.figures)]
    rows = [_latest(reading) for reading in good]
    _many(cursor, LATEST, rows)
    _many(cursor, SAMPLE, rows)
    _many(cursor, TODAYS_EQUITY, [row for row in rows if row["equity"] is not None])
    _many(cursor, REJECTED, [_latest(reading) for reading in readings if reading not in good])
    _many(cursor, DAY, [row for reading in readings for row in _days(reading)])
    _many(cursor, TRADE, [row for reading in readings for row in _trades(reading)])


def _many(cursor: CursorWrapper, statement: str, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        cursor.executemany(statement, rows)


def _is_believed(figures: Figures) -> bool:
    return figures.rejected is None and (figures.equity is None or abs(figures.equity) < LARGEST)


def _latest(reading: Reading) -> dict[str, Any]:
    was, figures = reading.was, reading.figures
    return {
        "tenant": was.tenant_id,
        "bot": was.id,
        "all": _amount(figures.profit_all),
        "closed": _amount(figures.profit_closed),
        "today": _today(figures.days),
        "capital": _amount(figures.starting_capital),
        "equity": _amount(figures.equity),
        "trades": figures.closed_trades,
        "winning": figures.winning,
        "losing": figures.losing,
        "open": len(figures.open_trades),
        "most": figures.max_open_trades,
        "positions": Jsonb([_position(trade) for trade in figures.open_trades]),
        "trend": Jsonb(_trend(figures)),
        "cursor": reading.next_cursor,
        "rejected": str(figures.rejected or "amount out of range"),
    }


def _amount(value: Decimal | None) -> Decimal | None:
    """An amount that the column holds: eight places, as exchanges count; None beyond its range."""
    if value is None or not value.is_finite() or abs(value) >= LARGEST:
        return None
    return value.quantize(Decimal("1e-8"))


def _today(days: Iterable[DayResult]) -> Decimal | None:
    """Today's closed profit in UTC; None where the bot's list does not reach today."""
    today = datetime.now(UTC).date()
    return next((_amount(day.profit_abs) for day in days if day.day == today), None)


def _trend(figures: Figures) -> list[str]:
    """The cumulated closed profit at the end of each day, oldest first."""
    profits = [day.profit_abs for day in figures.days[-TREND_DAYS:]]
    known = [profit for profit in profits if profit is not None]
    if figures.profit_closed is None or len(known) != len(profits):
        return []
    before = figures.profit_closed - sum(known, Decimal(0))
    return [str(total) for total in accumulate(known, initial=before)][1:]


def _position(trade: OpenTrade) -> dict[str, Any]:
    return {
        "trade_id": trade.trade_id,
        "pair": trade.pair[:50],
        "opened_at": trade.opened_at.isoformat() if trade.opened_at else None,
        "stake_amount": _text(trade.stake_amount),
        "open_rate": _text(trade.open_rate),
        "current_rate": _text(trade.current_rate),
        "profit": _text(trade.profit_abs),
        "profit_ratio": _text(trade.profit_ratio),
        "is_short": trade.is_short,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _days(reading: Reading) -> Iterable[dict[str, Any]]:
    """The last two days, or all of them the first time: older days do not change."""
    first = reading.was.closed_trades is None
    for day in reading.figures.days if first else reading.figures.days[-2:]:
        yield {
            "tenant": reading.was.tenant_id,
            "bot": reading.was.id,
            "day": day.day,
            "profit": _amount(day.profit_abs),
            "trades": day.trade_count,
            "balance": _amount(day.starting_balance),
        }


def _trades(reading: Reading) -> Iterable[dict[str, Any]]:
    for trade in reading.trades:
        if trade.opened_at is not None and trade.closed_at is not None:
            yield _trade(reading, trade)


def _trade(reading: Reading, trade: ClosedTrade) -> dict[str, Any]:
    return {
        "tenant": reading.was.tenant_id,
        "bot": reading.was.id,
        "trade": trade.trade_id,
        "pair": trade.pair[:50],
        "opened": trade.opened_at,
        "closed": trade.closed_at,
        "stake": _amount(trade.stake_amount),
        "open_rate": _rate(trade.open_rate),
        "close_rate": _rate(trade.close_rate),
        "profit": _amount(trade.profit_abs),
        "ratio": None if trade.profit_ratio is None else float(trade.profit_ratio),
        "reason": trade.exit_reason[:100],
    }


def _rate(value: Decimal | None) -> Decimal | None:
    """A price, with the twelve places of its column."""
    if value is None or not value.is_finite() or abs(value) >= Decimal(10) ** 17:
        return None
    return value.quantize(Decimal("1e-12"))
