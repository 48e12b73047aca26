"""The engine of a bot that TradeWise runs, in words: how it starts, how it stops, how it is set up, what it uses."""

from datetime import datetime
from typing import Any, Final

from bots.enums import BotStatus, DesiredState, Mode, Phase, StopWay
from bots.models import Bot, BotEngine
from bots.reconciler.decide import MOST_ATTEMPTS
from bots.setup_form import parameters_in_words
from bots.strategies import kinds
from bots.strategies.common import ConfigurationRefused
from bots.views.launch import BY_VALUE
from bots.views.needed import MODES, Facts
from tradewise.web import formatting

MB: Final = 1024 * 1024
SETTLED: Final = 600.0
"""Seconds of life from which on an engine's share of a core is told."""
_STARTING: Final = (Phase.QUEUED, Phase.LAUNCHED)
Step = dict[str, str]


def engine_context(bot: Bot, engine: BotEngine, open_trades: int | None, now: datetime) -> dict[str, Any]:
    """What the live part of the page says of an engine."""
    is_stopping = engine.is_on and bot.desired_state == DesiredState.STOPPED
    return {
        "engine": engine,
        "is_stopping": is_stopping,
        "other_ways": [(way.value, f"{way.label}…") for way in StopWay if way != engine.stop_way]
        if is_stopping and engine.phase in (Phase.UP, Phase.CLOSING)
        else [],
        "steps": [] if is_stopping else steps(bot, engine, now),
        "is_off": not engine.is_on,
        "given_up": engine.phase == Phase.FAILED,
        "usage": usage(engine, now),
        "may_go_live": not engine.is_on and engine.mode == Mode.DRY_RUN,
        "may_leave_live": not engine.is_on and engine.mode == Mode.LIVE,
        "goes_live": engine.mode == Mode.LIVE and bot.dry_run is not False,
        "stop_sentence": stopping(engine, open_trades) if is_stopping else "",
    }


def version_of_engine(engine: BotEngine | None) -> str:
    """Changes with whatever the page shows of the engine."""
    if engine is None:
        return ""
    moments = (engine.phase_since, engine.measured_at, engine.ready_at)
    stamps = "-".join(f"{moment.timestamp():.3f}" if moment else "" for moment in moments)
    return f"-{engine.phase}-{engine.attempts}-{engine.revision}-{engine.stop_way}-{engine.mode}-{stamps}"[
        :200
    ]


def engine_sentence(bot: Bot, engine: BotEngine, open_trades: int | None) -> str:
    """What it is doing, where that differs from what every bot may be doing; empty where it does not."""
    if engine.is_on and bot.desired_state == DesiredState.STOPPED:
        return stopping(engine, open_trades)
    if bot.connection_error:
        return bot.connection_error
    if is_restarting(bot, engine):
        return "Its engine ends in good order, and starts again at once."
    match engine.phase:
        case Phase.OFF:
            return "The bot is off. Nothing of it runs, and its open trades, if any, are not watched."
        case Phase.QUEUED:
            return "Its place is reserved. It waits for its turn, since only a few engines start at the same time."
        case Phase.LAUNCHED:
            return "Its engine is starting, which takes some 20 seconds. This page shows by itself how far it is."
    return ""


def stopping(engine: BotEngine, open_trades: int | None) -> str:
    """What becomes of it, and when."""
    if engine.stop_way == StopWay.NOW or engine.phase in (Phase.ENDING, *_STARTING):
        return "Its engine ends now, which takes 15 seconds at the most."
    if open_trades == 0:
        return "It opens no new trades and has none open, so its engine ends now."
    trades = _trades(open_trades)
    if engine.stop_way == StopWay.CLOSE:
        return f"It opens no new trades and closes {trades} at the price of now. Then its engine ends."
    verb = "is" if open_trades == 1 else "are"
    return (
        f"It opens no new trades, and ends when {trades} {verb} closed. Until then it goes on to manage them."
    )


def _trades(count: int | None) -> str:
    if count is None:
        return "its open trades"
    return "its open trade" if count == 1 else f"its {count} open trades"


def ways_to_stop(open_trades: int | None) -> list[tuple[str, str, str]]:
    """(value, label, what it does) of each way, the safest first."""
    trades = _trades(open_trades)
    if open_trades == 0:
        later = "It opens no new trades. If none is open, its engine ends at once."
        sold = "If a trade is open after all, it is closed at the price of now. Then the engine ends."
        left = "The engine ends at once. Should a trade be open, nobody watches it: no stop-loss, no take-profit."
    else:
        later = (
            f"It opens no new trades and goes on to manage {trades} as before. When the last one is closed, its "
            "engine ends. That may take minutes or weeks."
        )
        sold = f"It closes {trades} at the price of now, with gain or loss. Then its engine ends."
        left = (
            f"Its engine ends at once. Nobody watches {trades} any more: no stop-loss, no take-profit. "
            "Start it again, and it goes on with them."
        )
    told = {StopWay.EXITS: later, StopWay.CLOSE: sold, StopWay.NOW: left}
    return [(way.value, way.label, told[way]) for way in StopWay]


def steps(bot: Bot, engine: BotEngine, now: datetime) -> list[Step]:
    """The way up, while it is on it. Moments are `<time>`, which the page keeps fresh between two polls."""
    restarts = is_restarting(bot, engine)
    if engine.phase not in _STARTING and not restarts:
        return []
    queued, launched = engine.phase == Phase.QUEUED, engine.phase == Phase.LAUNCHED
    first = _step(
        "done", "A place is reserved", f"Port {bot.exposed_host_port}" if bot.exposed_host_port else ""
    )
    if restarts:
        first = _step("current", "The engine ends, to begin anew")
    return [
        first,
        _turn(engine, now) if queued else _step("waiting" if restarts else "done", "It waits for its turn"),
        _step(
            "current" if launched else "waiting",
            "The engine starts and asks the exchange",
            formatting.time_html(engine.phase_since, now) if launched else "",
        ),
        _step("waiting", "It is up"),
    ]


def is_restarting(bot: Bot, engine: BotEngine) -> bool:
    """Whether it ends so that it begins anew, also before the reconciler has come to it."""
    ends = engine.phase == Phase.ENDING or (
        engine.phase == Phase.UP and engine.revision != engine.running_revision
    )
    return ends and bot.desired_state != DesiredState.STOPPED


def _turn(engine: BotEngine, now: datetime) -> Step:
    if not engine.attempts:
        return _step("current", "It waits for its turn")
    label = f"It starts again, try {engine.attempts + 1} of {MOST_ATTEMPTS}"
    is_later = engine.next_visit_at > now
    return _step("current", label, formatting.time_html(engine.next_visit_at, now) if is_later else "")


def _step(state: str, label: str, detail: str = "") -> Step:
    return {"state": state, "label": label, "detail": detail}


def usage(engine: BotEngine, now: datetime) -> dict[str, str] | None:
    """Memory and share of a core, as they were measured."""
    if engine.memory is None or engine.measured_at is None:
        return None
    share = ""
    if engine.cpu_seconds is not None and engine.launched_at is not None:
        lived = (engine.measured_at - engine.launched_at).total_seconds()
        # The start alone costs three seconds of a core, so an earlier share would say little.
        if lived > SETTLED:
            share = f"{100 * engine.cpu_seconds / lived:.1f}% of a core since its start"
    return {
        "memory": f"{engine.memory / MB:.0f}\u00a0MB",
        "share": share,
        "measured": formatting.ago(engine.measured_at, now),
    }


def set_up_facts(bot: Bot, engine: BotEngine) -> dict[str, Any]:
    """How it is set up, without any secret."""
    try:
        configuration = kinds.parse(engine.config_json)
    except ConfigurationRefused as refused:
        return {"set_up_problem": " ".join(problem.sentence for problem in refused.problems)}
    facts: Facts = (
        ("Kind", BY_VALUE[configuration.strategy].title),
        ("Mode", MODES[Mode(engine.mode)]),
        ("Exchange", configuration.exchange.capitalize()),
        ("Pairs", ", ".join(configuration.pairs)),
        ("Timeframe", configuration.timeframe),
        ("Allocation", formatting.amount(engine.allocation, configuration.stake_currency)),
    )
    return {"set_up": facts, "parameters": parameters_in_words(configuration)}


def mode_of_engine(bot: Bot, engine: BotEngine | None) -> str:
    """What the badge says: for an engine what it is to trade with, for any other bot what it says itself."""
    if engine is not None:
        return engine.mode
    return "" if bot.dry_run is None else Mode.DRY_RUN if bot.dry_run else Mode.LIVE


def engine_offers(status: str, phase: str, desired: str | None) -> tuple[tuple[tuple[str, str], ...], bool]:
    """What a trader may do at a click, and whether stopping is offered."""
    if phase in (Phase.OFF, Phase.FAILED):
        return (("start", "Start"),), False
    if desired == DesiredState.STOPPED:
        return (("start", "Go on after all"),), False
    if phase != Phase.UP or status == BotStatus.STARTING:
        return (), True
    if status == BotStatus.RUNNING:
        return (("pause", "Pause"),), True
    if status == BotStatus.CONNECTED:
        return (("resume", "Resume"),), True
    return (("check", "Check now"),), True
