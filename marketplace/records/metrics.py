"""The figures of a record. Ratios are 0.05 for 5 %, amounts are in the bot's stake currency, days are of UTC.

What cannot be known is None and never 0. `measure` tells all that can be reckoned; `record` tells what may be
shown, and withholds what too little data would make a guess.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from operator import itemgetter
from typing import Final

from marketplace.records.curve import (
    Curve,
    DayReturn,
    Drawdown,
    Step,
    closes,
    day_returns,
    draw,
    fall,
    month_returns,
    settled,
)
from marketplace.records.evidence import Quality, judge
from marketplace.records.observed import (
    EXACT,
    Believed,
    ClosedTrade,
    Observed,
    Skipped,
    believe,
    moment_of,
    unseen,
    utc,
)

NO_TRADE: Final = "No closed trade"
NO_LOSING_TRADE: Final = "No losing trade"
OLDEST_PRICE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Month:
    """One row of the monthly table. `ratio` is None where no equity was seen in that month."""

    year: int
    month: int
    ratio: Decimal | None
    trades: int


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """What the closed trades come to, all after fees."""

    trades: int = 0
    win_rate: Decimal | None = None
    """Trades with a profit above 0 by all trades, from 0 to 1. A trade that ended at 0 won nothing."""
    profit_factor: Decimal | None = None
    """All profits by all losses, at least 0. None without a loss; `profit_factor_words` says so."""
    profit_factor_words: str = NO_TRADE
    average_profit: Decimal | None = None
    average_ratio: Decimal | None = None
    """The mean of the trades' own ratios; None as long as one of them is not known."""


@dataclass(frozen=True, slots=True)
class Figures(TradeFigures):
    """Everything that is known of a record."""

    days: int = 0
    """Whole days of 24 hours from the first moment to the last."""
    days_observed: int = 0
    """The same without the gaps."""
    unseen: timedelta = timedelta(0)
    """The gaps, each stretch once."""
    unseen_share: Decimal = Decimal(0)
    """The gaps by the whole time, from 0 to 1."""
    total_return: Decimal | None = None
    """Time-weighted, at least -1: open trades count, deposits do not. Not annualised."""
    return_words: str = ""
    """Why `total_return`, and all that comes from the same curve, is not known; empty where it is."""
    drawdown: Drawdown | None = None
    best_day: DayReturn | None = None
    worst_day: DayReturn | None = None
    months: tuple[Month, ...] = ()
    """Every month from the first to the last, oldest first."""
    buy_and_hold: Decimal | None = None
    """What the same pairs, bought in equal parts and held over the same time, returned; before fees."""
    against_buy_and_hold: Decimal | None = None
    """`total_return` less `buy_and_hold`: a difference of ratios, 0.05 for five percentage points."""
    deleted_trades: int = 0
    skipped: Skipped = field(default_factory=Skipped)


@dataclass(frozen=True, slots=True)
class Daily:
    """What became of 1 at the end of each day (UTC) from `since` on; None where nothing was seen, or is known."""

    since: date
    growth: tuple[Decimal | None, ...] = ()
    held: tuple[Decimal | None, ...] = ()
    """The same for buying and holding; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class Record:
    """The figures that may be shown, and whether they are enough to judge by."""

    figures: Figures
    quality: Quality


def record(observed: Observed) -> Record:
    """What may be shown: figures for which `evidence` finds too little data are None.

    Raises ValueError for a moment without a zone.
    """
    figures = measure(observed)
    quality = judge(figures.days_observed, figures.trades, figures.unseen_share)
    if not quality.tells_return:
        figures = replace(
            figures,
            total_return=None,
            return_words=figures.return_words or quality.sentence,
            drawdown=None,
            best_day=None,
            worst_day=None,
            months=tuple(replace(month, ratio=None) for month in figures.months),
            buy_and_hold=None,
            against_buy_and_hold=None,
        )
    if not quality.tells_trades:
        words = quality.sentence if figures.trades else NO_TRADE
        figures = replace(
            figures,
            win_rate=None,
            profit_factor=None,
            profit_factor_words=words,
            average_profit=None,
            average_ratio=None,
        )
    return Record(figures, quality)


def measure(observed: Observed) -> Figures:
    """All that can be reckoned from what was seen, however little. Raises ValueError like `record`."""
    with localcontext(EXACT):
        believed = believe(observed)
        curve = draw(believed)
        figures = _of_time(observed, believed, _of_trades(believed.trades))
        if not curve.steps:
            return replace(figures, return_words=curve.reason)
        return _of_curve(figures, curve, believed)


def _of_trades(trades: Sequence[ClosedTrade]) -> TradeFigures:
    """Sources: Freqtrade 2026.9, `rpc.py` (win rate, profit factor) and `calculate_expectancy` (average)."""
    if not trades:
        return TradeFigures()
    count = Decimal(len(trades))
    won = sum((trade.profit for trade in trades if trade.profit > 0), Decimal(0))
    lost = -sum((trade.profit for trade in trades if trade.profit < 0), Decimal(0))
    ratios = [trade.ratio for trade in trades if trade.ratio is not None]
    return TradeFigures(
        trades=len(trades),
        win_rate=settled(sum(trade.profit > 0 for trade in trades) / count),
        profit_factor=settled(won / lost) if lost else None,
        profit_factor_words="" if lost else NO_LOSING_TRADE,
        average_profit=settled((won - lost) / count),
        average_ratio=settled(sum(ratios, Decimal(0)) / count) if len(ratios) == len(trades) else None,
    )


def _of_time(observed: Observed, believed: Believed, trades: TradeFigures) -> Figures:
    length = utc(observed.last_at) - utc(observed.first_at)
    gaps = unseen(observed)
    closed = Counter((trade.closed_at.year, trade.closed_at.month) for trade in believed.trades)
    return Figures(
        **{name: getattr(trades, name) for name in TradeFigures.__dataclass_fields__},
        days=length.days,
        days_observed=(length - gaps).days,
        unseen=gaps,
        unseen_share=settled(_seconds(gaps) / _seconds(length)) if length else Decimal(0),
        months=tuple(
            Month(year, month, None, closed[year, month])
            for year, month in _months(utc(observed.first_at), utc(observed.last_at))
        ),
        deleted_trades=observed.deleted_trades,
        skipped=believed.skipped,
    )


def _of_curve(figures: Figures, curve: Curve, believed: Believed) -> Figures:
    steps = curve.steps
    days, by_month = day_returns(steps), month_returns(steps)
    total, held = settled(steps[-1].level - 1), _held(steps, believed)
    return replace(
        figures,
        total_return=total,
        drawdown=fall(steps),
        best_day=max(days, key=lambda day: day.ratio, default=None),
        worst_day=min(days, key=lambda day: day.ratio, default=None),
        months=tuple(
            replace(month, ratio=by_month.get((month.year, month.month))) for month in figures.months
        ),
        buy_and_hold=held,
        against_buy_and_hold=total - held if held is not None else None,
    )


def daily(observed: Observed) -> Daily:
    """The curve as a drawing has it; empty where there is none. Raises ValueError like `record`."""
    with localcontext(EXACT):
        believed = believe(observed)
        steps = draw(believed).steps
        if not steps:
            return Daily(utc(observed.first_at).date())
        levels = {steps[0].at.date(): Decimal(1), **closes(steps)}
        since, until = utc(observed.first_at).date(), utc(observed.last_at).date()
        days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
        growth = tuple(settled(levels[day]) if day in levels else None for day in days)
        held = tuple(_held_on(day, steps, believed) for day in days)
    return Daily(since, growth, held if any(value is not None for value in held) else ())


def _held_on(day: date, steps: Sequence[Step], believed: Believed) -> Decimal | None:
    if day < steps[0].at.date() or day > steps[-1].at.date():
        return None
    grown = _held(steps, believed, min(moment_of(day), steps[-1].at))
    return grown + 1 if grown is not None else None


def _held(steps: Sequence[Step], believed: Believed, until: datetime | None = None) -> Decimal | None:
    """The mean of what each pair's price made of itself between the first step and the last.

    The price of a moment is the last one before it, at most a day old. One pair without leaves all unknown:
    without the pairs that were delisted the comparison would be with the survivors. Source: Freqtrade's
    `calculate_market_change`.
    """
    grown = []
    for prices in believed.prices.values():
        bought, sold = _price(prices, steps[0].at), _price(prices, until or steps[-1].at)
        if bought is None or sold is None:
            return None
        grown.append(sold / bought - 1)
    return settled(sum(grown, Decimal(0)) / len(grown)) if grown else None


def _price(prices: Sequence[tuple[datetime, Decimal]], moment: datetime) -> Decimal | None:
    index = bisect_right(prices, moment, key=itemgetter(0)) - 1
    return prices[index][1] if index >= 0 and prices[index][0] >= moment - OLDEST_PRICE else None


def _months(first: datetime, last: datetime) -> Iterator[tuple[int, int]]:
    for index in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield index // 12, index % 12 + 1


def _seconds(length: timedelta) -> Decimal:
    return Decimal(length // timedelta(microseconds=1)).scaleb(-6)
