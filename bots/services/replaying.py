"""Replays: bots of TradeWise's own account that no engine runs, with the record that Freqtrade's backtesting gave them.

A platform bot without an engine is a replay, and nothing else is. Nobody asks it anything: it has neither an address
nor a password, so no sweep leases it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from accounts.platform import Platform
from audit import ledger
from bots.enums import BotStatus, BotType, DesiredState, HealthReason
from bots.models import Bot, BotDay, BotFigures, BotTrade
from bots.replays.days import CENT, Day
from bots.replays.engine import Replay, ReplayedTrade, ReplayFailed
from bots.services.locking import take_turns
from bots.services.running import never
from bots.strategies import kinds
from bots.strategies.common import Configuration
from bots.strategies.fields import number as rough

TREND_DAYS: Final = 30
_EIGHT: Final = Decimal("0.00000001")
_TWELVE: Final = Decimal("0.000000000001")


@dataclass(frozen=True, slots=True)
class Kept:
    """A replay as it is to be kept. `days` are whole and follow each other."""

    bot_id: str
    name: str
    description: str
    template_id: str
    configuration: Configuration
    replay: Replay
    days: Sequence[Day]


def replays() -> QuerySet[Bot]:
    """Those that there are, within PLATFORM's context."""
    return Bot.objects.filter(bot_type=BotType.PLATFORM, engine__isnull=True)


@transaction.atomic
@ledger.named("bot.replay")
def keep_replay(*, actor: Platform, kept: Kept) -> Bot:
    """The bot with its trades, days and figures; the one that there is, where somebody was quicker.

    Raises ReplayFailed where its trades, or its last day, do not add up to Freqtrade's own balance.
    """
    refuse_disagreement(kept)
    take_turns(actor)
    made = replays().filter(bot_id=kept.bot_id).first()
    if made is not None:
        return made
    bot = _bot(actor, kept)
    bot.save(force_insert=True)
    BotTrade.objects.bulk_create(
        _trade(bot, number, trade) for number, trade in enumerate(kept.replay.trades, start=1)
    )
    BotDay.objects.bulk_create(_day(bot, day) for day in kept.days)
    _figures(bot, kept).save(force_insert=True)
    return bot


@transaction.atomic
@ledger.named("bot.delete")
def forget_replay(*, actor: Platform, bot: Bot) -> None:
    """Delete it with its record. What has an engine stays."""
    take_turns(actor)
    replays().filter(pk=bot.pk).delete()


def refuse_disagreement(kept: Kept) -> None:
    """Raises ReplayFailed. Half a cent is what rounding may take."""
    told = kept.replay.final - kept.replay.starting
    reckoned = {
        "Its trades": sum((trade.profit for trade in kept.replay.trades), Decimal(0)),
        "Its days": sum((day.profit for day in kept.days), Decimal(0)),
        "The worth of its last day": kept.days[-1].close - kept.replay.starting,
    }
    for what, profit in reckoned.items():
        if abs(profit - told) >= CENT / 2:
            raise ReplayFailed(
                f"{what} came to {profit:.4f}, and Freqtrade says {told:.4f}. Nothing was kept."
            )


def _bot(actor: Platform, kept: Kept) -> Bot:
    return Bot(
        tenant_id=actor.tenant_id,
        bot_id=kept.bot_id,
        bot_type=BotType.PLATFORM,
        name=kept.name,
        description=kept.description,
        config_template=kept.template_id,
        status=BotStatus.INACTIVE,
        desired_state=DesiredState.STOPPED,
        health=HealthReason.STOPPED,
        strategy=kinds.engine_class(kept.configuration),
        exchange=kept.configuration.exchange,
        timeframe=kept.configuration.timeframe,
        stake_currency=kept.configuration.stake_currency,
        dry_run=True,
        is_simulated=True,
        next_check_at=never(),
        next_figures_at=never(),
    )


def _trade(bot: Bot, number: int, trade: ReplayedTrade) -> BotTrade:
    return BotTrade(
        tenant_id=bot.tenant_id,
        bot=bot,
        trade_id=number,
        pair=trade.pair,
        opened_at=trade.opened_at,
        closed_at=trade.closed_at,
        stake_amount=trade.stake.quantize(_EIGHT),
        open_rate=trade.open_rate.quantize(_TWELVE),
        close_rate=trade.close_rate.quantize(_TWELVE),
        profit=trade.profit.quantize(_EIGHT),
        profit_ratio=rough(trade.ratio),
        exit_reason=trade.reason[:100],
    )


def _day(bot: Bot, day: Day) -> BotDay:
    return BotDay(
        tenant_id=bot.tenant_id,
        bot=bot,
        day=day.day,
        profit=day.profit.quantize(_EIGHT),
        trades=day.trades,
        starting_balance=day.starting_balance.quantize(_EIGHT),
        equity_low=day.low.quantize(_EIGHT),
        equity_high=day.high.quantize(_EIGHT),
        equity_close=day.close.quantize(_EIGHT),
    )


def _figures(bot: Bot, kept: Kept) -> BotFigures:
    """As they were at the end of the last day, when everything had been sold."""
    profits = [trade.profit for trade in kept.replay.trades]
    total = sum(profits, Decimal(0)).quantize(_EIGHT)
    levels = accumulate(day.profit for day in kept.days)
    return BotFigures(
        tenant_id=bot.tenant_id,
        bot=bot,
        taken_at=datetime.combine(kept.days[-1].day + timedelta(days=1), time(), UTC),
        profit_all=total,
        profit_closed=total,
        starting_capital=kept.replay.starting.quantize(_EIGHT),
        equity=kept.days[-1].close.quantize(_EIGHT),
        closed_trades=len(profits),
        winning_trades=sum(profit > 0 for profit in profits),
        losing_trades=sum(profit < 0 for profit in profits),
        open_trade_count=0,
        trend=[format(level.quantize(_EIGHT), "f") for level in levels][-TREND_DAYS:] if profits else [],
        last_trade_id=len(profits),
    )
