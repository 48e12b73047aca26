"""The prices of the simulated exchange: a pure function of seed, symbol and time.

Nothing is stored and nothing is drawn at run time, so a restart, a second process and every timeframe see
the same history. All prices are whole ticks and all volumes whole lots: a candle of an hour is exactly
the sum of its sixty minutes, not nearly.

A day is one walk in steps of fifteen seconds. It wanders around a line from one midnight to the next and
is pulled back to that line, so that short dips tend to be followed by a recovery; the line itself rides on
a few slow waves, which keep the price within about a third of its starting value for ever.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, repeat

SECOND = 1_000
MINUTE = 60 * SECOND
DAY = 1_440 * MINUTE
STEP = 15 * SECOND
STEPS_PER_DAY = DAY // STEP
STEPS_PER_MINUTE = MINUTE // STEP

# 2026-01-01 UTC. No symbol has a candle before it, so that a request for daily candles costs few walks.
LISTED_AT = 1_767_225_600_000

# Every interval divides a day, so that a candle never needs two walks.
INTERVALS = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "8h": 480,
    "12h": 720,
    "1d": 1_440,
}

# Period in days and amplitude of the logarithm of the price. Incommensurable, so the sum does not repeat.
WAVES = ((3.3, 0.015), (11.9, 0.03), (41.0, 0.07), (173.0, 0.17))

# The part of a deviation that is left after one step: half of it is gone after two and a half minutes.
PERSISTENCE = 0.93


@dataclass(frozen=True, slots=True)
class Symbol:
    """A traded pair. A tick is 10**-price_places of the quote, a lot 10**-lot_places of the base."""

    base: str
    quote: str
    start_price: float
    price_places: int
    lot_places: int

    @property
    def name(self) -> str:
        return f"{self.base}{self.quote}"

    def price(self, ticks: int) -> str:
        """The decimal text of a price, exact: the division is rounded once and far below one tick."""
        return f"{ticks / 10**self.price_places:.{self.price_places}f}"

    def quantity(self, lots: int) -> str:
        return f"{lots / 10**self.lot_places:.{self.lot_places}f}"

    def turnover(self, ticks: int, lots: int) -> str:
        """Price times quantity in the quote currency."""
        return f"{ticks * lots / 10 ** (self.price_places + self.lot_places):.8f}"


SYMBOLS = {
    symbol.name: symbol
    for symbol in (
        Symbol("BTC", "USDT", 64_000.0, 2, 5),
        Symbol("ETH", "USDT", 3_200.0, 2, 4),
        Symbol("SOL", "USDT", 150.0, 2, 3),
        Symbol("BNB", "USDT", 580.0, 2, 3),
        Symbol("XRP", "USDT", 0.60, 5, 1),
        Symbol("ADA", "USDT", 0.55, 5, 1),
    )
}


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices in ticks, volume in lots, times in milliseconds since 1970; `closes_at` is exclusive."""

    opens_at: int
    closes_at: int
    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass(frozen=True, slots=True)
class _Walk:
    """One day of one symbol: the price at each step and at the next midnight, the volume of each step."""

    ticks: array[int]
    lots: array[int]


class Market:
    """All symbols under one seed. Safe to share between threads.

    `volatility` is the standard deviation of a one-minute return (0.0012 is 0.12 %).
    Times are milliseconds since 1970 UTC and must not lie before `LISTED_AT`.
    """

    def __init__(self, seed: int = 42, volatility: float = 0.0012) -> None:
        self._seed = seed
        self._volatility = volatility
        self._walk = lru_cache(maxsize=256)(self._make_walk)
        self._daily = lru_cache(maxsize=8_192)(self._window)

    def price(self, symbol: Symbol, at: int) -> int:
        """The price in ticks, on the straight line between two steps."""
        day, offset = divmod(at, DAY)
        index, rest = divmod(offset, STEP)
        ticks = self._walk(symbol, day).ticks
        return ticks[index] + (ticks[index + 1] - ticks[index]) * rest // STEP

    def book(self, symbol: Symbol, at: int) -> tuple[int, int]:
        """Best bid and best ask in ticks; the spread is 0.01 % and never less than two ticks."""
        middle = self.price(symbol, at)
        half = max(1, middle // 20_000)
        return middle - half, middle + half

    def candle(self, symbol: Symbol, minutes: int, opens_at: int, now: int) -> Candle:
        """The candle that opens at a multiple of its own length; only what has happened by `now` is in it."""
        closes_at = opens_at + minutes * MINUTE
        if closes_at > now:
            return self._window(symbol, opens_at, now)
        if minutes * MINUTE == DAY:
            return self._daily(symbol, opens_at, closes_at)
        return self._window(symbol, opens_at, closes_at)

    def candles(self, symbol: Symbol, minutes: int, start: int, end: int, now: int) -> Iterator[Candle]:
        """Candles that open in start..end (inclusive), oldest first, none from the future."""
        length = minutes * MINUTE
        first = -(-max(start, LISTED_AT) // length) * length
        for opens_at in range(first, min(end, now - 1) + 1, length):
            yield self.candle(symbol, minutes, opens_at, now)

    def rolling(self, symbol: Symbol, now: int) -> Candle:
        """The last twenty-four hours, to the step."""
        return self._window(symbol, max(LISTED_AT, (now - DAY) // STEP * STEP), now)

    def _window(self, symbol: Symbol, start: int, end: int) -> Candle:
        """What happened from `start` (on a step, before `end`) to `end`, both edges of the price included."""
        high, low, volume = 0, 0, 0
        for day in range(start // DAY, (end - 1) // DAY + 1):
            walk = self._walk(symbol, day)
            first = max(0, (start - day * DAY) // STEP)
            last, rest = divmod(min(end - day * DAY, DAY), STEP)
            seen = walk.ticks[first : last + 1]
            high = max(high, *seen) if len(seen) > 1 else max(high, seen[0])
            low = min(low or high, *seen)
            volume += sum(walk.lots[first:last])
            if rest:
                volume += walk.lots[last] * rest // STEP
        close = self.price(symbol, end)
        return Candle(start, end, self.price(symbol, start), max(high, close), min(low, close), close, volume)

    def midnight(self, symbol: Symbol, day: int) -> int:
        """The price in ticks at 00:00 UTC of a day since 1970: the same as `price`, without the day's walk."""
        ticks: int = round(math.exp(self._midnight(symbol, day)) * 10**symbol.price_places)
        return ticks

    def _midnight(self, symbol: Symbol, day: int) -> float:
        """The logarithm of the price at 00:00 UTC of a day since 1970."""
        phases = random.Random(f"{self._seed}|{symbol.name}")  # noqa: S311 (a price, not a secret)
        return math.log(symbol.start_price) + sum(
            amplitude * math.sin(math.tau * (day / period + phases.random())) for period, amplitude in WAVES
        )

    def _make_walk(self, symbol: Symbol, day: int) -> _Walk:
        source = random.Random(f"{self._seed}|{symbol.name}|{day}")  # noqa: S311 (a price, not a secret)
        deviation = self._volatility / math.sqrt(STEPS_PER_MINUTE)
        noise = map(source.gauss, repeat(0.0, STEPS_PER_DAY), repeat(deviation))
        wander = list(accumulate(noise, lambda x, shock: x * PERSISTENCE + shock, initial=0.0))

        # The walk must end on the line, where the next day begins: what it misses by is taken off evenly.
        start, end = self._midnight(symbol, day), self._midnight(symbol, day + 1)
        drift = (end - start - wander[-1]) / STEPS_PER_DAY
        scale = 10**symbol.price_places
        ticks = array("q", [round(math.exp(start + x + drift * i) * scale) for i, x in enumerate(wander)])
        ticks[-1] = round(math.exp(end) * scale)

        # Between 10 000 and 60 000 of the quote currency change hands in a step.
        lot_value = symbol.start_price / 10**symbol.lot_places
        least, spread = round(10_000 / lot_value), 50_000 / lot_value
        lots = array("q", [least + int(source.random() * spread) for _ in range(STEPS_PER_DAY)])
        return _Walk(ticks, lots)
