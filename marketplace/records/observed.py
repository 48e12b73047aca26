"""What was seen of a bot, and the part of it that can be believed.

Amounts are in the bot's stake currency, ratios are 0.05 for 5 %, and days are days of UTC. Bots send what they
like: in any order, twice, or NaN. What cannot be a number is left out and counted, never guessed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Final

EXACT: Final = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""How figures are reckoned: digits to spare, so that what is shown depends on no order of steps."""
LARGEST: Final = Decimal(10**16)
"""No amount reaches this: the database's columns do not hold it."""
FINEST: Final = Decimal("1E-18")

Tally = Counter[str]

Number = Decimal | float | None
"""As the database gives it. Unknown is None; NaN and the infinities are read as unknown, and counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A closed trade. `profit` is after fees; `profit_ratio` and `stake` may be unknown.

    It is the same trade where `trade_id` and `opened_at` are the same.
    """

    trade_id: int
    opened_at: datetime
    closed_at: datetime
    profit: Number
    profit_ratio: Number = None
    stake: Number = None


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """What the bot was worth, open trades included. A date stands for the end of that day.

    At the moment of a change of the allocation it is the worth after it. `low` and `high` are the extremes
    since the point before, where they were seen.
    """

    at: datetime | date
    equity: Number
    low: Number = None
    high: Number = None


@dataclass(frozen=True, slots=True)
class Flow:
    """A change of the allocation: a deposit is positive, a withdrawal negative.

    Two of one moment and amount are one that was read twice.
    """

    at: datetime
    amount: Number


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of a pair's base cost, greater than 0. A date stands for the close of that day."""

    at: datetime | date
    price: Number


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which nothing was seen of the bot."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All that was seen of one bot, in any order.

    `starting_capital` is what it had at `first_at`; without it the record begins with the first equity.
    `prices` holds every pair that the bot trades, one without prices too: then the comparison is unknown.
    Raises ValueError for a moment without a zone, and for an end before the beginning.
    """

    first_at: datetime
    last_at: datetime
    trades: Sequence[Trade] = ()
    equity: Sequence[EquityPoint] = ()
    starting_capital: Number = None
    flows: Sequence[Flow] = ()
    prices: Mapping[str, Sequence[Price]] = field(default_factory=dict)
    gaps: Sequence[Gap] = ()
    deleted_trades: int = 0

    def __post_init__(self) -> None:
        if utc(self.first_at) > utc(self.last_at):
            raise ValueError("A record cannot end before it begins.")


@dataclass(frozen=True, slots=True)
class Skipped:
    """How many of what was handed in did not count, and why."""

    equity: int = 0
    """Not a number: NaN, infinite, or too large. A worth that is None is a worth not seen, and not counted."""
    trades: int = 0
    """No profit that is a number, or closed before it was opened."""
    flows: int = 0
    """Changes of the allocation by an unknown amount: they make the return unknown."""
    prices: int = 0
    """Not a number greater than 0."""
    duplicates: int = 0
    outside: int = 0
    """Before the record began, or after it ended."""

    @property
    def refused(self) -> int:
        """How many could not be believed."""
        return self.equity + self.trades + self.flows + self.prices


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A trade that counts. `ratio` is None where neither it nor the stake was known."""

    closed_at: datetime
    profit: Decimal
    ratio: Decimal | None


@dataclass(frozen=True, slots=True, order=True)
class Worth:
    """Equity at a moment with its extremes since the one before: `low` <= `equity` <= `high`."""

    at: datetime
    equity: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Believed:
    """What counts, each oldest first and once."""

    first_at: datetime
    trades: tuple[ClosedTrade, ...]
    worths: tuple[Worth, ...]
    flows: tuple[tuple[datetime, Decimal], ...]
    prices: Mapping[str, tuple[tuple[datetime, Decimal], ...]]
    starting_capital: Decimal | None
    skipped: Skipped


def utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for one without a zone."""
    if moment.utcoffset() is None:
        raise ValueError(f"The moment {moment} has no zone.")
    return moment.astimezone(UTC)


def moment_of(at: datetime | date) -> datetime:
    """The moment itself, or the last one of the day."""
    return utc(at) if isinstance(at, datetime) else datetime.combine(at, time.max, UTC)


def number(value: Number) -> Decimal | None:
    """The value with at most 18 places, or None where it is no number that an amount can be."""
    read = Decimal(str(value)) if value is not None else None
    if read is None or not read.is_finite() or abs(read) >= LARGEST:
        return None
    return read.quantize(FINEST, context=EXACT)


def believe(observed: Observed) -> Believed:
    """What of it counts. Of two accounts of one thing the worse counts, whichever came first.

    To be called within `EXACT`. Raises ValueError for a moment without a zone.
    """
    skipped: Tally = Counter()
    capital = number(observed.starting_capital)
    if observed.starting_capital is not None and (capital is None or capital <= 0):
        skipped["equity"] += 1
        capital = None
    return Believed(
        first_at=utc(observed.first_at),
        trades=_trades(observed, skipped),
        worths=_worths(observed, skipped),
        flows=_flows(observed, skipped),
        prices={pair: _prices(prices, skipped) for pair, prices in observed.prices.items()},
        starting_capital=capital,
        skipped=Skipped(**skipped),
    )


def _trades(observed: Observed, skipped: Tally) -> tuple[ClosedTrade, ...]:
    first, last = utc(observed.first_at), utc(observed.last_at)
    found: dict[tuple[int, datetime], ClosedTrade] = {}
    for trade in observed.trades:
        opened, closed, profit = utc(trade.opened_at), utc(trade.closed_at), number(trade.profit)
        if profit is None or closed < opened:
            skipped["trades"] += 1
        elif not first <= closed <= last:
            skipped["outside"] += 1
        else:
            read, key = ClosedTrade(closed, profit, _ratio(trade, profit)), (trade.trade_id, opened)
            skipped["duplicates"] += key in found
            found[key] = min(found.get(key, read), read, key=_by_harm)
    return tuple(sorted(found.values(), key=lambda trade: (trade.closed_at, *_by_harm(trade))))


def _by_harm(trade: ClosedTrade) -> tuple[Decimal, bool, Decimal, datetime]:
    return trade.profit, trade.ratio is not None, trade.ratio or Decimal(0), trade.closed_at


def _ratio(trade: Trade, profit: Decimal) -> Decimal | None:
    ratio, stake = number(trade.profit_ratio), number(trade.stake)
    if ratio is None and stake is not None and stake > 0:
        return profit / stake
    return ratio


def _worths(observed: Observed, skipped: Tally) -> tuple[Worth, ...]:
    first, last = utc(observed.first_at), utc(observed.last_at)
    found: dict[datetime, Worth] = {}
    for point in observed.equity:
        at, equity = moment_of(point.at), number(point.equity)
        if not isinstance(point.at, datetime) and at.date() == last.date():
            at = last  # of the day that is not over yet, the end is now
        low, high = number(point.low), number(point.high)
        extremes = ((point.low, low), (point.high, high))
        skipped["equity"] += any(given is not None and read is None for given, read in extremes)
        if equity is None:
            skipped["equity"] += point.equity is not None
        elif not first <= at <= last:
            skipped["outside"] += 1
        else:
            low = equity if low is None else min(low, equity)
            high = equity if high is None else max(high, equity)
            read = Worth(at, equity, low, high)
            skipped["duplicates"] += at in found
            found[at] = min(found.get(at, read), read)
    return tuple(sorted(found.values()))


def _flows(observed: Observed, skipped: Tally) -> tuple[tuple[datetime, Decimal], ...]:
    first, last = utc(observed.first_at), utc(observed.last_at)
    found: set[tuple[datetime, Decimal]] = set()
    for flow in observed.flows:
        at, amount = utc(flow.at), number(flow.amount)
        if not first < at <= last:
            skipped["outside"] += 1
        elif amount is None:
            skipped["flows"] += 1
        elif amount:
            skipped["duplicates"] += (at, amount) in found
            found.add((at, amount))
    return tuple(sorted(found))


def _prices(prices: Iterable[Price], skipped: Tally) -> tuple[tuple[datetime, Decimal], ...]:
    found: set[tuple[datetime, Decimal]] = set()
    for given in prices:
        read = number(given.price)
        if read is None or read <= 0:
            skipped["prices"] += 1
        else:
            found.add((moment_of(given.at), read))
    return tuple(sorted(found))


def unseen(observed: Observed) -> timedelta:
    """How long nothing was seen: the gaps within the record, where they overlap only once."""
    end, total = utc(observed.first_at), timedelta(0)
    for gap in sorted(observed.gaps, key=lambda gap: utc(gap.since)):
        since, until = max(utc(gap.since), end), min(utc(gap.until), utc(observed.last_at))
        if until > since:
            total += until - since
            end = until
    return total
