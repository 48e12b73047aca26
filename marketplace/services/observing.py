"""What TradeWise saw of the bot that shows what a template does: read as its owner, and never across tenants."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import F, QuerySet

from bots.enums import BotStatus, BotType, DesiredState, Mode, Phase
from bots.fees import fees_of
from bots.models import Bot, BotDay, BotEngine, BotEvent, BotFigures, BotMark, BotTrade
from bots.queries import first_whole_day
from bots.strategies import kinds
from bots.strategies.common import ConfigurationRefused
from marketplace import queries
from marketplace.models import BotTemplate, TemplateVersion
from marketplace.records import EquityPoint, Flow, Gap, Observed, Price, Tier, Trade
from tradewise.tenancy.context import PLATFORM

MOST_TRADES: Final = 200_000
MOST_EVENTS: Final = 20_000
SILENT: Final = timedelta(days=2)
"""Without a reading for so long, a record does not go on."""
Prices = Mapping[str, Sequence[tuple[date, Decimal]]]


class TooMuch(Exception):  # noqa: N818 - not an error of ours
    """More rows than one turn reads: rather no new record than one of a part of them."""


@dataclass(frozen=True, slots=True)
class Source:
    """The bot of a record, whose it is, and which version of the template it runs; None where it runs none of them."""

    bot: Bot
    tenant_id: uuid.UUID
    tier: Tier
    version: int | None
    pairs: tuple[str, ...]
    taken_at: datetime | None
    is_replay: bool = False

    @property
    def mode(self) -> str:
        """A value of `bots.enums.Mode`; empty where the bot has not said it."""
        if self.is_replay or self.bot.is_simulated:
            return Mode.SIMULATED
        return "" if self.bot.dry_run is None else Mode.DRY_RUN if self.bot.dry_run else Mode.LIVE

    @property
    def market(self) -> str:
        """Whose prices are asked for; empty where nobody is to be asked, as for those of a replay."""
        if self.is_replay:
            return ""
        if self.bot.is_simulated:
            return str(Mode.SIMULATED)
        # What a bot says of itself must not lead to invented prices.
        return "" if self.bot.exchange == Mode.SIMULATED else self.bot.exchange


@dataclass(frozen=True, slots=True)
class Sight:
    """All that was seen of it, without prices; `changes` is how often its parameters were changed meanwhile."""

    observed: Observed
    ended: bool = False
    changes: int = 0
    gaps: Sequence[Gap] = field(default_factory=tuple)
    #: What the exchange took of all that was bought and sold, 0.001 for 0.1 %; None where a trade does not say.
    fee_rate: Decimal | None = None


def platform_bot(template: BotTemplate) -> Bot | None:
    """TradeWise's own bot of the template, within PLATFORM's context: rather one with an engine, then the newest."""
    bots = Bot.objects.filter(bot_type=BotType.PLATFORM, config_template=template.template_id)
    return (
        bots.select_related("engine", "figures")
        .order_by(F("engine__bot").asc(nulls_last=True), "-pk")
        .first()
    )


def shown_bot(version: TemplateVersion) -> Bot | None:
    """The bot that the author shows with it, within the author's context."""
    if version.record_bot_id is None:
        return None
    return Bot.objects.select_related("engine", "figures").filter(pk=version.record_bot_id).first()


def source_of(bot: Bot, template: BotTemplate, published: TemplateVersion | None) -> Source:
    """What the bot's record would be one of, within its owner's context."""
    engine, figures = _engine_of(bot), _figures_of(bot)
    is_platforms = bot.tenant_id == PLATFORM
    is_replay = is_platforms and engine is None
    config = engine.config_json if engine is not None else template.config_json
    return Source(
        bot,
        bot.tenant_id,
        Tier.RUN_BY_TRADEWISE if is_platforms else Tier.OBSERVED,
        _version(template, engine) if is_platforms and engine else published.number if published else None,
        _pairs(config),
        figures.taken_at if figures is not None else None,
        is_replay,
    )


def _version(template: BotTemplate, engine: BotEngine) -> int | None:
    """The newest public version that is set up as the engine is."""
    versions = queries.versions_of(template).filter(is_public=True)
    running = _dumped(engine.config_json)
    return next(
        (version.number for version in versions[:1000] if _dumped(version.config_json) == running), None
    )


def _dumped(config: object) -> object:
    try:
        return kinds.dump(kinds.parse(config))
    except ConfigurationRefused:
        return config


def _pairs(config: object) -> tuple[str, ...]:
    try:
        return tuple(kinds.parse(config).pairs)
    except ConfigurationRefused:
        return ()


def look(source: Source, prices: Prices, now: datetime) -> Sight:
    """Read all of it, within its owner's context. Raises TooMuch."""
    first, last = _reach(source, now)
    marks = (
        [] if source.is_replay else list(BotMark.objects.filter(bot=source.bot, at__gte=first).order_by("at"))
    )
    days = _days(source, first, last)
    gaps = [] if source.is_replay else _gaps(source.bot, marks, days, first, last)
    observed = Observed(
        first_at=first,
        last_at=last,
        trades=_trades(source, first, last),
        equity=[
            *_begun(marks),
            *_equity(days, {mark.at.astimezone(UTC).date() for mark in marks if mark.change}),
        ],
        starting_capital=_capital(source, marks),
        flows=[Flow(mark.at, mark.change) for mark in marks if mark.change is not None],
        prices={pair: [Price(day, price) for day, price in prices.get(pair, ())] for pair in source.pairs},
        gaps=gaps,
        deleted_trades=_deleted(source),
    )
    changed = BotEvent.objects.filter(bot=source.bot, kind="changed", at__gt=first).count()
    rate = fees_of(_closed(source, first, last)).rate
    return Sight(observed, _has_ended(source, last, now), changed, gaps, rate)


def _reach(source: Source, now: datetime) -> tuple[datetime, datetime]:
    """From when on TradeWise saw it, to the last reading. What a replay holds lies before it was made, on purpose."""
    bot = source.bot
    if source.is_replay:
        days = (
            BotDay.objects.filter(bot=bot, equity_close__isnull=False)
            .order_by("day")
            .values_list("day", flat=True)
        )
        first, last = days.first(), days.last()
        if first is None or last is None:
            return min(bot.created_at, now), min(bot.created_at, now)
        start = datetime.combine(first, time.min, UTC)
        return start, max(start, min(datetime.combine(last, time.max, UTC), now))
    first_at = max(bot.created_at, bot.record_since or bot.created_at)
    return first_at, max(first_at, source.taken_at or first_at)


def _days(source: Source, first: datetime, last: datetime) -> list[BotDay]:
    since = first.astimezone(UTC).date()
    if source.bot.record_since is not None and not source.is_replay:
        since = first_whole_day(source.bot.record_since)
    days = BotDay.objects.filter(bot=source.bot, day__gte=since, day__lte=last.astimezone(UTC).date())
    return list(days.filter(equity_close__isnull=False).order_by("day"))


def _begun(marks: Sequence[BotMark]) -> Iterator[EquityPoint]:
    """The first reading, and the one after each change of the capital: there the curve begins, or is cut."""
    for number, mark in enumerate(marks):
        is_first = number == 0 and mark.unseen_since is None
        if mark.equity is not None and (is_first or mark.change is not None):
            yield EquityPoint(mark.at, mark.equity)


def _equity(days: Sequence[BotDay], cut: set[date]) -> Iterator[EquityPoint]:
    """The ends of days. Of one with a change nobody can say on which side of it the extremes lay."""
    for day in days:
        if day.day in cut:
            yield EquityPoint(day.day, day.equity_close)
        else:
            yield EquityPoint(day.day, day.equity_close, day.equity_low, day.equity_high)


def _capital(source: Source, marks: Sequence[BotMark]) -> Decimal | None:
    """What a bot began with that TradeWise has run from its beginning on; others begin with the first equity."""
    figures = _figures_of(source.bot)
    if source.tier != Tier.RUN_BY_TRADEWISE or source.bot.record_since is not None or figures is None:
        return None
    if marks:
        return marks[0].capital if marks[0].change is None and marks[0].unseen_since is None else None
    capital: Decimal | None = figures.starting_capital
    return capital


def _closed(source: Source, first: datetime, last: datetime) -> QuerySet[BotTrade]:
    trades = BotTrade.objects.filter(bot=source.bot, closed_at__gte=first, closed_at__lte=last)
    return trades if source.is_replay else trades.filter(seen_at__gte=first)


def _trades(source: Source, first: datetime, last: datetime) -> list[Trade]:
    rows = list(
        _closed(source, first, last)
        .order_by("pk")
        .values_list("trade_id", "opened_at", "closed_at", "profit", "profit_ratio", "stake_amount")[
            : MOST_TRADES + 1
        ]
    )
    if len(rows) > MOST_TRADES:
        raise TooMuch(f"More than {MOST_TRADES} trades.")
    return [
        Trade(
            trade_id=number,
            opened_at=opened,
            closed_at=closed,
            profit=profit,
            profit_ratio=ratio,
            stake=stake,
        )
        for number, opened, closed, profit, ratio, stake in rows
    ]


def _deleted(source: Source) -> int:
    """Trades that were seen of this record, and that the bot does not count any more.

    Those of the last reading are left to the next: a bot is asked for its totals first and for its trades last, so
    that one which closes in between is seen and not counted.
    """
    figures = _figures_of(source.bot)
    if source.is_replay or figures is None or figures.closed_trades is None or figures.taken_at is None:
        return 0
    trades = BotTrade.objects.filter(bot=source.bot, seen_at__lt=figures.taken_at)
    if source.bot.record_since is not None:
        trades = trades.filter(seen_at__gte=source.bot.record_since)
    return max(0, trades.count() - figures.closed_trades)


def _gaps(
    bot: Bot, marks: Sequence[BotMark], days: Sequence[BotDay], first: datetime, last: datetime
) -> list[Gap]:
    """When nothing was seen, each stretch once: no readings, no answer to checks, no equity on a whole day."""
    found = [Gap(mark.unseen_since, mark.at) for mark in marks if mark.unseen_since is not None]
    found += _down(bot, first, last)
    seen = {day.day for day in days}
    for number in range(1, (last.astimezone(UTC).date() - first.astimezone(UTC).date()).days):
        day = first.astimezone(UTC).date() + timedelta(days=number)
        if day not in seen:
            start = datetime.combine(day, time.min, UTC)
            found.append(Gap(start, start + timedelta(days=1)))
    return _merged(found, first, last)


def _down(bot: Bot, first: datetime, last: datetime) -> Iterator[Gap]:
    events = BotEvent.objects.filter(bot=bot, at__lte=last).exclude(status="")
    turns = list(events.order_by("-at", "-pk").values_list("at", "status")[:MOST_EVENTS])[::-1]
    for number, (at, status) in enumerate(turns):
        until = turns[number + 1][0] if number + 1 < len(turns) else last
        if status == BotStatus.ERROR and until > first:
            yield Gap(at, until)


def _merged(gaps: Sequence[Gap], first: datetime, last: datetime) -> list[Gap]:
    merged: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.since):
        since, until = max(gap.since, first), min(gap.until, last)
        if until <= since:
            continue
        if merged and since <= merged[-1].until:
            merged[-1] = Gap(merged[-1].since, max(merged[-1].until, until))
        else:
            merged.append(Gap(since, until))
    return merged


def _has_ended(source: Source, last: datetime, now: datetime) -> bool:
    engine = _engine_of(source.bot)
    is_off = (
        engine is not None and engine.phase == Phase.OFF and source.bot.desired_state == DesiredState.STOPPED
    )
    return is_off or now - last > SILENT


def _engine_of(bot: Bot) -> BotEngine | None:
    try:
        return bot.engine
    except BotEngine.DoesNotExist:
        return None


def _figures_of(bot: Bot) -> BotFigures | None:
    try:
        return bot.figures
    except BotFigures.DoesNotExist:
        return None
