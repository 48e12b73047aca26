"""Bots that TradeWise runs: what their trader may ask. Each function is one transaction, the rest the reconciler's."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django.db.models.expressions import Combinable
from django.views.decorators.debug import sensitive_variables

from accounts.platform import Owner
from audit import ledger
from bots.enums import BotStatus, BotType, Command, DesiredState, HealthReason, Mode, Phase, StopWay
from bots.exceptions import (
    BotIsGone,
    CommandRefused,
    EngineIsOn,
    NotRunHere,
    SetupRefused,
    TooManyBots,
    WayNotChosen,
)
from bots.models import Bot, BotEngine
from bots.models.bot import new_bot_id
from bots.services.events import record
from bots.services.locking import lock, take_turns
from bots.services.places import new_credentials, take_place
from bots.strategies import kinds, needs
from bots.strategies.common import Configuration
from tradewise.secrets import seal
from tradewise.tenancy.models import CurrentTimestamp

NEVER: Final = Value(timedelta(days=36_500))
"""Added to now, it is a moment that does not come."""
STOPS: Final = {
    StopWay.EXITS: "to open no new trades, and to end when the open ones are closed",
    StopWay.CLOSE: "to close all trades and to stop",
    StopWay.NOW: "to stop at once",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bot as somebody wants it. `smallest_order` is the exchange's, where it is known.

    `bot_id` is chosen before the form is shown: sent twice, it makes one bot.
    """

    name: str
    configuration: Configuration
    allocation: Decimal
    mode: Mode = Mode.DRY_RUN
    template_id: str = ""
    smallest_order: Decimal | None = None
    bot_id: str = ""


HAVE_A_SAY: Final[list[Callable[[Bot, BotEngine, Wanted], None]]] = []
"""Asked before the parameters of a bot change; each raises SetupRefused. Apps that know more of a bot register here."""


@transaction.atomic
@ledger.named("bot.launch")
def launch_bot(*, actor: Owner, wanted: Wanted, bot_type: BotType = BotType.SHARED) -> Bot:
    """Make a bot and start it, as a dry run or a simulated one.

    Whoever asks twice with the same `bot_id` gets the bot that there is. Raises SetupRefused, TooManyBots or NoPlace,
    and then there is no bot.
    """
    if wanted.mode == Mode.LIVE:
        raise SetupRefused([("mode", "Every bot starts as a dry run. It goes live from its own page.")])
    refuse_problems(wanted)
    take_turns(actor)
    made = Bot.objects.filter(bot_id=wanted.bot_id).first()
    if made is not None:
        return made
    if Bot.objects.count() >= settings.BOT_LIMIT:
        raise TooManyBots(f"You have {settings.BOT_LIMIT} bots. Delete one that you no longer need.")
    bot = Bot(
        tenant_id=actor.tenant_id,
        bot_id=wanted.bot_id or new_bot_id(),
        bot_type=bot_type,
        name=wanted.name,
        config_template=wanted.template_id or None,
        strategy=kinds.engine_class(wanted.configuration),
        exchange=wanted.configuration.exchange,
        timeframe=wanted.configuration.timeframe,
        stake_currency=wanted.configuration.stake_currency,
        dry_run=True,
        is_simulated=wanted.mode == Mode.SIMULATED,
        next_check_at=never(),
    )
    bot.save(force_insert=True)
    engine = BotEngine(tenant_id=bot.tenant_id, bot=bot, mode=wanted.mode)
    _set_up(engine, wanted.configuration, wanted.allocation)
    engine.save(force_insert=True)
    record(bot, "connected", f"{actor} made the bot.")
    return _start(actor, bot, engine)


def refuse_problems(wanted: Wanted) -> None:
    """Raises SetupRefused with all that stands against it."""
    found = needs.problems(
        wanted.configuration, allocation=wanted.allocation, smallest_order=wanted.smallest_order
    )
    if found:
        raise SetupRefused([(problem.field, problem.sentence) for problem in found])


@transaction.atomic
@ledger.named("bot.start")
def start(*, actor: Owner, bot: Bot) -> Bot:
    """Start the engine of a bot that is off, or take a stop back that has not happened yet.

    Raises CommandRefused or NoPlace.
    """
    take_turns(actor)
    bot, engine = lock_engine(bot)
    if engine.phase in (Phase.OFF, Phase.FAILED):
        return _start(actor, bot, engine)
    if bot.desired_state == DesiredState.STOPPED:
        bot.desired_state, bot.status = DesiredState.RUNNING, BotStatus.STARTING
        fields = ["desired_state", "status", "updated_at", *_fence(bot, engine)]
        if engine.phase == Phase.UP:
            # A visit may just have told it to open no new trades, and will not note that it did. One that was told
            # nothing is found to run, and the command is over.
            bot.command, bot.command_asked_at, bot.command_sent_at = Command.START, CurrentTimestamp(), None
            fields += ["command", "command_asked_at", "command_sent_at"]
        bot.save(update_fields=fields)
        _visit(engine, stop_way="")
        record(bot, "command", f"{actor} asked the bot to go on.")
        return bot
    if bot.status == BotStatus.STARTING:
        return bot
    raise CommandRefused(f"{bot} is running already.")


@transaction.atomic
@ledger.named("bot.stop")
def stop(*, actor: Owner, bot: Bot, way: StopWay | None) -> Bot:
    """Stop the engine; `way` says what becomes of its open trades. Another way may be asked for while one goes on.

    Without a way one that was given up is left stopped. Raises CommandRefused for a bot that is off, and WayNotChosen
    for one that is on: it may have been started since its trader looked.
    """
    bot, engine = lock_engine(bot)
    if way is None:
        if engine.is_on:
            raise WayNotChosen(
                f"{bot} is on. Say what is to become of its open trades: choose a way to stop it."
            )
        way = StopWay.NOW
    if bot.desired_state == DesiredState.STOPPED and engine.stop_way == way and engine.is_on:
        return bot
    if engine.phase == Phase.OFF:
        raise CommandRefused(f"{bot} is stopped already.")
    given_up = engine.phase == Phase.FAILED
    bot.desired_state, bot.command = DesiredState.STOPPED, ""
    bot.status = BotStatus.INACTIVE if given_up else BotStatus.STOPPING
    fields = ["desired_state", "command", "status", "updated_at", *_fence(bot, engine)]
    if given_up:
        bot.health, bot.connection_error, bot.failures = HealthReason.STOPPED, None, 0
        bot.health_since = CurrentTimestamp()
        fields += ["health", "connection_error", "failures", "health_since"]
    bot.save(update_fields=fields)
    _visit(engine, stop_way=way, **({"phase": Phase.OFF} if given_up else {}))
    record(bot, "command", f"{actor} asked the bot {STOPS[way]}.")
    return bot


@transaction.atomic
@ledger.named("bot.set_up")
def change(*, actor: Owner, bot: Bot, wanted: Wanted, note: str | None) -> Bot:
    """Save other parameters; an engine that is on ends in good order and starts again with them.

    Its mode stays. Raises SetupRefused or BotIsGone.
    """
    refuse_problems(wanted)
    take_turns(actor)
    bot, engine = lock_engine(bot)
    for refuse in HAVE_A_SAY:
        refuse(bot, engine, wanted)
    bot.name, bot.description = wanted.name, note
    fields = ["name", "description", "updated_at"]
    if engine.config_json != kinds.dump(wanted.configuration) or engine.allocation != wanted.allocation:
        _set_up(engine, wanted.configuration, wanted.allocation)
        restarts = engine.phase in (Phase.LAUNCHED, Phase.UP) and bot.desired_state != DesiredState.STOPPED
        if restarts:
            bot.status, bot.command = BotStatus.STARTING, ""
            fields += ["status", "command", *_fence(bot, engine)]
        bot.strategy = kinds.engine_class(wanted.configuration)
        bot.timeframe = wanted.configuration.timeframe
        fields += ["strategy", "timeframe"]
        written = {"config_json": engine.config_json, "allocation": engine.allocation}
        _visit(engine, revision=engine.revision + 1, **written)
        then = " The engine starts again with them." if restarts else ""
        record(bot, "changed", f"{actor} changed the parameters.{then}")
    bot.save(update_fields=fields)
    return bot


@sensitive_variables("keys")
@transaction.atomic
@ledger.named("bot.go_live")
def go_live(*, actor: Owner, bot: Bot, keys: str) -> Bot:
    """Let a bot that is off trade with real money from its next start on. `keys` is `key:secret` of the exchange.

    The caller has asked for the password and the typed confirmation, and the exchange what the keys permit. The record
    begins anew when the engine says that it is live (`bots.health.record`). Raises EngineIsOn or SetupRefused.
    """
    bot, engine = lock_engine(bot)
    _refuse_on(bot, engine)
    if engine.mode == Mode.SIMULATED:
        raise SetupRefused(
            [
                (
                    "",
                    "A simulated bot stays one. Start a bot like it as a dry run: that one can go live.",
                )
            ]
        )
    engine.mode, engine.revision = Mode.LIVE, engine.revision + 1
    engine.exchange_keys = seal(keys, context=keys_context(bot, engine))
    engine.keys_set_at = CurrentTimestamp()
    engine.save(update_fields=["mode", "revision", "exchange_keys", "keys_set_at"])
    record(bot, "changed", f"{actor} set the bot to trade with real money.")
    return bot


@transaction.atomic
@ledger.named("bot.leave_live")
def leave_live(*, actor: Owner, bot: Bot) -> Bot:
    """Back to a dry run; the exchange's keys are forgotten. Raises EngineIsOn."""
    bot, engine = lock_engine(bot)
    _refuse_on(bot, engine)
    engine.mode, engine.revision = Mode.DRY_RUN, engine.revision + 1
    engine.exchange_keys = engine.keys_set_at = None
    engine.save(update_fields=["mode", "revision", "exchange_keys", "keys_set_at"])
    record(bot, "changed", f"{actor} set the bot back to a dry run; the keys are forgotten.")
    return bot


@transaction.atomic
def ask_for_log(*, actor: Owner, bot: Bot) -> BotEngine:
    """Let the reconciler fetch the last lines of the engine's log."""
    _, engine = lock_engine(bot)
    engine.log_asked_at = CurrentTimestamp()
    engine.save(update_fields=["log_asked_at"])
    engine.refresh_from_db()
    ledger.event("bot.read_log", resource="bot", key=bot.bot_id)
    return engine


def keys_context(bot: Bot, engine: BotEngine) -> str:
    """What sealed keys are bound to: moved to another bot, or for another exchange, they do not open."""
    return f"bot_engines.exchange_keys|{bot.tenant_id}|{bot.bot_id}|{engine.config_json['exchange']}"


def lock_engine(bot: Bot) -> tuple[Bot, BotEngine]:
    """Both rows as they are now, in the order bot, then engine. Raises BotIsGone or NotRunHere."""
    bot = lock(bot)
    try:
        return bot, BotEngine.objects.select_for_update(of=("self",)).get(bot=bot)
    except BotEngine.DoesNotExist:
        if bot.bot_type == BotType.EXTERNAL:
            raise NotRunHere(f"{bot} runs on your own machine, not on TradeWise's.") from None
        raise BotIsGone(f"{bot} was deleted a moment ago.") from None


def never() -> Combinable:
    """For a bot without an engine that is up: the sweep has nobody to ask."""
    return CurrentTimestamp() + NEVER


def _set_up(engine: BotEngine, configuration: Configuration, allocation: Decimal) -> None:
    engine.config_json = kinds.dump(configuration)
    engine.allocation = allocation


def _start(actor: Owner, bot: Bot, engine: BotEngine) -> Bot:
    take_place(bot, engine)
    new_credentials(bot, f"p{secrets.token_urlsafe(24)}")
    bot.desired_state, bot.status, bot.command = DesiredState.RUNNING, BotStatus.STARTING, ""
    bot.health, bot.connection_error, bot.failures = HealthReason.UNKNOWN, None, 0
    bot.health_since, bot.next_check_at = CurrentTimestamp(), never()
    bot.lease_token = bot.lease_until = None
    bot.save(
        update_fields=[
            *(
                "exposed_host_port",
                "api_url",
                "api_token",
                "token_set_at",
                "desired_state",
                "status",
                "command",
            ),
            *("health", "connection_error", "failures", "health_since", "next_check_at"),
            *("lease_token", "lease_until", "updated_at"),
        ]
    )
    _visit(engine, phase=Phase.QUEUED, attempts=0, failure="", stop_way="", handle="")
    bot.refresh_from_db()
    record(bot, "command", f"{actor} asked the bot to start.")
    return bot


def _visit(engine: BotEngine, **changed: object) -> None:
    """Save, and let the reconciler come at once; what it is about to write of its last visit is not written."""
    if "phase" in changed:
        changed["phase_since"] = CurrentTimestamp()
    changed |= {
        "next_visit_at": CurrentTimestamp(),
        "lease_token": None,
        "lease_until": None,
        "host": engine.host,
    }
    for name, value in changed.items():
        setattr(engine, name, value)
    engine.save(update_fields=list(changed))


def _fence(bot: Bot, engine: BotEngine) -> list[str]:
    """A check that is under way knows nothing of what was asked now: what it brings is not written; it is made anew."""
    bot.lease_token = bot.lease_until = None
    if engine.phase not in (Phase.UP, Phase.CLOSING, Phase.READING):
        return ["lease_token", "lease_until"]
    bot.next_check_at = CurrentTimestamp()
    return ["lease_token", "lease_until", "next_check_at"]


def _refuse_on(bot: Bot, engine: BotEngine) -> None:
    if engine.is_on:
        raise EngineIsOn(f"{bot} is on. Stop it first.")
