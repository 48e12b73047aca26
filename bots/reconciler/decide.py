"""What to do next about an engine, from what is wanted and what is seen. Pure functions: nothing here asks or writes.

Any exit that nobody asked for is a failure, whatever its code. A failure is tried again, later each time, and given
up after `MOST_ATTEMPTS`; one that another try would repeat is given up at once.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from bots.enums import BotStatus, HealthReason, Phase, StopWay
from bots.reconciler.leased import Leased

READY_SECONDS: Final = 60.0
"""From the launch until the engine must answer as our bot."""
TERM_SECONDS: Final = 15.0
"""From SIGTERM to SIGKILL."""
HUNG_SECONDS: Final = 20.0
"""For so long an engine that is up may be down for the sweep before it is ended."""
MANY_CHECKS: Final = 3
"""After so many failed checks in a row the sweep says that an engine is down."""
MOST_ATTEMPTS: Final = 5
READ_SECONDS: Final = 20.0
"""For so long an engine without open trades waits for the sweep to read its last figures."""
STEADY_SECONDS: Final = 300.0
"""Once it has been up for so long, a failure counts as the first again."""
#: What the sweep says of an engine that must be ended: it does not answer as a Freqtrade that works.
DEAF: Final = frozenset(
    {
        HealthReason.REFUSED,
        HealthReason.UNREACHABLE,
        HealthReason.TIMED_OUT,
        HealthReason.HUNG,
        HealthReason.NO_TRADER,
        HealthReason.PROTOCOL,
        HealthReason.NOT_FREQTRADE,
        HealthReason.AUTH,
    }
)

SOON, OFTEN, STEADY = 0.5, 1.0, 5.0


class Do(Enum):
    """What comes next."""

    WAIT = auto()
    LAUNCH = auto()
    ADOPT = auto()
    """An engine is there already: a former worker started it."""
    READY = auto()
    GO_ON = auto()
    """The trader took a stop back."""
    WIND_DOWN = auto()
    READ = auto()
    """Nothing is open any more: its last figures are due now."""
    TERMINATE = auto()
    KILL = auto()
    FAIL = auto()
    """The engine is gone, and nobody asked for that."""
    OFF = auto()
    QUEUE = auto()
    """The engine is gone so that it starts again."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a visit saw. `trouble` and `final` are why an engine ended; `open_trades` is None where nobody said."""

    alive: bool
    ended_with_machine: bool = False
    answers: bool = False
    is_former: bool = False
    """It answers, and runs with former parameters: a worker that was killed had started it."""
    starting: int = 0
    starts_at_once: int = 1
    open_trades: int | None = None
    trouble: str = ""
    final: bool = False
    missing: tuple[str, ...] = ()
    """Pairs of its configuration that the exchange does not know."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step, seconds until the next visit, and the sentence for a failure."""

    do: Do
    wait: float = 0.0
    sentence: str = ""
    final: bool = False


def decide(engine: Leased, look: Look) -> Step:
    """The next step."""
    match engine.phase:
        case Phase.QUEUED:
            return _queued(engine, look)
        case Phase.LAUNCHED:
            return _launched(engine, look)
        case Phase.UP:
            return _up(engine, look)
        case Phase.CLOSING:
            return _closing(engine, look)
        case Phase.READING:
            return _reading(engine, look)
        case Phase.ENDING:
            return _ending(engine, look)
    return Step(Do.WAIT, STEADY)


def pause_before(attempt: int) -> float:
    """Seconds before the engine is started again after its `attempt`th failure in a row: 3, 10, 30, 60, 60."""
    return (3.0, 10.0, 30.0, 60.0)[min(max(attempt, 1), 4) - 1]


def attempts_after(engine: Leased) -> int:
    """How many failures in a row the one that is seen now makes."""
    steady = engine.ready_for is not None and engine.ready_for >= STEADY_SECONDS
    was_up = engine.phase in (Phase.UP, Phase.CLOSING, Phase.READING) or (
        engine.phase == Phase.ENDING and engine.failure
    )
    return 1 if steady and was_up else engine.attempts + 1


def _queued(engine: Leased, look: Look) -> Step:
    if not engine.is_wanted:
        return Step(Do.TERMINATE, SOON) if look.alive else Step(Do.OFF)
    if look.alive:
        return Step(Do.ADOPT, OFTEN)
    if look.starting >= look.starts_at_once:
        return Step(Do.WAIT, OFTEN)
    return Step(Do.LAUNCH, OFTEN)


def _launched(engine: Leased, look: Look) -> Step:
    if not look.alive:
        return _gone(engine, look)
    if not engine.is_wanted or look.is_former or engine.revision != engine.running_revision:
        return Step(Do.TERMINATE, SOON)
    if look.answers and look.missing:
        return Step(Do.TERMINATE, SOON, _unknown(look.missing), final=True)
    if look.answers:
        return Step(Do.READY, STEADY)
    if engine.in_phase > READY_SECONDS:
        return Step(Do.TERMINATE, SOON, f"The engine was not ready within {READY_SECONDS:.0f} seconds.")
    return Step(Do.WAIT, OFTEN)


def _gone(engine: Leased, look: Look, left: str = "") -> Step:
    """It was there at the last visit. A machine that was restarted is nobody's failure: what ran is brought back."""
    if not engine.is_wanted:
        return Step(Do.OFF, sentence=left)
    # One that had to end for other parameters has not failed, whoever ended it.
    if look.ended_with_machine or engine.revision != engine.running_revision:
        return Step(Do.QUEUE)
    return Step(Do.FAIL, 0.0, look.trouble, look.final)


def _up(engine: Leased, look: Look) -> Step:
    if not look.alive:
        return _gone(engine, look)
    if not engine.is_wanted:
        return Step(Do.TERMINATE, SOON) if engine.stop_way == StopWay.NOW else Step(Do.WIND_DOWN, SOON)
    if engine.revision != engine.running_revision:
        return Step(Do.TERMINATE, SOON)
    if engine.status == BotStatus.ERROR and _is_deaf(engine):
        return Step(Do.TERMINATE, SOON, "The engine hung: it ran, and did not answer any more.")
    return Step(Do.WAIT, STEADY)


def _is_deaf(engine: Leased) -> bool:
    """Whether the sweep has heard nothing of use for long."""
    return engine.health in DEAF and (engine.in_health or 0.0) > HUNG_SECONDS


def _closing(engine: Leased, look: Look) -> Step:
    """While trades are open the engine goes on to manage them; the trader may change the way, or take it back."""
    if not look.alive:
        return _gone(engine, look, "" if engine.stop_way == StopWay.NOW else UNFINISHED)
    if engine.is_wanted:
        return Step(Do.GO_ON, STEADY)
    if engine.stop_way == StopWay.NOW:
        return Step(Do.TERMINATE, SOON)
    if look.open_trades == 0:
        return Step(Do.READ, OFTEN)
    # Its status says that it stops; whether it is down, its failures say.
    if engine.failures >= MANY_CHECKS and _is_deaf(engine):
        return Step(Do.TERMINATE, SOON, HUNG_UNFINISHED)
    return Step(Do.WIND_DOWN, OFTEN if engine.stop_way == StopWay.CLOSE else STEADY)


def _reading(engine: Leased, look: Look) -> Step:
    """What it closed last is read before it ends, or the page would show those trades as open for good."""
    if not look.alive:
        return _gone(engine, look)
    if engine.is_wanted:
        return Step(Do.GO_ON, STEADY)
    is_read = engine.read_ago < engine.in_phase
    if is_read or engine.failures or engine.in_phase > READ_SECONDS or engine.stop_way == StopWay.NOW:
        return Step(Do.TERMINATE, SOON)
    return Step(Do.WAIT, SOON)


def _ending(engine: Leased, look: Look) -> Step:
    if look.alive:
        return Step(Do.KILL if engine.in_phase > TERM_SECONDS else Do.WAIT, SOON)
    if not engine.is_wanted:
        return Step(Do.OFF, sentence=HUNG_UNFINISHED if engine.failure == HUNG_UNFINISHED else "")
    if engine.failure:
        return Step(Do.FAIL, 0.0, engine.failure, engine.failure.startswith(UNKNOWN_PAIRS))
    return Step(Do.QUEUE)


UNFINISHED: Final = (
    "The engine ended by itself before its trades were closed. Those that are open are not watched: start the bot "
    "again to go on with them."
)
HUNG_UNFINISHED: Final = (
    "The engine hung before its trades were closed, and was ended. Those that are open are not watched: start the bot "
    "again to go on with them."
)
UNKNOWN_PAIRS: Final = "The exchange does not know "


def _unknown(pairs: tuple[str, ...]) -> str:
    return f"{UNKNOWN_PAIRS}{', '.join(pairs)}. Choose other pairs in its parameters, then start it again."
