"""Reading a bot's figures: what is asked, how far back, and what may be kept."""

import asyncio
from dataclasses import dataclass
from typing import Final

from bots.adapters import Adapter, AdapterError, ClosedTrade, Figures, Rejection
from bots.adapters.sentences import Words
from bots.enums import HealthReason
from bots.health.leased import Leased

MOST_TRADES_AT_ONCE: Final = 5_000
TRADES_UNTIL: Final = 25.0
"""Seconds after the start of a reading at which no more trades are waited for: what came is kept. A bot far
away with years of trades would otherwise never be read to the end, nor show anything."""
MAKE_UP_MINUTES: Final = 15
"""How often closed trades are asked for although their number has not changed: to make up for what failed."""
LARGEST_INTEGER: Final = 2**31 - 1

_NO_PRICES: Final = frozenset({Rejection.PRICES_MISSING, Rejection.ZERO_VALUED})


@dataclass(frozen=True, slots=True)
class Reading:
    """Figures, the closed trades that are new, and where to look for trades next time."""

    figures: Figures
    trades: tuple[ClosedTrade, ...]
    cursor: int

    def exchange_error(self, url: str) -> str | None:
        """The sentence when the bot gets no prices from its exchange."""
        if self.figures.rejected in _NO_PRICES:
            return Words(url).about(HealthReason.EXCHANGE_UNREACHABLE)
        return None


async def read(adapter: Adapter, bot: Leased) -> Reading | None:
    """None when the bot did not give its figures this time; the next reading asks again."""
    until = asyncio.get_running_loop().time() + TRADES_UNTIL
    try:
        figures = await adapter.figures(known_capital=bot.starting_capital)
    except AdapterError:
        return None
    cursor = start_of(figures, bot)
    if not _asks_for_trades(figures, bot, cursor):
        return Reading(figures, (), cursor)
    trades: list[ClosedTrade] = []
    try:
        async with asyncio.timeout_at(until):
            while len(trades) < MOST_TRADES_AT_ONCE and (more := await adapter.trades(cursor)):
                trades += more
                cursor = more[-1].trade_id
    except (AdapterError, TimeoutError):
        pass  # what came is kept, and the rest is asked for later
    return Reading(figures, tuple(trades), _cursor_after(figures, cursor))


def start_of(figures: Figures, bot: Leased) -> int:
    """The id after which trades are new; 0 when the bot's database was reset and counts from 1 again.

    The cursor lies below every trade that was open, so an open trade at or below it is of another database.
    """
    cursor = bot.last_trade_id or 0
    fewer = figures.closed_trades < (bot.closed_trades or 0)
    below = any(trade.trade_id <= cursor for trade in figures.open_trades)
    return 0 if fewer or below else cursor


def _asks_for_trades(figures: Figures, bot: Leased, cursor: int) -> bool:
    if not figures.closed_trades:
        return False
    if figures.closed_trades != bot.closed_trades or cursor != bot.last_trade_id:
        return True
    # Ids count from 1, so a cursor that has seen all closed trades is not below their number.
    if cursor < min([figures.closed_trades, *(trade.trade_id - 1 for trade in figures.open_trades)]):
        return True
    return (bot.leased_at.minute + bot.id) % MAKE_UP_MINUTES == 0


def _cursor_after(figures: Figures, cursor: int) -> int:
    """A trade may close after one with a higher id, so the oldest open one holds the cursor back."""
    lowest_open = min((trade.trade_id for trade in figures.open_trades), default=cursor + 1)
    return max(0, min(cursor, lowest_open - 1, LARGEST_INTEGER))
