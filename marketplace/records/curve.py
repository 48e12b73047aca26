"""What became of 1 that was there at the beginning: a curve that a deposit or a withdrawal does not move.

Levels are ratios to the beginning, 1.05 after 5 %. All functions are called within `observed.EXACT`.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from operator import itemgetter
from typing import Final

from marketplace.records.observed import Believed, Worth

NEVER_SEEN: Final = "No equity was seen yet."
SEEN_ONCE: Final = "Equity was seen only once, so there is nothing to compare it with."
FLOW_UNKNOWN: Final = "The allocation was changed by an amount that is not known."
NO_CAPITAL: Final = "Money came in that no deposit explains."
LEAST_SHARE: Final = Decimal("0.1")
"""Of what the stretch began with: with less on average, early withdrawals are taken for late ones."""
PLACES: Final = Decimal("1E-12")


@dataclass(frozen=True, slots=True)
class Step:
    """The level at a moment, and its extremes since the step before: 0 <= `low` <= `level` <= `high`."""

    at: datetime
    level: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Curve:
    """Steps, oldest first and at least two; or none, and the sentence why."""

    steps: tuple[Step, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The greatest fall below an earlier peak.

    `ratio` is from 0 to 1 of the peak. The days are None where it never fell; `recovery_day` is None as long
    as the peak has not been reached again.
    """

    ratio: Decimal
    peak_day: date | None = None
    trough_day: date | None = None
    recovery_day: date | None = None


@dataclass(frozen=True, slots=True)
class DayReturn:
    """What one day of UTC made of what it began with, as a ratio of at least -1."""

    day: date
    ratio: Decimal


def settled(value: Decimal) -> Decimal:
    """Twelve places, and no zero below zero."""
    return value.quantize(PLACES) + 0 if abs(value) < Decimal(10**40) else value


def draw(believed: Believed) -> Curve:
    """The time-weighted curve: the returns of the stretches between two worths, linked.

    Source: CFA Institute, GIPS Standards for Firms (2020), section 2; a stretch with a flow inside it by
    Dietz's modified method (P. O. Dietz, Pension Funds: Measuring Investment Performance, 1966).
    """
    worths = _beginning(believed)
    if believed.skipped.flows:
        return Curve(reason=FLOW_UNKNOWN)
    if len(worths) < 2:
        return Curve(reason=SEEN_ONCE if worths else NEVER_SEEN)
    level, anchor = Decimal(1), (Decimal(1), worths[0].equity)
    steps = [Step(worths[0].at, level, level, level)]
    for before, now in pairwise(worths):
        flows = _between(believed.flows, before.at, now.at)
        if level > 0 and (flows or before.equity <= 0):
            factor = _factor(before, now, flows)
            if factor is None:
                return Curve(reason=NO_CAPITAL)
            level *= factor
            anchor = level, now.equity
            # The extremes were of the capital before the flow or after it, nobody can say.
            steps.append(Step(now.at, level, level, level))
        else:
            low, level, high = (_level(level, anchor, worth) for worth in (now.low, now.equity, now.high))
            steps.append(Step(now.at, level, low, high))
    return Curve(tuple(steps))


def _level(level: Decimal, anchor: tuple[Decimal, Decimal], worth: Decimal) -> Decimal:
    """The level of a worth, reckoned from the last flow, so that the same worth is the same level again."""
    return anchor[0] * max(worth, Decimal(0)) / anchor[1] if level > 0 else Decimal(0)


def _between(
    flows: Sequence[tuple[datetime, Decimal]], after: datetime, until: datetime
) -> Sequence[tuple[datetime, Decimal]]:
    first = bisect_right(flows, after, key=itemgetter(0))
    return flows[first : bisect_right(flows, until, key=itemgetter(0))]


def _beginning(believed: Believed) -> Sequence[Worth]:
    worths, capital = believed.worths, believed.starting_capital
    if capital is not None:
        return (Worth(believed.first_at, capital, capital, capital), *worths)
    # An account that is empty before its first deposit has no record yet.
    start = 0
    first_flow = believed.flows[0][0] if believed.flows else None
    while start + 1 < len(worths) and worths[start].equity <= 0:
        if first_flow is not None and first_flow <= worths[start + 1].at:
            break
        start += 1
    return worths[start:]


def _factor(before: Worth, now: Worth, flows: Sequence[tuple[datetime, Decimal]]) -> Decimal | None:
    """What the stretch made of 1, at least 0; None where money came from nowhere."""
    gain = now.equity - before.equity - sum((amount for _, amount in flows), Decimal(0))
    length = _microseconds(now.at - before.at)
    weighted = [(amount, _microseconds(now.at - at) * amount / length) for at, amount in flows]
    capital = before.equity + sum((share for _, share in weighted), Decimal(0))
    if capital < before.equity * LEAST_SHARE:
        capital = before.equity + sum((share for amount, share in weighted if amount > 0), Decimal(0))
    if capital <= 0:
        return None if gain else Decimal(1)
    return max(1 + gain / capital, Decimal(0))


def _microseconds(length: timedelta) -> Decimal:
    return Decimal(length // timedelta(microseconds=1))


def fall(steps: Sequence[Step]) -> Drawdown:
    """The maximum drawdown: the greatest (peak - later level) / peak.

    Source: M. Magdon-Ismail and A. Atiya, Maximum Drawdown, Risk 17(10), 2004; the same as
    `freqtrade.data.metrics.calculate_max_drawdown(relative=True)` from equity. Of one step the high may have
    come after the low, so the low is measured against the steps before alone.
    """
    peak, peak_at, worst, found = steps[0].high, 0, Decimal(0), (Decimal(0), 0, 0)
    for index, step in enumerate(steps[1:], start=1):
        for reached in (step.low, step.level):
            if peak > 0 and (peak - reached) / peak > worst:
                worst, found = (peak - reached) / peak, (peak, peak_at, index)
            if step.high > peak:
                peak, peak_at = step.high, index
    height, top, bottom = found
    if not settled(worst):
        return Drawdown(Decimal(0))
    again = next((step for step in steps[bottom:] if _is_reached(height, step, steps[bottom])), None)
    return Drawdown(
        settled(worst),
        steps[top].at.date(),
        steps[bottom].at.date(),
        again.at.date() if again is not None else None,
    )


def _is_reached(height: Decimal, step: Step, bottom: Step) -> bool:
    """Whether the peak was reached again, to twelve places; of the bottom's own step only the end is later."""
    reached = step.level if step is bottom else step.high
    return settled((height - reached) / height) <= 0


def closes(steps: Sequence[Step]) -> dict[date, Decimal]:
    """The last level of each day on which one was seen, oldest first, that of the beginning left out."""
    return {step.at.date(): step.level for step in steps[1:]}


def day_returns(steps: Sequence[Step]) -> list[DayReturn]:
    """What each day made of the one before, where both were seen, and nothing had been lost entirely."""
    day_before, level_before, found = steps[0].at.date(), steps[0].level, []
    for day, level in closes(steps).items():
        if (day - day_before).days <= 1 and level_before > 0:
            found.append(DayReturn(day, settled(level / level_before - 1)))
        day_before, level_before = day, level
    return found


def month_returns(steps: Sequence[Step]) -> dict[tuple[int, int], Decimal | None]:
    """For each month (year, month) in which equity was seen, its return; linked they are the whole one.

    What changed while nothing was seen falls to the month in which equity was seen again. None after
    everything was lost.
    """
    ends: dict[tuple[int, int], Decimal] = {}
    for day, level in closes(steps).items():
        ends[day.year, day.month] = level
    before, found = steps[0].level, dict[tuple[int, int], Decimal | None]()
    for month, level in ends.items():
        found[month] = settled(level / before - 1) if before > 0 else None
        before = level
    return found
