"""Bringing a bot of one's own in, and letting go of it."""

from dataclasses import dataclass, field
from typing import Final

from django.conf import settings
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from audit import ledger
from bots.adapters import Credentials, Probe
from bots.enums import BotStatus, BotType, DesiredState, EngineState
from bots.exceptions import BotConnectedAlready, BotNotAnswering, EngineIsOn, TooManyBots
from bots.models import Bot, BotEngine
from bots.models.bot import new_bot_id
from bots.services.diagnosing import answers_well
from bots.services.events import record
from bots.services.locking import take_turns
from bots.services.tokens import seal_token
from tradewise.tenancy.models import CurrentTimestamp

_STATUS: Final = {
    EngineState.RUNNING: BotStatus.RUNNING,
    EngineState.PAUSED: BotStatus.CONNECTED,
    EngineState.STOPPED: BotStatus.INACTIVE,
    EngineState.RELOAD_CONFIG: BotStatus.STARTING,
}
_DESIRED: Final = {
    EngineState.RUNNING: DesiredState.RUNNING,
    EngineState.PAUSED: DesiredState.PAUSED,
    EngineState.STOPPED: DesiredState.STOPPED,
}
SEEN: Final = (
    "status",
    "desired_state",
    "health",
    "health_since",
    "connection_error",
    "failures",
    "last_ping",
    "checked_at",
    "latency_ms",
    "engine_state",
    "engine_version",
    "strategy",
    "exchange",
    "timeframe",
    "stake_currency",
    "dry_run",
    "next_check_at",
    "next_figures_at",
)
"""What `take_in` writes."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bot is and how to be let in. `url` is in its normal spelling."""

    url: str
    credentials: Credentials = field(repr=False)


@sensitive_variables("address")
@transaction.atomic
@ledger.named("bot.connect")
def connect_bot(*, actor: User, name: str, address: Address, probe: Probe) -> Bot:
    """Save a bot that has just answered as `probe` says; an empty name becomes the bot's own.

    Raises BotNotAnswering, BotConnectedAlready or TooManyBots, and then nothing is saved.
    """
    if not answers_well(probe):
        raise BotNotAnswering(probe.sentence)
    bot = _new_bot(actor, name or probe.bot_name or "Freqtrade", address)
    take_in(bot, probe)
    return _save(bot, actor)


@sensitive_variables("address")
@transaction.atomic
@ledger.named("bot.connect")
def connect_unseen(*, actor: User, name: str, address: Address) -> Bot:
    """Save a bot that was not asked yet, because it may not be up yet: the next tick of the sweep will.

    Raises BotConnectedAlready or TooManyBots.
    """
    return _save(_new_bot(actor, name, address), actor)


@sensitive_variables("address")
def _new_bot(actor: User, name: str, address: Address) -> Bot:
    take_turns(actor)
    refuse_twice(address.url)
    if Bot.objects.count() >= settings.BOT_LIMIT:
        raise TooManyBots(
            f"You have {settings.BOT_LIMIT} bots, and more are not possible. "
            "Delete one that you no longer need."
        )
    bot = Bot(
        tenant_id=actor.tenant_id,
        bot_id=new_bot_id(),
        bot_type=BotType.EXTERNAL,
        name=name,
        api_url=address.url,
    )
    give_token(bot, address)
    return bot


def _save(bot: Bot, actor: User) -> Bot:
    bot.save(force_insert=True)
    bot.refresh_from_db()
    record(bot, "connected", f"{actor} connected the bot.")
    return bot


@transaction.atomic
@ledger.named("bot.delete")
def delete_bot(*, actor: User, bot: Bot) -> None:
    """Forget a bot with all its history. One on a machine of its trader goes on as it is; it is not told.

    Whoever asks twice gets what they want twice. Raises EngineIsOn for one whose engine TradeWise runs right now.
    """
    if Bot.objects.select_for_update(of=("self",)).filter(pk=bot.pk).first() is None:
        return
    engine = BotEngine.objects.select_for_update(of=("self",)).filter(bot=bot).first()
    if engine is not None and engine.is_on:
        raise EngineIsOn(
            f"{bot} is on, so it was not deleted. Stop it first, and delete it once its engine has ended."
        )
    Bot.objects.filter(pk=bot.pk).delete()


def refuse_twice(url: str, *, but: Bot | None = None) -> None:
    """Raises BotConnectedAlready when another bot of the tenant has this address."""
    others = Bot.objects.filter(bot_type=BotType.EXTERNAL, api_url=url, remote_name="")
    if but is not None:
        others = others.exclude(pk=but.pk)
    other = others.first()
    if other is not None:
        raise BotConnectedAlready(
            f"The bot at this address is connected already: {other}.", bot_id=other.bot_id
        )


@sensitive_variables()
def give_token(bot: Bot, address: Address) -> None:
    """Seal the user name and the password for this bot at this origin; saving is the caller's."""
    token = f"{address.credentials.username}:{address.credentials.password}"
    bot.api_token = seal_token(tenant_id=bot.tenant_id, bot_id=bot.bot_id, url=address.url, token=token)
    bot.token_set_at = CurrentTimestamp()


def take_in(bot: Bot, probe: Probe) -> None:
    """What a probe that went well says of the bot; saving is the caller's (`SEEN`)."""
    now = CurrentTimestamp()
    state = probe.state or EngineState.RUNNING
    bot.status = _STATUS[state]
    bot.desired_state = _DESIRED.get(state)
    bot.health = probe.reason
    bot.connection_error = None
    bot.failures = 0
    bot.latency_ms = probe.latency_ms
    bot.engine_state = state
    bot.engine_version = (probe.version or "")[:40]
    bot.strategy = (probe.strategy or "")[:100]
    bot.exchange = (probe.exchange or "")[:50]
    bot.timeframe = (probe.timeframe or "")[:10]
    # Where another is known already, figures bear it: the worker changes both at once, with its next check.
    bot.stake_currency = bot.stake_currency or (probe.stake_currency or "")[:20]
    bot.dry_run = probe.dry_run if bot.dry_run is None else bot.dry_run
    for name in ("health_since", "last_ping", "checked_at", "next_check_at", "next_figures_at"):
        setattr(bot, name, now)
