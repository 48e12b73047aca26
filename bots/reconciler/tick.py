"""A tick: report the machine, lease what is due, visit it, write back; and once a minute, tidy up."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import DatabaseError

from audit import ledger
from bots.adapters import Probe
from bots.adapters.own import client_of_engines
from bots.enums import Mode, StopWay
from bots.reconciler.decide import Do, Look, Step, decide
from bots.reconciler.leased import Leased, about_to_launch, claim, is_held, starting
from bots.reconciler.logs import answer_readers
from bots.reconciler.machine import Machine, report, runtime_of
from bots.reconciler.tidying import tidy
from bots.reconciler.visit import Outcome, Visitor
from bots.reconciler.writing import next_wait, write
from bots.runtimes import Runtime, RuntimeRefused, Usage
from tradewise.egress import Client

logger = logging.getLogger(__name__)

MOST: Final = 50
TIDY_SECONDS: Final = 60.0
_TOLD: Final = frozenset({Do.WIND_DOWN, Do.GO_ON})
"""What an engine itself is told, over its API."""
Decided = list[tuple[Leased, Step]]
_tidied_at = -TIDY_SECONDS


@dataclass(slots=True)
class Report:
    """What a tick did."""

    visited: int = 0
    launched: int = 0
    ready: int = 0
    failed: int = 0
    ended: int = 0

    def count(self, step: Step) -> None:
        """Note one visit."""
        self.visited += 1
        self.launched += step.do is Do.LAUNCH
        self.ready += step.do is Do.READY
        self.failed += step.do is Do.FAIL
        self.ended += step.do is Do.OFF

    def __str__(self) -> str:
        return (
            f"visited={self.visited} launched={self.launched} ready={self.ready} failed={self.failed} "
            f"ended={self.ended}"
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    look: Look
    handle: str = ""
    usage: Usage | None = None
    probe: Probe | None = None


def reconcile(machine: Machine | None = None, runtime: Runtime | None = None) -> Report:
    """Bring the engines of this machine one step on. Ticks may overlap: each leases what the others have not."""
    machine = machine or Machine.from_settings()
    runtime = runtime or runtime_of(machine)
    report(machine, runtime)
    told = Report()
    token = uuid.uuid4()
    engines = claim(machine.host, token, MOST)
    if engines:
        _visit(Visitor(machine, runtime), engines, token, told)
    answer_readers(machine, runtime)
    _tidy_now_and_then(machine, runtime)
    return told


def _visit(visitor: Visitor, engines: list[Leased], token: uuid.UUID, told: Report) -> None:
    seen = {engine.id: _look(visitor, engine) for engine in engines}
    asked = asyncio.run(
        _ask(visitor, [(engine, there.look) for engine in engines if (there := seen[engine.id])])
    )
    on_their_way = starting(visitor.machine.host)
    decided: Decided = []
    for engine in engines:
        there = seen[engine.id]
        if there is None:
            decided.append((engine, Step(Do.WAIT, 2.0)))
            continue
        look, probe = asked[engine.id]
        look = replace(look, starting=on_their_way)
        seen[engine.id] = replace(there, look=look, probe=probe)
        step = decide(engine, look)
        on_their_way += step.do in (Do.LAUNCH, Do.ADOPT)
        decided.append((engine, step))
    for engine, step in _tell(visitor, decided, token):
        _carry_out(visitor, engine, step, seen[engine.id], token, told)


def _look(visitor: Visitor, engine: Leased) -> _Seen | None:
    """None where the runtime cannot say: then nothing is decided."""
    try:
        look, handle, usage = visitor.look(engine)
    except RuntimeRefused as refusal:
        logger.warning("an engine could not be looked at: %s bot=%s", refusal, engine.bot_id)
        return None
    return _Seen(look, handle, usage)


async def _ask(
    visitor: Visitor, looks: Iterable[tuple[Leased, Look]]
) -> dict[int, tuple[Look, Probe | None]]:
    wanted = list(looks)
    async with client_of_engines(visitor.machine.ports, limit=MOST) as client:
        answers = await asyncio.gather(*(visitor.ask(client, engine, look) for engine, look in wanted))
    return {engine.id: answer for (engine, _), answer in zip(wanted, answers, strict=True)}


def _tell(visitor: Visitor, decided: Decided, token: uuid.UUID) -> Decided:
    """Without those that are told something and whose lease holds no more: nothing else is done for them either.

    An engine may take seconds to answer that it opens no new trades, and to sell cannot be taken back: before that
    it is looked once more whether the trader still wants it.
    """
    ours = [(engine, step) for engine, step in decided if step.do not in _TOLD or is_held(engine, token)]
    told = [(engine, step) for engine, step in ours if step.do in _TOLD]
    asyncio.run(_all_at_once(visitor, visitor.tell, told))
    closing = [each for each in told if each[1].do is Do.WIND_DOWN and each[0].stop_way == StopWay.CLOSE]
    to_sell = [(engine, step) for engine, step in closing if is_held(engine, token)]
    asyncio.run(_all_at_once(visitor, visitor.sell, to_sell))
    return ours


async def _all_at_once(
    visitor: Visitor, say: Callable[[Client, Leased, Step], Coroutine[Any, Any, None]], wanted: Decided
) -> None:
    if wanted:
        async with client_of_engines(visitor.machine.ports, limit=MOST) as client:
            await asyncio.gather(*(say(client, engine, step) for engine, step in wanted))


def _carry_out(
    visitor: Visitor, engine: Leased, step: Step, seen: _Seen | None, token: uuid.UUID, told: Report
) -> None:
    """Each by itself, and written at once: a worker that dies here leaves the others as they are."""
    try:
        if step.do is Do.LAUNCH:
            if not about_to_launch(engine, token):
                return
            _note_use_of_keys(engine)
        elif step.do in (Do.TERMINATE, Do.KILL) and not is_held(engine, token):
            return
        step = visitor.act(engine, step)
        handle = seen.handle if seen else engine.handle
        outcome = Outcome(engine, step, handle, seen.usage if seen else None, seen.probe if seen else None)
        if step.do is Do.FAIL:
            outcome = replace(outcome, step=replace(step, wait=next_wait(outcome)))
        if write(outcome, token):
            told.count(step)
    except DatabaseError as error:
        # Its lease runs out, and it is visited again.
        logger.warning("a visit was not written: %s bot=%s", type(error).__name__, engine.bot_id)


def _note_use_of_keys(engine: Leased) -> None:
    """In the trader's trail, before they are opened."""
    if engine.mode == Mode.LIVE:
        ledger.event_of(engine.tenant_id, "bot.keys_used", resource="bot", key=engine.bot_id)


def _tidy_now_and_then(machine: Machine, runtime: Runtime) -> None:
    global _tidied_at
    if time.monotonic() - _tidied_at < TIDY_SECONDS:
        return
    _tidied_at = time.monotonic()
    tidy(machine, runtime)
