"""What to do next about a command, from what was asked and what is seen. Pure functions.

Freqtrade's commands are asynchronous: a command is sent once, and has worked when the bot's state says so.
"""

from enum import Enum, auto
from typing import Final, NamedTuple

from bots.adapters import Probe
from bots.enums import BotStatus, Command, EngineState, HealthReason
from bots.health.leased import Leased

PATIENCE: Final = 60.0
"""Seconds after which a command without effect is given up; the site then lets the next one in. A pause that no worker
was there to send is sent all the same, and has its minute from then on.
"""

_WANTED: Final = {
    Command.START: EngineState.RUNNING,
    Command.STOP: EngineState.STOPPED,
    Command.PAUSE: EngineState.PAUSED,
}
_ENTERED: Final = frozenset({HealthReason.AUTH, HealthReason.NEEDS_TOKEN})
_DONE: Final = {
    EngineState.RUNNING: "The bot runs.",
    EngineState.PAUSED: "The bot is paused: it opens no new trades and goes on to manage those it has.",
    EngineState.STOPPED: "The bot is stopped: its open trades, if any, are not watched.",
}
_VERBS: Final = {
    Command.START: "start",
    Command.STOP: "stop",
    Command.PAUSE: "pause",
    Command.RELOAD: "read its configuration anew",
}
WOULD_START: Final = (
    "The bot was not asked to pause: it is stopped, and Freqtrade would have started it. Start it instead, and "
    "pause it once it runs."
)
#: What the page shows while a command is under way.
UNDER_WAY: Final = {
    Command.START: BotStatus.STARTING,
    Command.RELOAD: BotStatus.STARTING,
    Command.STOP: BotStatus.STOPPING,
    Command.PAUSE: BotStatus.STOPPING,
}


class Step(Enum):
    """What comes next."""

    NOTHING = auto()
    SEND = auto()
    WAIT = auto()
    END = auto()


class Next(NamedTuple):
    """A step, and the sentence for the diary when it is the end."""

    step: Step
    sentence: str = ""


NOTHING: Final = Next(Step.NOTHING)
_SEND, _WAIT = Next(Step.SEND), Next(Step.WAIT)


def next_step(bot: Leased, seen: Probe, *, sent: bool) -> Next:
    """`sent` is whether the bot was asked already, as far as is known: asking twice does no harm."""
    if not bot.command:
        return NOTHING
    command = Command(bot.command)
    if seen.state is None:
        return _without_state(bot, command, seen, sent=sent)
    wanted = _WANTED.get(command)
    settled = seen.state is not EngineState.RELOAD_CONFIG
    if seen.state is wanted or (command is Command.RELOAD and sent and settled):
        return Next(Step.END, _done(command, seen.state))
    if is_late(bot) and not _may_still_pause(bot, command, sent=sent, may_send=settled):
        return Next(Step.END, _gave_up(command, "Its state did not change."))
    if command is Command.PAUSE and seen.state is EngineState.STOPPED:
        return Next(Step.END, WOULD_START)
    return _SEND if settled and not sent else _WAIT


def refused(command: Command, reason: HealthReason, sentence: str, *, is_late: bool = False) -> Next:
    """What follows when the bot did not take the command, or nothing arrived; a late one is not tried again."""
    if reason in _ENTERED or reason in (
        HealthReason.PROTOCOL,
        HealthReason.TOO_OLD,
        HealthReason.NOT_FREQTRADE,
    ):
        return Next(Step.END, f"The bot did not {_VERBS[command]}. {sentence}")
    return Next(Step.END, _gave_up(command, sentence)) if is_late else _WAIT


def is_late(bot: Leased) -> bool:
    """Whether the command was asked for longer ago than a trader would wait."""
    return bot.seconds_since_asked > PATIENCE


def _may_still_pause(bot: Leased, command: Command, *, sent: bool, may_send: bool) -> bool:
    """Whether it is a pause that nobody sent in time, and that may still work.

    However old, it keeps a bot from new trades alone, and the page says all along that it is to be paused. A stop is
    not sent late: it would leave open trades unwatched at a moment that nobody chose. Nor is a start or a reload.
    """
    if command is not Command.PAUSE:
        return False
    if not sent:
        return may_send
    was_sent_late = bot.seconds_since_asked - bot.seconds_since_sent > PATIENCE
    return was_sent_late and bot.seconds_since_sent <= PATIENCE


def _without_state(bot: Leased, command: Command, seen: Probe, *, sent: bool) -> Next:
    if seen.reason in _ENTERED:
        return Next(Step.END, f"The bot did not {_VERBS[command]}. {seen.sentence}")
    if is_late(bot) and not _may_still_pause(bot, command, sent=sent, may_send=False):
        return Next(Step.END, _gave_up(command, seen.sentence))
    return _WAIT


def _done(command: Command, state: EngineState) -> str:
    if command is Command.RELOAD:
        return f"The bot has read its configuration anew. {_DONE[state]}"
    return _DONE[state]


def _gave_up(command: Command, why: str) -> str:
    return f"The bot did not {_VERBS[command]} within {PATIENCE:.0f} seconds. {why} Look at its log, then try again."
