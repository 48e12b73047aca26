"""What a trader may ask of a bot. Each function is one transaction; the worker does the asking.

A request only writes what is wanted: the sweep finds it at its next tick, sends it and looks afterwards.
So a page never waits for a bot, and two impatient clicks make one command. Bots that TradeWise runs are started and
stopped with their engines (`bots.services.running`); paused and resumed they are like all others.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from accounts.models import User
from audit import ledger
from bots.enums import BotStatus, BotType, Command, DesiredState, Phase, StopWay
from bots.exceptions import BotIsDown, CommandRefused, CommandUnderWay, PauseWouldStart
from bots.models import Bot, BotEngine
from bots.services import running
from bots.services.events import record
from bots.services.locking import lock
from tradewise.tenancy.models import CurrentTimestamp

PATIENCE: Final = timedelta(seconds=60)
"""For so long a command that was asked for keeps others out; afterwards the newest wins."""

_UNDER_WAY: Final = {
    Command.START: "starting",
    Command.STOP: "stopping",
    Command.PAUSE: "pausing",
    Command.RELOAD: "reading its configuration anew",
}


@transaction.atomic
@ledger.named("bot.start")
def request_start(*, actor: User, bot: Bot) -> Bot:
    """Ask a stopped or paused bot to trade. Raises CommandRefused, or NoPlace for one that TradeWise runs."""
    if is_run_here(bot) and not _is_paused(bot):
        return running.start(actor=actor, bot=bot)
    bot = lock(bot)
    _refuse_unless_up(bot)
    if _is_asked_already(bot, Command.START):
        return bot
    if bot.status == BotStatus.RUNNING:
        raise CommandRefused(f"{bot} is running already.")
    return _ask(bot, actor, Command.START, DesiredState.RUNNING, BotStatus.STARTING, "start")


@transaction.atomic
@ledger.named("bot.resume")
def request_resume(*, actor: User, bot: Bot) -> Bot:
    """Let a paused bot open new trades again, or take back a stop of an engine. One that runs although it is to be
    paused is to run from now on. Raises CommandRefused.
    """
    if is_run_here(bot) and bot.desired_state == DesiredState.STOPPED:
        return running.start(actor=actor, bot=bot)
    bot = lock(bot)
    _refuse_unless_up(bot)
    if _is_asked_already(bot, Command.START):
        return bot
    if bot.status == BotStatus.RUNNING and bot.desired_state != DesiredState.PAUSED:
        raise CommandRefused(f"{bot} is not paused: it is running.")
    if bot.status == BotStatus.INACTIVE:
        raise CommandRefused(f"{bot} is not paused: it is stopped. Start it instead.")
    return _ask(bot, actor, Command.START, DesiredState.RUNNING, BotStatus.STARTING, "go on")


@transaction.atomic
@ledger.named("bot.stop")
def request_stop(*, actor: User, bot: Bot, way: StopWay | None = None) -> Bot:
    """Ask a bot to stop. One of the trader's own leaves its open trades unwatched; for one that TradeWise runs `way`
    says what becomes of them. Raises CommandRefused.
    """
    if is_run_here(bot):
        return running.stop(actor=actor, bot=bot, way=way)
    bot = lock(bot)
    if _is_asked_already(bot, Command.STOP):
        return bot
    if bot.status == BotStatus.INACTIVE:
        raise CommandRefused(f"{bot} is stopped already.")
    return _ask(bot, actor, Command.STOP, DesiredState.STOPPED, BotStatus.STOPPING, "stop")


@transaction.atomic
@ledger.named("bot.pause")
def request_pause(*, actor: User, bot: Bot) -> Bot:
    """Ask a running bot to open no new trades and to go on managing those it has. Raises CommandRefused."""
    bot = lock(bot)
    _refuse_unless_up(bot)
    if _is_asked_already(bot, Command.PAUSE):
        return bot
    if bot.status == BotStatus.CONNECTED:
        raise CommandRefused(f"{bot} is paused already.")
    if bot.status == BotStatus.INACTIVE:
        raise PauseWouldStart(
            f"{bot} is stopped. Freqtrade would start it if it were asked to pause. "
            "Start it instead, and pause it once it runs."
        )
    return _ask(bot, actor, Command.PAUSE, DesiredState.PAUSED, BotStatus.STOPPING, "pause")


@transaction.atomic
@ledger.named("bot.reload")
def request_reload(*, actor: User, bot: Bot) -> Bot:
    """Ask a bot to read its configuration anew, after which it is in its initial state.

    Which one that is only the bot knows, so nothing is desired until it says. Raises CommandRefused.
    """
    if is_run_here(bot):
        raise CommandRefused(
            f"TradeWise writes the configuration of {bot} itself. Change its parameters, and it starts again with them."
        )
    bot = lock(bot)
    if _is_asked_already(bot, Command.RELOAD):
        return bot
    return _ask(bot, actor, Command.RELOAD, None, BotStatus.STARTING, "read its configuration anew")


@transaction.atomic
def check_now(*, actor: User, bot: Bot) -> Bot:
    """Make the bot due, so that the next tick of the sweep looks at it. Raises CommandRefused without an engine."""
    bot = lock(bot)
    _refuse_unless_up(bot)
    bot.next_check_at = CurrentTimestamp()
    bot.save(update_fields=["next_check_at"])
    bot.refresh_from_db(fields=["next_check_at"])
    # Being due is no column that leaves a trace.
    ledger.event("bot.check", resource="bot", key=bot.bot_id)
    return bot


def is_run_here(bot: Bot) -> bool:
    """Whether TradeWise runs the bot's engine."""
    return bot.bot_type != BotType.EXTERNAL


def _is_paused(bot: Bot) -> bool:
    return bot.status == BotStatus.CONNECTED and bot.desired_state == DesiredState.PAUSED


def _refuse_unless_up(bot: Bot) -> None:
    """Of the bots that TradeWise runs, only one whose engine is up can be asked something."""
    if not is_run_here(bot):
        return
    engine = BotEngine.objects.filter(bot=bot).only("phase").first()
    if bot.desired_state == DesiredState.STOPPED and engine is not None and engine.is_on:
        raise CommandRefused(f"{bot} is stopping and opens no new trades. Let it go on first.")
    if engine is None or not engine.is_on:
        raise CommandRefused(f"{bot} is off, so there is nobody to ask. Start it first.")
    if engine.phase != Phase.UP:
        raise CommandRefused(f"{bot} is starting. Wait until it is up, then try again.")


def _is_asked_already(bot: Bot, command: Command) -> bool:
    """Whether the same command is on its way. Raises when another one is, or when none would arrive."""
    if bot.command and bot.command_asked_at is not None:
        now: datetime = bot.asked_now  # type: ignore[attr-defined]
        if now - bot.command_asked_at < PATIENCE:
            if bot.command == command:
                return True
            doing = _UNDER_WAY[Command(bot.command)]
            raise CommandUnderWay(f"{bot} is {doing}. Wait until it has, at most a minute, then try again.")
    if not bot.is_reachable:
        why = bot.connection_error or "Its last checks failed."
        raise BotIsDown(f"{bot} is down, so no command would arrive. {why}")
    return False


def _ask(
    bot: Bot,
    actor: User,
    command: Command,
    desired: DesiredState | None,
    status: BotStatus,
    verb: str,
) -> Bot:
    bot.command = command
    bot.desired_state = desired
    bot.status = status
    bot.command_asked_at = bot.next_check_at = CurrentTimestamp()
    bot.command_sent_at = None
    times = ["command_asked_at", "next_check_at"]
    bot.save(update_fields=["command", "desired_state", "status", *times, "command_sent_at", "updated_at"])
    bot.refresh_from_db(fields=times)
    record(bot, "command", f"{actor} asked the bot to {verb}.")
    return bot
