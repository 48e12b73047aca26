"""Questions about bots that need more than one table. Each is one query, whatever the number of bots."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import (
    Case,
    Count,
    DateTimeField,
    DecimalField,
    F,
    Func,
    Q,
    QuerySet,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Lower
from django.db.models.lookups import GreaterThan

from bots.enums import BotStatus, HealthReason, Mode
from bots.models import Bot, BotDay, BotEvent, BotSample, BotTrade
from tradewise.tenancy.context import current_tenant_id
from tradewise.tenancy.models import CurrentTimestamp

WORKING: Final = (HealthReason.OK, HealthReason.PAUSED, HealthReason.STOPPED, HealthReason.UNKNOWN)
NEEDS_ATTENTION: Final = Q(status=BotStatus.ERROR) | ~Q(health__in=WORKING)
COMMAND_SECONDS: Final = 60
"""For so long a command counts as under way; see `bots.services.lifecycle`."""


class Epoch(Func):
    """Seconds since 1970 as an exact numeric, so that a sum of them changes when any of them does."""

    template = "EXTRACT(EPOCH FROM %(expressions)s)"
    arity = 1
    output_field = DecimalField()


class StartOfToday(Func):
    """When the day began, by UTC and the database's clock: the SQL is kept, so it is no value."""

    template = "date_trunc('day', CURRENT_TIMESTAMP, 'UTC')"
    output_field = DateTimeField()


#: What was earned today is known only from figures that were read today.
PROFIT_TODAY: Final = Case(When(figures__taken_at__gte=StartOfToday(), then=F("figures__profit_today")))


#: An engine is to trade with what it is set to, though the bot has not said so yet.
MODE: Final = Case(
    When(engine__mode__isnull=False, then=F("engine__mode")),
    When(dry_run=True, then=Value(Mode.DRY_RUN.value)),
    When(dry_run=False, then=Value(Mode.LIVE.value)),
    default=Value(""),
    output_field=TextField(),
)
FILTERS_OF_MODE: Final = {
    "live": {"dry_run": False},
    "dry": {"dry_run": True, "is_simulated": False},
    "simulated": {"is_simulated": True},
}


class Compiled:
    """A question to the tenant's rows whose SQL is written once.

    The ORM takes longer to write these than PostgreSQL to answer them, at every look at the fleet. The tenant
    is filled in anew each time, from the context, and the manager that `ask` starts from has filtered by it.
    """

    def __init__(self, ask: Callable[[], QuerySet[Any, Any]]) -> None:
        self._ask = ask
        self._written: tuple[str, tuple[Any, ...], frozenset[int]] | None = None

    def rows(self) -> list[tuple[Any, ...]]:
        """The answer. Raises NoTenantError outside a tenant's context, as the manager does."""
        tenant_id = current_tenant_id()
        if self._written is None:
            sql, given = self._ask().query.sql_with_params()
            places = frozenset(place for place, value in enumerate(given) if value == tenant_id)
            if not places:
                raise RuntimeError("The question is not about one tenant.")
            self._written = sql, tuple(given), places
        sql, given, places = self._written
        with connection.cursor() as cursor:
            cursor.execute(
                sql, [tenant_id if place in places else value for place, value in enumerate(given)]
            )
            return list(cursor.fetchall())


# ——— the fleet ———


class FleetFacts(NamedTuple):
    """What a row of the fleet is made of, as the database gives it."""

    bot_id: str
    name: str | None
    status: str
    health: str
    connection_error: str | None
    command: str
    is_under_way: bool
    mode: str
    """Of `bots.enums.Mode`; empty where the bot has not said it yet."""
    phase: str | None
    """Of the engine, where TradeWise runs it."""
    desired_state: str | None
    stake_currency: str
    exchange: str
    strategy: str
    last_ping: datetime | None
    profit_today: Decimal | None
    profit_all: Decimal | None
    open_trade_count: int | None
    max_open_trades: int | None
    trend: str | None
    rejected_reason: str | None


@dataclass(slots=True)
class Total:
    """What the bots of one currency and mode earned. None where none of them has said yet."""

    stake_currency: str
    mode: str
    bots: int = 0
    reporting: int = 0
    profit_today: Decimal | None = None
    profit_all: Decimal | None = None
    equity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FleetState:
    """The fleet as a whole. `version` changes when anything that a page of it shows does."""

    version: str
    count: int
    problems: int
    by_status: dict[str, int]
    totals: list[Total]


def _groups() -> QuerySet[Bot, tuple[Any, ...]]:
    return (
        Bot.objects.values_list("dry_run", "is_simulated", "stake_currency", "status", "health")
        .annotate(
            bots=Count("pk"),
            reporting=Count("figures__profit_all"),
            today=Sum(PROFIT_TODAY),
            profit=Sum("figures__profit_all"),
            worth=Sum("figures__equity"),
            # What follows is for the version alone.
            every_check=Sum("checks"),
            every_change=Sum(Epoch("updated_at")),
            every_reading=Sum(Epoch("figures__taken_at")),
            every_rejection=Sum("figures__rejected_samples"),
        )
        .order_by("dry_run", "is_simulated", "stake_currency", "status", "health")
    )


_FLEET_STATE: Final = Compiled(_groups)


def fleet_state() -> FleetState:
    """Counts, totals by currency and mode, and the version, in one aggregate over the tenant's bots."""
    groups = _FLEET_STATE.rows()
    totals: dict[tuple[str, str], Total] = {}
    by_status: dict[str, int] = {}
    count = problems = 0
    for dry_run, simulated, currency, status, health, bots, reporting, today, profit, worth, *_ in groups:
        count += bots
        by_status[status] = by_status.get(status, 0) + bots
        if status == BotStatus.ERROR or health not in WORKING:
            problems += bots
        if dry_run is not None and currency:
            # Invented prices are never added to real ones.
            mode = Mode.SIMULATED if simulated else Mode.DRY_RUN if dry_run else Mode.LIVE
            total = totals.setdefault((mode, currency), Total(currency, mode))
            total.bots += bots
            total.reporting += reporting
            total.profit_today = _plus(total.profit_today, today)
            total.profit_all = _plus(total.profit_all, profit)
            total.equity = _plus(total.equity, worth)
    version = hashlib.blake2b(repr(groups).encode(), digest_size=9).hexdigest()
    return FleetState(version, count, problems, by_status, list(totals.values()))


def fleet(*, text: str = "", status: str = "", mode: str = "") -> QuerySet[Bot, tuple[Any, ...]]:
    """Rows of `FleetFacts`, those that need attention first, then by name."""
    bots = Bot.objects.all()
    if text:
        bots = bots.filter(
            Q(name__icontains=text)
            | Q(strategy__icontains=text)
            | Q(exchange__icontains=text)
            | Q(api_url__icontains=text)
        )
    if status:
        bots = bots.filter(NEEDS_ATTENTION if status == "problem" else Q(status=status))
    if mode:
        bots = bots.filter(**FILTERS_OF_MODE[mode])
    return _fleet_facts(bots).order_by(
        Case(When(status=BotStatus.ERROR, then=0), When(NEEDS_ATTENTION, then=1), default=2),
        Lower("name"),
        "pk",
    )


@lru_cache(maxsize=64)
def _page_of_fleet(start: int, count: int) -> Compiled:
    return Compiled(lambda: fleet()[start : start + count])


def page_of_fleet(start: int, count: int) -> list[tuple[Any, ...]]:
    """Of `fleet()` without a filter, `count` rows from the one with the number `start` on."""
    return _page_of_fleet(start, count).rows()


def fleet_row(bot: Bot) -> FleetFacts:
    """The row of one bot."""
    return FleetFacts._make(_fleet_facts(Bot.objects.filter(pk=bot.pk)).get())


def _fleet_facts(bots: QuerySet[Bot]) -> QuerySet[Bot, tuple[Any, ...]]:
    since = CurrentTimestamp() - Value(timedelta(seconds=COMMAND_SECONDS))
    return bots.values_list(
        "bot_id",
        "name",
        "status",
        "health",
        "connection_error",
        "command",
        Coalesce(GreaterThan(F("command_asked_at"), since), Value(False)),
        MODE,
        F("engine__phase"),
        "desired_state",
        "stake_currency",
        "exchange",
        "strategy",
        "last_ping",
        PROFIT_TODAY,
        "figures__profit_all",
        "figures__open_trade_count",
        "figures__max_open_trades",
        # As text: a row that has not changed is found by it, and parsed only when it has.
        Cast("figures__trend", TextField()),
        "figures__rejected_reason",
    )


def _plus(total: Decimal | None, more: Decimal | None) -> Decimal | None:
    return total if more is None else more if total is None else total + more


# ——— one bot ———

#: For each range of the curve: how far back, and how wide the window of one point is.
RANGES: Final = {
    "1d": (timedelta(days=1), timedelta(minutes=5)),
    "7d": (timedelta(days=7), timedelta(minutes=40)),
    "30d": (timedelta(days=30), timedelta(hours=3)),
}
MOST_POINTS: Final = 300
TRADES_A_PAGE: Final = 12


class DateBin(Func):
    """The start of the window, as wide as the first expression, that a moment lies in."""

    function = "date_bin"
    template = "%(function)s(%(expressions)s, TIMESTAMPTZ '2026-01-01 00:00:00+00')"
    output_field = DateTimeField()


def first_whole_day(moment: datetime) -> date:
    """The first day (UTC) of which nothing lies before the moment: on that of the moment itself, two records meet."""
    return moment.astimezone(UTC).date() + timedelta(days=1)


def _days_of(bot: Bot) -> QuerySet[BotDay]:
    days = BotDay.objects.filter(bot=bot)
    return days if bot.record_since is None else days.filter(day__gte=first_whole_day(bot.record_since))


def equity_points(bot: Bot, reach: str, now: datetime) -> list[tuple[date, Decimal | None]]:
    """At most 300 points of equity, oldest first, with None where nothing was recorded for long."""
    back, width = RANGES.get(reach, RANGES["30d"])
    age = now - (bot.record_since or bot.created_at)
    if reach not in RANGES and age > back:
        return _equity_of_days(bot)
    # A bot that was connected an hour ago has a curve too, of narrower windows.
    width = min(width, max(timedelta(minutes=1), age / (MOST_POINTS - 2)))
    since = now - back if bot.record_since is None else max(now - back, bot.record_since)
    samples = (
        BotSample.objects.filter(bot=bot, taken_at__gte=since, equity__isnull=False)
        .annotate(window=DateBin(Value(width), F("taken_at")))
        .order_by("window", "-taken_at")
        .distinct("window")
        .values_list("taken_at", "equity", "window")
    )
    points = [(taken_at, equity) for taken_at, equity, _ in samples]
    return _with_gaps(points[-MOST_POINTS:], width * 3)


def _equity_of_days(bot: Bot) -> list[tuple[date, Decimal | None]]:
    """One point a day; of a long life every second day, third day and so on."""
    days = _days_of(bot).filter(equity_close__isnull=False)
    rows = list(days.order_by("-day").values_list("day", "equity_close")[: MOST_POINTS * 20])
    step = -(-len(rows) // MOST_POINTS) or 1
    return _with_gaps(rows[::step][::-1], timedelta(days=3 * step))


def _with_gaps(
    points: Sequence[tuple[Any, Decimal | None]], most: timedelta
) -> list[tuple[Any, Decimal | None]]:
    result: list[tuple[Any, Decimal | None]] = []
    for point in points:
        if result and point[0] - result[-1][0] > most:
            result.append((result[-1][0] + (point[0] - result[-1][0]) / 2, None))
        result.append(point)
    return result


def daily_results(bot: Bot, count: int = 7) -> list[BotDay]:
    """The latest days, newest first."""
    return list(_days_of(bot).order_by("-day")[:count])


def closed_trades(bot: Bot, before: tuple[datetime, int] | None) -> tuple[list[BotTrade], bool]:
    """A page of the trades that were closed before one (its moment and key), and whether more follow."""
    trades = BotTrade.objects.filter(bot=bot)
    if bot.record_since is not None:
        # Both: a clock that goes ahead of ours would date the trades of the old record into the new one.
        trades = trades.filter(closed_at__gte=bot.record_since, seen_at__gte=bot.record_since)
    if before is not None:
        moment, key = before
        trades = trades.filter(closed_at__lte=moment).exclude(closed_at=moment, pk__gte=key)
    page = list(trades.order_by("-closed_at", "-pk")[: TRADES_A_PAGE + 1])
    return page[:TRADES_A_PAGE], len(page) > TRADES_A_PAGE


def latest_events(bot: Bot, count: int = 12) -> list[BotEvent]:
    """What happened last, newest first."""
    return list(BotEvent.objects.filter(bot=bot).order_by("-at", "-pk")[:count])


def days_of_health(bot: Bot, now: datetime, count: int = 90) -> list[tuple[date, float | None]]:
    """For each of the last days the share of it, from 0 to 1, in which the bot was not down.

    None for days before the bot was connected. Read from the turns in its diary.
    """
    start = datetime.combine(now.astimezone(UTC).date() - timedelta(days=count - 1), datetime.min.time(), UTC)
    turns = BotEvent.objects.filter(bot=bot).exclude(status="")
    before = turns.filter(at__lt=start).order_by("-at", "-pk").values_list("at", "status")[:1]
    since = turns.filter(at__gte=start).order_by("at", "pk").values_list("at", "status")[:5000]
    marks = [(max(at, start), status == BotStatus.ERROR) for at, status in (*before, *since)]
    born = max(bot.created_at, start)
    if not marks or marks[0][0] > born:
        marks.insert(0, (born, False))
    return list(_shares(marks, start, now, count))


def _shares(
    marks: Sequence[tuple[datetime, bool]], start: datetime, now: datetime, count: int
) -> Iterable[tuple[date, float | None]]:
    spans = [(at, end, down) for (at, down), (end, _) in zip(marks, (*marks[1:], (now, False)), strict=True)]
    for index in range(count):
        opens = start + timedelta(days=index)
        closes = min(opens + timedelta(days=1), now)
        seen = down = 0.0
        for at, end, is_down in spans:
            length = (min(end, closes) - max(at, opens)).total_seconds()
            if length > 0:
                seen += length
                down += length if is_down else 0.0
        yield opens.date(), (1 - down / seen) if seen else None
