"""What subscribers really got, told so that nobody's own result can be read from it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from statistics import quantiles
from typing import Final

from marketplace.records.observed import EXACT, Number, number

FEWEST: Final = 5
"""Below so many subscribers nothing is told."""
POINT: Final = Decimal("0.01")
"""No result is told more exactly than to one percentage point."""
CROWDS: Final = (5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class SubscriberResult:
    """One subscription's own time-weighted return as a ratio; `subscriber` is whose, the same for all of theirs."""

    subscriber: str
    total_return: Number


@dataclass(frozen=True, slots=True)
class SubscribersGot:
    """Median and quartiles in whole percentage points, as ratios: 0.05 for 5 %.

    `lower` is rounded down and `upper` up, so that they are at least a point apart. `at_least` is the number of
    subscribers in steps, so that it does not tell when one of them came or left.
    """

    at_least: int
    lower: Decimal
    median: Decimal
    upper: Decimal


def subscribers_got(results: Iterable[SubscriberResult]) -> SubscribersGot | None:
    """Median and quartiles of the subscribers' returns; None below five subscribers with a known one.

    Each subscriber counts once, with the mean of their subscriptions. Quartiles by linear interpolation:
    R. J. Hyndman and Y. Fan, Sample Quantiles in Statistical Packages, The American Statistician 50(4), 1996,
    definition 7. Why it reveals nobody, and what remains: docs/records.md. The author's own subscriptions
    are for the caller to leave out.
    """
    of_each: defaultdict[str, list[Decimal]] = defaultdict(list)
    for result in results:
        ratio = number(result.total_return)
        if ratio is not None:
            of_each[result.subscriber].append(ratio)
    if len(of_each) < FEWEST:
        return None
    with localcontext(EXACT):
        means = [sum(ratios, Decimal(0)) / len(ratios) for ratios in of_each.values()]
        low, middle, high = quantiles(means, n=4, method="inclusive")
        lower = low.quantize(POINT, ROUND_FLOOR)
        upper = max(high.quantize(POINT, ROUND_CEILING), lower + POINT)
        median = middle.quantize(POINT, ROUND_HALF_EVEN) + 0
    crowd = max(step for step in CROWDS if step <= len(of_each))
    return SubscribersGot(crowd, lower, median, upper)
