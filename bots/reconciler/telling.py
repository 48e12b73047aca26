"""Telling traders what became of an engine: it ended by itself, was given up, or is up again after that."""

from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from accounts.services.notifying import notify
from bots.reconciler.decide import Do, attempts_after
from bots.reconciler.visit import Outcome
from bots.services import outages
from bots.services.outages import Known


class Held(NamedTuple):
    """What the locked rows say: the bot, and when its engine came to the phase that this visit found."""

    bot: Known
    phase_since: datetime


def tell(outcome: Outcome, held: Held, sentence: str, *, gave_up: bool) -> None:
    """In the transaction that writes what came of the visit. `sentence` is what the diary says of it."""
    match outcome.step.do:
        case Do.READY:
            for _, since, seconds in _run(outages.END, [outcome.engine.id]):
                notify(outages.up(held.bot, since, seconds, ""))
        case Do.OFF:
            _run(outages.END, [outcome.engine.id])
            if outcome.step.sentence:
                notify(outages.stopped(held.bot, held.phase_since, sentence))
        case Do.FAIL if gave_up:
            # Nobody waits for it to come back: an outage that goes on would keep the next one from being told.
            _run(outages.END, [outcome.engine.id])
            notify(outages.given_up(held.bot, held.phase_since, sentence))
        case Do.FAIL if outcome.engine.ready_for is not None and attempts_after(outcome.engine) == 1:
            # The first of a row; the sweep may have told already that it is down.
            if _run(outages.BEGIN, [outcome.engine.tenant_id], [outcome.engine.id]):
                notify(outages.stopped(held.bot, held.phase_since, sentence))


def _run(statement: str, *values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
