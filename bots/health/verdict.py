"""From what was known and what is seen to what is true. Pure functions; nothing here asks or writes.

The reason of a failure is shown with the first one. The status says "error" after three in a row, and after
one success the bot is up again. A check that fails is repeated soon, so that DOWN is known within seconds;
a bot that stays down is asked more and more rarely.
"""

from dataclasses import dataclass
from typing import Final

from bots.adapters import Probe
from bots.enums import BotStatus, BotType, DesiredState, EngineState, HealthReason
from bots.health.commands import NOTHING, UNDER_WAY, Next, Step
from bots.health.leased import Leased

FAILURES_TO_BE_DOWN: Final = 3
SOON: Final = 3.0
"""Seconds until a bot that failed for the first or second time is asked again."""
COMMAND_SOON: Final = 1.0
"""Seconds between two looks at a bot that has a command under way."""
LONGEST_INTERVAL: Final = 60
AUTH_AGAIN: Final = 300
"""Seconds until a bot is asked again with a password that it refused: proxies lock out who goes on trying."""

#: Another look would not find these otherwise, so one makes DOWN.
_AT_ONCE: Final = frozenset({HealthReason.AUTH, HealthReason.NEEDS_TOKEN, HealthReason.HUNG})
#: No answer of the bot's own: that a bot that is down is now refused and now times out is no news.
_SILENT: Final = frozenset(
    {
        HealthReason.NAME_NOT_FOUND,
        HealthReason.REFUSED,
        HealthReason.UNREACHABLE,
        HealthReason.TIMED_OUT,
        HealthReason.PROXY,
    }
)
_WORKING: Final = frozenset({HealthReason.OK, HealthReason.PAUSED, HealthReason.STOPPED})
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


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the bot's diary; `kind` is health or command."""

    kind: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be written. `soon` is in seconds; without it the bot is due at its next slot of `every`."""

    alive: bool
    status: str
    health: str
    connection_error: str | None
    failures: int
    desired_state: str | None
    command: str
    every: int
    soon: float | None
    events: tuple[Event, ...]


def is_as_before(bot: Leased, seen: Probe) -> bool:
    """Whether a check saw a working bot just as it was: then only its heartbeat is written."""
    return (
        seen.reason == bot.health
        and seen.reason in _WORKING
        and not bot.failures
        and not bot.command
        and bot.connection_error is None
        and seen.state is not None
        and bot.status == _status(bot, seen.state)
        and facts_of(seen, bot) == facts_known(bot)
    )


def judge(
    bot: Leased,
    seen: Probe,
    *,
    interval: int,
    step: Next = NOTHING,
    exchange_error: str | None = None,
    prices_read: bool = False,
) -> Verdict:
    """`interval` is the seconds between two checks of a working bot.

    `exchange_error` is the sentence when this reading of the figures had no prices; whether there was a
    reading says `prices_read`. Without one, what the last reading said about the exchange still holds.
    """
    if seen.reason not in _WORKING or seen.state is None:
        return _failed(bot, seen, interval, step)
    if not prices_read and bot.health == HealthReason.EXCHANGE_UNREACHABLE:
        exchange_error = bot.connection_error
    if seen.state is EngineState.STOPPED:
        exchange_error = None  # it asks for no prices, so nobody can say that it gets none
    under_way = step.step in (Step.WAIT, Step.SEND)
    status = _status_under_way(bot) if under_way else _status(bot, seen.state)
    health = HealthReason.EXCHANGE_UNREACHABLE if exchange_error else seen.reason
    ended = step.step is Step.END
    desired = bot.desired_state
    if desired is None and not under_way:
        desired = _DESIRED.get(seen.state)
    settling = under_way or seen.state is EngineState.RELOAD_CONFIG
    verdict = Verdict(
        alive=True,
        status=status,
        health=health,
        connection_error=exchange_error,
        failures=0,
        desired_state=desired,
        command="" if ended else bot.command,
        every=interval,
        soon=COMMAND_SOON if settling else None,
        events=(),
    )
    return _with_events(bot, verdict, step, exchange_error or seen.sentence)


def _status(bot: Leased, state: EngineState) -> str:
    """An engine of ours that winds down is stopping until it has ended, whatever it calls that itself."""
    winds_down = bot.bot_type != BotType.EXTERNAL and bot.desired_state == DesiredState.STOPPED
    return BotStatus.STOPPING if winds_down else _STATUS[state]


def interval_after(failures: int, interval: int) -> int:
    """Seconds between two checks of a bot that is down: 15, 30, then 60."""
    doublings = min(max(failures - FAILURES_TO_BE_DOWN, 0) // 3, 6)
    doubled = interval << doublings
    return max(interval, min(doubled, LONGEST_INTERVAL))


def _failed(bot: Leased, seen: Probe, interval: int, step: Next) -> Verdict:
    waits = step.step in (Step.WAIT, Step.SEND)
    if waits and bot.command == "reload" and bot.command_sent_at is not None:
        # It was told to leave the network for a moment: that is no failure.
        return _unchanged(bot, soon=COMMAND_SOON)
    failures = min(bot.failures + 1, 2**31 - 1)
    if seen.reason in _AT_ONCE:
        failures = max(failures, FAILURES_TO_BE_DOWN)
    is_down = failures >= FAILURES_TO_BE_DOWN or bot.status == BotStatus.ERROR
    status = BotStatus.ERROR if is_down else bot.status
    ended = step.step is Step.END
    if ended and not is_down and bot.status in (BotStatus.STARTING, BotStatus.STOPPING):
        status = _last_known(bot)
    verdict = Verdict(
        alive=False,
        status=status,
        health=seen.reason,
        connection_error=seen.sentence,
        failures=failures,
        desired_state=bot.desired_state,
        command="" if ended else bot.command,
        every=AUTH_AGAIN if seen.reason == HealthReason.AUTH else interval_after(failures, interval),
        soon=COMMAND_SOON if waits else SOON if failures < FAILURES_TO_BE_DOWN else None,
        events=(),
    )
    return _with_events(bot, verdict, step, seen.sentence)


def _unchanged(bot: Leased, *, soon: float) -> Verdict:
    return Verdict(
        alive=False,
        status=_status_under_way(bot),
        health=bot.health,
        connection_error=bot.connection_error,
        failures=bot.failures,
        desired_state=bot.desired_state,
        command=bot.command,
        every=LONGEST_INTERVAL,
        soon=soon,
        events=(),
    )


def _status_under_way(bot: Leased) -> str:
    return next((status for command, status in UNDER_WAY.items() if command == bot.command), bot.status)


def _last_known(bot: Leased) -> str:
    return next(
        (status for state, status in _STATUS.items() if state == bot.engine_state), BotStatus.INACTIVE
    )


def _with_events(bot: Leased, verdict: Verdict, step: Next, sentence: str) -> Verdict:
    """A turn is told once: down, up, another reason while down, the exchange lost and found, another state.

    A single check that failed is none: the page shows it, the diary would be full of them.
    """
    events = []
    if step.step is Step.END:
        events.append(Event("command", step.sentence))
    told = step.step is Step.END and verdict.alive and bot.status != BotStatus.ERROR
    turned = verdict.status != bot.status or bot.health == HealthReason.UNKNOWN
    if (turned and not told) or _is_other_reason(bot, verdict):
        events.append(Event("health", sentence))
    return _replace_events(verdict, tuple(events))


def _is_other_reason(bot: Leased, verdict: Verdict) -> bool:
    """Whether a bot is down for a reason of another kind, or lost or found its exchange."""
    if verdict.health == bot.health:
        return False
    if verdict.alive:
        return HealthReason.EXCHANGE_UNREACHABLE in (bot.health, verdict.health)
    return verdict.status == BotStatus.ERROR and not {bot.health, verdict.health} <= _SILENT


def _replace_events(verdict: Verdict, events: tuple[Event, ...]) -> Verdict:
    if not events:
        return verdict
    return Verdict(
        verdict.alive,
        verdict.status,
        verdict.health,
        verdict.connection_error,
        verdict.failures,
        verdict.desired_state,
        verdict.command,
        verdict.every,
        verdict.soon,
        events,
    )


Facts = tuple[str, str, str, str, str, str, bool | None]


def facts_known(bot: Leased) -> Facts:
    """What the bot said of itself last time."""
    return (
        bot.engine_state,
        bot.engine_version,
        bot.strategy,
        bot.exchange,
        bot.timeframe,
        bot.stake_currency,
        bot.dry_run,
    )


def facts_of(seen: Probe, bot: Leased) -> Facts:
    """What it says now, as far as columns hold it; what it leaves out stays as it was."""
    return (
        bot.engine_state if seen.state is None else seen.state.value,
        bot.engine_version if seen.version is None else seen.version[:40],
        bot.strategy if seen.strategy is None else seen.strategy[:100],
        bot.exchange if seen.exchange is None else seen.exchange[:50],
        bot.timeframe if seen.timeframe is None else seen.timeframe[:10],
        bot.stake_currency if seen.stake_currency is None else seen.stake_currency[:20],
        bot.dry_run if seen.dry_run is None else seen.dry_run,
    )
