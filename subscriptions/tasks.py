"""What the worker does for subscriptions. Names are a wire format: they are written out and never change."""

import logging
import time
from typing import Final

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import Error

from subscriptions.services import reckoning, telling

logger = logging.getLogger(__name__)

TURN: Final = 40
"""Seconds after which a tick leaves the rest to the next one."""


@shared_task(name="subscriptions.reckon", ignore_result=True, soft_time_limit=50, time_limit=60)
def reckon() -> int:
    """Reckon the results that are due, until none is or the turn is over; how many those were.

    Ticks may overlap or be lost: what is due and what is leased is in the database.
    """
    until, done = time.monotonic() + TURN, 0
    try:
        while time.monotonic() < until and (due := reckoning.claim()):
            for key, tenant in due:
                done += _one(key, tenant)
    except (Error, SoftTimeLimitExceeded) as error:
        logger.error("reckoning ended early: %s", type(error).__name__)  # noqa: TRY400
    return done


def _one(key: int, tenant: object) -> bool:
    """One that cannot be reckoned keeps no other waiting: its lease ends, and it is tried again."""
    try:
        reckoning.reckon(key, tenant)
    except (Error, ArithmeticError, LookupError, ValueError) as error:
        logger.error("a result was not reckoned: %s subscription=%s", type(error).__name__, key)  # noqa: TRY400
        return False
    return True


@shared_task(name="subscriptions.tell_started", ignore_result=True)
def tell_started() -> int:
    """Tell of subscriptions whose bot is up for the first time, until there is none."""
    total = 0
    while told := telling.tell_started():
        total += told
    return total
