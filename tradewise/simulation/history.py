"""What the simulated exchange's prices were: a stretch of whole days of one pair, in candles of a quarter of an hour.

Always the exchange as it is by default, so that whoever trades there today trades on the same history.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from tradewise.simulation.market import DAY, LISTED_AT, MINUTE, SYMBOLS, Market, Symbol

MINUTES = 15
STEP = MINUTES * MINUTE
STEPS_PER_DAY = DAY // STEP
FIELDS = 5  # open, high, low and close in ticks, volume in lots
_CLOSE = 3
FIRST_DAY = datetime.fromtimestamp(LISTED_AT / 1000, UTC).date()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Candles of one pair, one after the other without a gap, from 00:00 UTC of `first` on; numbers as `Candle` has."""

    symbol: Symbol
    first: date
    rows: array[int]

    def closes(self, first: date) -> array[int]:
        """The closes in ticks, from 00:00 UTC of that day on."""
        begin = (first - self.first).days * STEPS_PER_DAY
        return self.rows[begin * FIELDS + _CLOSE :: FIELDS]

    def write(self, path: Path) -> None:
        """As plain 64-bit numbers of this machine."""
        path.write_bytes(self.rows.tobytes())


def symbol_of(pair: str) -> Symbol:
    """BTC/USDT as the exchange knows it. Raises KeyError for what it does not trade."""
    return SYMBOLS[pair.replace("/", "")]


def stretch(pair: str, first: date, days: int) -> Stretch:
    """Takes about 15 ms for each day. Raises KeyError, and ValueError for days before the exchange began."""
    symbol = symbol_of(pair)
    if first < FIRST_DAY:
        raise ValueError(f"The simulated exchange has no prices before {FIRST_DAY}.")
    start = milliseconds(first)
    return Stretch(symbol, first, array("q", _numbers(Market(), symbol, start, start + days * DAY)))


def _numbers(market: Market, symbol: Symbol, start: int, end: int) -> Iterator[int]:
    for candle in market.candles(symbol, MINUTES, start, end - 1, end):
        yield from (candle.open, candle.high, candle.low, candle.close, candle.volume)


def close_of_day(pair: str, day: date) -> Decimal:
    """What one unit cost at the end of that day (UTC). Raises as `stretch` does."""
    if day < FIRST_DAY:
        raise ValueError(f"The simulated exchange has no prices before {FIRST_DAY}.")
    symbol = symbol_of(pair)
    ticks = _market().midnight(symbol, milliseconds(day + timedelta(days=1)) // DAY)
    return Decimal(ticks).scaleb(-symbol.price_places)


@cache
def _market() -> Market:
    return Market()


def milliseconds(day: date) -> int:
    """When it began, since 1970 UTC."""
    return (day.toordinal() - date(1970, 1, 1).toordinal()) * DAY
