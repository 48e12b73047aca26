"""Giving a lease back with what came of the visit, where the lease still holds: a short transaction for each engine."""

import uuid
from datetime import timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Value

from bots.enums import BotStatus, Command, DesiredState, EngineState, HealthReason, Phase
from bots.models import Bot, BotEngine, BotEvent, EnginePlace
from bots.reconciler import decide
from bots.reconciler.decide import Do
from bots.reconciler.leased import Leased
from bots.reconciler.telling import Held, tell
from bots.reconciler.visit import Outcome
from bots.services.outages import Known
from bots.services.running import never
from tradewise.tenancy.models import CurrentTimestamp

#: The order of locks is everywhere the bot, then its engine.
_HOLD: Final = """
SELECT e.lease_token = %(token)s, e.phase_since, b.name FROM bots b JOIN bot_engines e ON e.bot_id = b.id
WHERE b.id = %(id)s FOR NO KEY UPDATE OF b, e"""
NOW: Final = CurrentTimestamp()
Values = dict[str, Any]


def write(outcome: Outcome, token: uuid.UUID) -> bool:
    """False where a service or another worker was faster: then nothing of this visit is written."""
    engine = outcome.engine
    with transaction.atomic():
        held = _hold(engine, token)
        if held is None:
            return False
        seen, bot, event = _WRITERS[outcome.step.do](outcome)
        if outcome.usage is not None:
            seen |= {"memory": outcome.usage.memory, "cpu_seconds": outcome.usage.cpu, "measured_at": NOW}
        later = NOW + Value(timedelta(seconds=outcome.step.wait))
        BotEngine.across_tenants.filter(pk=engine.id).update(
            **{**seen, "lease_token": None, "lease_until": None, "next_visit_at": later}
        )
        if bot:
            Bot.across_tenants.filter(pk=engine.id).update(**{**bot, "updated_at": NOW})
        if seen.get("phase") in (Phase.OFF, Phase.FAILED):
            EnginePlace.across_tenants.filter(bot_id=engine.id).update(tenant_id=None, bot_id=None)
        if event:
            _record(engine, bot, *event)
        tell(outcome, held, event[1] if event else "", gave_up=seen.get("phase") == Phase.FAILED)
    return True


def _hold(engine: Leased, token: uuid.UUID) -> Held | None:
    """Both rows are ours until the transaction ends. A trader's request never waits for us for long."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(_HOLD, {"id": engine.id, "token": token})
        row = cursor.fetchone()
    return Held(Known(engine.tenant_id, engine.bot_id, row[2]), row[1]) if row and row[0] else None


def _record(engine: Leased, bot: Values, kind: str, sentence: str) -> None:
    BotEvent.across_tenants.create(
        tenant_id=engine.tenant_id,
        bot_id=engine.id,
        kind=kind,
        status=bot.get("status", engine.status),
        health=bot.get("health", engine.health),
        sentence=sentence,
    )


def _phase(engine: Leased, phase: Phase) -> Values:
    return {} if engine.phase == phase else {"phase": phase, "phase_since": NOW}


Written = tuple[Values, Values, tuple[str, str] | None]


def _wait(outcome: Outcome) -> Written:
    return {}, {}, None


def _launch(outcome: Outcome) -> Written:
    engine = outcome.engine
    seen = {
        **_phase(engine, Phase.LAUNCHED),
        "launched_at": NOW,
        "ready_at": None,
        "failure": "",
        "handle": outcome.handle,
    }
    return seen, {"status": BotStatus.STARTING}, None


def _ready(outcome: Outcome) -> Written:
    """From here on the sweep looks after it; so its first check is due, and its first figures."""
    engine, probe = outcome.engine, outcome.probe
    assert probe is not None
    paused = probe.state == EngineState.PAUSED
    bot: Values = {
        "status": BotStatus.CONNECTED if paused else BotStatus.RUNNING,
        "health": HealthReason.PAUSED if paused else HealthReason.OK,
        "health_since": NOW,
        "connection_error": None,
        "failures": 0,
        "engine_state": probe.state,
        "last_ping": NOW,
        "checked_at": NOW,
        "next_check_at": NOW,
        "next_figures_at": NOW,
    }
    # What was asked for while it started.
    if (engine.desired == DesiredState.PAUSED) != paused:
        bot |= _ask(Command.START if paused else Command.PAUSE)
    seen = {**_phase(engine, Phase.UP), "ready_at": NOW, "handle": outcome.handle}
    return (
        seen,
        bot,
        ("command", "The engine is up: the bot trades." if not paused else "The engine is up, paused."),
    )


def _ask(command: Command) -> Values:
    """The sweep sends it, and again until the engine's state says that it was taken."""
    return {"command": command, "command_asked_at": NOW, "command_sent_at": None}


def _go_on(outcome: Outcome) -> Written:
    """It was paused when it began to wind down; what it was told a moment ago may be lost."""
    pauses = outcome.engine.desired == DesiredState.PAUSED
    bot: Values = {
        "status": BotStatus.CONNECTED if pauses else BotStatus.RUNNING,
        "next_check_at": NOW,
        **_ask(Command.PAUSE if pauses else Command.START),
    }
    return _phase(outcome.engine, Phase.UP), bot, None


def _wind_down(outcome: Outcome) -> Written:
    return _phase(outcome.engine, Phase.CLOSING), {"status": BotStatus.STOPPING}, None


def _read(outcome: Outcome) -> Written:
    bot: Values = {
        "status": BotStatus.STOPPING,
        "next_check_at": NOW,
        "next_figures_at": NOW,
        # A reading that is under way may be of the moment before.
        "lease_token": None,
        "lease_until": None,
    }
    return _phase(outcome.engine, Phase.READING), bot, None


def _terminate(outcome: Outcome) -> Written:
    """Whatever the sweep sees from now on is about an engine that ends."""
    engine, step = outcome.engine, outcome.step
    bot: Values = {
        "status": BotStatus.STARTING if engine.is_wanted else BotStatus.STOPPING,
        "next_check_at": never(),
        "lease_token": None,
        "lease_until": None,
    }
    return {**_phase(engine, Phase.ENDING), "failure": step.sentence}, bot, None


def _queue(outcome: Outcome) -> Written:
    """The trader asked for it, so failures of before are not counted against what comes."""
    bot = {"status": BotStatus.STARTING, "next_check_at": never(), "lease_token": None, "lease_until": None}
    seen = {**_phase(outcome.engine, Phase.QUEUED), "handle": "", "ready_at": None, "attempts": 0}
    return seen, bot, None


def _fail(outcome: Outcome) -> Written:
    """Again later, or given up. The sentence says which."""
    engine, step = outcome.engine, outcome.step
    attempts = decide.attempts_after(engine)
    gives_up = step.final or attempts >= decide.MOST_ATTEMPTS
    seen: Values = {"attempts": attempts, "handle": "", "failure": "", "ready_at": None, "memory": None}
    bot: Values = {
        "health": HealthReason.ENGINE_FAILED,
        "health_since": NOW,
        "failures": attempts,
        "next_check_at": never(),
        "lease_token": None,
        "lease_until": None,
    }
    sentence = step.sentence or "The engine ended by itself."
    if gives_up:
        tried = "" if step.final else f" It was started {attempts} times, and is not started again by itself."
        told = f"{sentence}{tried}"
        seen |= {"phase": Phase.FAILED, "phase_since": NOW}
        bot |= {"status": BotStatus.ERROR, "connection_error": told, **_GIVEN_BACK}
    else:
        pause = decide.pause_before(attempts)
        told = f"{sentence} It is started again in {pause:.0f} seconds, try {attempts + 1} of {decide.MOST_ATTEMPTS}."
        seen |= {"phase": Phase.QUEUED, "phase_since": NOW}
        bot |= {"status": BotStatus.STARTING, "connection_error": told}
    return seen, bot, ("health", told)


def _off(outcome: Outcome) -> Written:
    seen: Values = {
        **_phase(outcome.engine, Phase.OFF),
        "handle": "",
        "stop_way": "",
        "failure": "",
        "attempts": 0,
        "ready_at": None,
        "memory": None,
    }
    bot: Values = {
        "status": BotStatus.INACTIVE,
        "health": HealthReason.STOPPED,
        "health_since": NOW,
        "connection_error": outcome.step.sentence or None,
        "failures": 0,
        "engine_state": EngineState.STOPPED,
        "next_check_at": never(),
        "lease_token": None,
        "lease_until": None,
        "command": "",
        **_GIVEN_BACK,
    }
    return seen, bot, ("command", outcome.step.sentence or "The bot is stopped, and its engine has ended.")


#: Its address is somebody else's soon.
_GIVEN_BACK: Final[Values] = {
    "api_url": None,
    "api_token": None,
    "token_set_at": None,
    "exposed_host_port": None,
}
_WRITERS: Final = {
    Do.WAIT: _wait,
    Do.LAUNCH: _launch,
    Do.ADOPT: _launch,
    Do.READY: _ready,
    Do.GO_ON: _go_on,
    Do.WIND_DOWN: _wind_down,
    Do.READ: _read,
    Do.TERMINATE: _terminate,
    Do.KILL: _wait,
    Do.FAIL: _fail,
    Do.OFF: _off,
    Do.QUEUE: _queue,
}


def next_wait(outcome: Outcome) -> float:
    """Seconds until the next visit."""
    if outcome.step.do is Do.FAIL:
        return decide.pause_before(decide.attempts_after(outcome.engine))
    return outcome.step.wait
