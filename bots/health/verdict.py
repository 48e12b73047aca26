"""What one check means: pure functions from what was known and what was seen to what is written.

DOWN (`error`) after three failures in a row, UP after one success. A wrong password is DOWN at once, since
asking again would not mend it, and is asked rarely. What only the figures or a thorough look can
show (a hung loop, an exchange out of reach) stays until they say otherwise.
"""

from dataclasses import dataclass
from typing import Final

from bots.adapters import Figures, Probe, Rejection
from bots.enums import BotStatus, Command, DesiredState, EngineState, HealthReason
from bots.health.leased import Leased

FAILURES_TO_BE_DOWN: Final = 3
#: Seconds until the next look: at a bot that just failed, that is carrying out a command, that is
#: down for long, or whose password is wrong.
RETRY, FOLLOW, DOWN_FOR_LONG, AUTH_AGAIN = 3.0, 1.5, 60.0, 300.0
#: Failures after which a bot counts as down for long: five minutes at the usual interval.
LONG: Final = 20
#: Seconds that a command may take, from the click; and that a bot is off the network while it reloads.
PATIENCE, SETTLING = 60.0, 4.0

ANSWERS: Final = frozenset(
    {HealthReason.OK, HealthReason.PAUSED, HealthReason.STOPPED, HealthReason.EXCHANGE_UNREACHABLE}
)
STATUS_OF_STATE: Final = {
    EngineState.RUNNING: BotStatus.RUNNING,
    EngineState.PAUSED: BotStatus.CONNECTED,
    EngineState.STOPPED: BotStatus.INACTIVE,
    EngineState.RELOAD_CONFIG: BotStatus.STARTING,
}
WANTED: Final = {
    Command.START: EngineState.RUNNING,
    Command.STOP: EngineState.STOPPED,
    Command.PAUSE: EngineState.PAUSED,
}
DESIRED_OF_STATE: Final = {
    EngineState.RUNNING: DesiredState.RUNNING,
    EngineState.PAUSED: DesiredState.PAUSED,
    EngineState.STOPPED: DesiredState.STOPPED,
}
_DONE: Final = {
    Command.START: "The bot runs.",
    Command.STOP: "The bot has stopped. Open trades are not watched until it is started again.",
    Command.PAUSE: "The bot is paused: it opens no new trades and goes on to manage those it has.",
    Command.RELOAD: "The bot has read its configuration anew.",
}
_NOT_DONE: Final = {
    Command.START: "The bot was asked to start and did not within a minute. Look in its log, then try again.",
    Command.STOP: "The bot was asked to stop and did not within a minute. Look in its log, then try again.",
    Command.PAUSE: "The bot was asked to pause and did not within a minute. Look in its log, then try again.",
    Command.RELOAD: (
        "The bot was asked to read its configuration anew and did not come back within a minute. "
        "A broken configuration file ends Freqtrade: look in its log, and start it where it runs."
    ),
}
EXCHANGE_GONE: Final = (
    "The bot runs, but gets no prices from its exchange. Its equity is not updated until it does. "
    "Check the exchange's status and the bot's network."
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one check brought: the probe, what became of a command, and the figures if they were read."""

    probe: Probe
    sent: bool = False
    """The pending command was sent now."""
    refusal: str = ""
    """The sentence of a bot that refused the command for good."""
    figures: Figures | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is written about the bot. `seconds` None is the bot's next regular slot."""

    status: str
    health: str
    failures: int
    answered: bool
    connection_error: str | None
    seconds: float | None
    command: str
    sent: bool
    desired_state: str | None
    event_kind: str = ""
    event_sentence: str = ""
    figures_soon: bool = False


def judge(was: Leased, seen: Seen) -> Verdict:
    """What the check means for the bot."""
    reason, sentence = _reason(was, seen)
    if was.command:
        return _during_command(was, seen, reason, sentence)
    return _plain(was, seen, reason, sentence)


def _reason(was: Leased, seen: Seen) -> tuple[HealthReason, str]:
    """The probe's reason, corrected by what only figures or a thorough look can tell."""
    reason, sentence = seen.probe.reason, seen.probe.sentence
    if reason not in (HealthReason.OK, HealthReason.PAUSED):
        return reason, sentence
    if seen.figures is not None:
        blind = seen.figures.rejected in (Rejection.PRICES_MISSING, Rejection.ZERO_VALUED)
        return (HealthReason.EXCHANGE_UNREACHABLE, EXCHANGE_GONE) if blind else (reason, sentence)
    sticky = (HealthReason.EXCHANGE_UNREACHABLE, HealthReason.HUNG)
    if was.health in sticky and not was.figures_due:
        return HealthReason(was.health), was.connection_error or sentence
    if was.health == HealthReason.EXCHANGE_UNREACHABLE:  # the figures could not be read this time
        return HealthReason.EXCHANGE_UNREACHABLE, was.connection_error or EXCHANGE_GONE
    return reason, sentence


def _plain(was: Leased, seen: Seen, reason: HealthReason, sentence: str) -> Verdict:
    if reason in ANSWERS and seen.probe.state is not None:
        status = STATUS_OF_STATE[seen.probe.state]
        well = reason != HealthReason.EXCHANGE_UNREACHABLE
        told = status != was.status or (reason != was.health and not (well and was.health in ANSWERS))
        told = told or (reason == HealthReason.EXCHANGE_UNREACHABLE) != (
            was.health == HealthReason.EXCHANGE_UNREACHABLE
        )
        return Verdict(
            status=status,
            health=reason,
            failures=0,
            answered=True,
            connection_error=None if well else sentence,
            seconds=FOLLOW if status == BotStatus.STARTING else None,
            command="",
            sent=False,
            desired_state=was.desired_state or DESIRED_OF_STATE.get(seen.probe.state),
            event_kind="health" if told else "",
            event_sentence=_up(was, sentence) if told else "",
            figures_soon=was.failures > 0,
        )
    return _failed(was, reason, sentence)


def _up(was: Leased, sentence: str) -> str:
    return f"The bot answers again. {sentence}" if was.status == BotStatus.ERROR else sentence


def _failed(was: Leased, reason: HealthReason, sentence: str) -> Verdict:
    failures = was.failures + 1
    if reason in (HealthReason.AUTH, HealthReason.HUNG, HealthReason.NEEDS_TOKEN):
        failures = max(failures, FAILURES_TO_BE_DOWN)
    down = failures >= FAILURES_TO_BE_DOWN
    seconds: float | None = RETRY
    if reason == HealthReason.AUTH:
        seconds = AUTH_AGAIN
    elif down:
        seconds = DOWN_FOR_LONG if failures >= LONG else None
    told = down and (was.status != BotStatus.ERROR or was.health != reason)
    return Verdict(
        status=BotStatus.ERROR if down else was.status,
        health=reason,
        failures=failures,
        # A bot whose loop hangs does answer.
        answered=reason == HealthReason.HUNG,
        connection_error=sentence,
        seconds=seconds,
        command=was.command,
        sent=False,
        desired_state=was.desired_state,
        event_kind="health" if told else "",
        event_sentence=sentence if told else "",
    )


def _during_command(was: Leased, seen: Seen, reason: HealthReason, sentence: str) -> Verdict:
    """A command is on its way: follow closely until its effect is seen, or its minute is over."""
    command = Command(was.command)
    state = seen.probe.state
    if seen.refusal:
        return _over(was, seen, reason, sentence, f"The bot did not do as asked. {seen.refusal}")
    if _is_done(was, seen, command, reason):
        return _over(was, seen, reason, sentence, _DONE[command])
    if was.command_age > PATIENCE:
        return _over(was, seen, reason, sentence, _NOT_DONE[command])
    answered = reason in ANSWERS and state is not None
    # A bot that reloads is off the network for a moment; that is no failure of its own.
    return Verdict(
        status=was.status,
        health=reason if answered else was.health,
        failures=0 if answered else was.failures,
        answered=answered,
        connection_error=None if answered else sentence,
        seconds=FOLLOW,
        command=was.command,
        sent=seen.sent,
        desired_state=was.desired_state,
    )


def _is_done(was: Leased, seen: Seen, command: Command, reason: HealthReason) -> bool:
    if reason not in ANSWERS or not (seen.sent or was.sent_age is not None):
        return False
    if command == Command.RELOAD:
        settled = was.sent_age is not None and was.sent_age > SETTLING
        return settled and seen.probe.state in DESIRED_OF_STATE
    return seen.probe.state == WANTED[command]


def _over(was: Leased, seen: Seen, reason: HealthReason, sentence: str, told: str) -> Verdict:
    """The command has ended, well or not: the bot is what it is seen to be."""
    plain = _plain(was, seen, reason, sentence)
    state = seen.probe.state
    return Verdict(
        status=plain.status if plain.failures == 0 or plain.status == BotStatus.ERROR else BotStatus.ERROR,
        health=plain.health,
        failures=plain.failures,
        answered=plain.answered,
        connection_error=plain.connection_error,
        seconds=plain.seconds,
        command="",
        sent=False,
        desired_state=DESIRED_OF_STATE.get(state, was.desired_state) if state else was.desired_state,
        event_kind="command",
        event_sentence=told,
        figures_soon=True,
    )
