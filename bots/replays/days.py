"""What a replay was worth on each of its days, reckoned from its orders and the prices, in whole numbers."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain, pairwise
from operator import mul
from typing import Final

from bots.replays.engine import Replay
from tradewise.simulation.history import STEP, STEPS_PER_DAY, milliseconds, symbol_of

CENT: Final = Decimal("0.01")
_FINEST: Final = 8  # places of an amount that is held; no lot is smaller


@dataclass(frozen=True, slots=True)
class Day:
    """As a bot tells of a day: what its trades earned that were closed on it, and what it was worth.

    Equity holds open trades at the price of the moment less the fee of selling, as Freqtrade's own does; it is looked
    at once in each step of the history.
    """

    day: date
    profit: Decimal
    trades: int
    starting_balance: Decimal
    low: Decimal
    high: Decimal
    close: Decimal


def days_of(replay: Replay, closes: Mapping[str, Sequence[int]], first: date, days: int) -> list[Day]:
    """Each day of it. `closes` are those of each pair, step by step from 00:00 UTC of `first`."""
    begin = milliseconds(first)
    worths = _worths(replay, closes, begin, days * STEPS_PER_DAY)
    found, balance = [], replay.starting
    for number in range(days):
        day = first + timedelta(days=number)
        closed = [trade.profit for trade in replay.trades if trade.closed_at.date() == day]
        seen = worths[number * STEPS_PER_DAY : (number + 1) * STEPS_PER_DAY]
        found.append(Day(day, sum(closed, Decimal(0)), len(closed), balance, min(seen), max(seen), seen[-1]))
        balance += found[-1].profit
    return found


def _worths(replay: Replay, closes: Mapping[str, Sequence[int]], begin: int, steps: int) -> list[Decimal]:
    """The equity at the end of each step."""
    cash, held, fee = replay.starting, dict.fromkeys(closes, 0), Decimal(0)
    places = {pair: symbol_of(pair).price_places for pair in closes}
    unit = Decimal(1).scaleb(-_FINEST - max(places.values()))
    weight = {pair: 10 ** (max(places.values()) - count) for pair, count in places.items()}
    changes = sorted(_changes(replay, begin), key=lambda change: change[0])
    worths: list[Decimal] = []
    edges = chain([(0, "", Decimal(0), Decimal(0), fee)], changes, [(steps, "", Decimal(0), Decimal(0), fee)])
    for (_, pair, amount, paid, charged), (until, *_rest) in pairwise(edges):
        if pair:
            held[pair] += int(amount.scaleb(_FINEST).to_integral_value())
            cash, fee = cash + paid, charged
        positions = [
            (array("q", closes[name][len(worths) : until]), count * weight[name])
            for name, count in held.items()
            if count
        ]
        left = (1 - fee) * unit
        if positions:
            factors = [factor for _, factor in positions]
            rows = zip(*(prices for prices, _ in positions), strict=True)
            worths += [cash + left * sum(map(mul, row, factors)) for row in rows]
        else:
            worths += [cash] * (until - len(worths))
    return worths


def _changes(replay: Replay, begin: int) -> Iterator[tuple[int, str, Decimal, Decimal, Decimal]]:
    """(step in which it was filled, pair, change of the amount held, change of the cash, fee) of each order."""
    for trade in replay.trades:
        for order in trade.orders:
            cost = order.price * order.amount
            step = (_milliseconds(order.at) - begin) // STEP
            if order.buys:
                yield step, trade.pair, order.amount, -cost * (1 + order.fee), order.fee
            else:
                yield step, trade.pair, -order.amount, cost * (1 - order.fee), order.fee


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
