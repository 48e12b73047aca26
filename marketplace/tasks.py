"""The worker's turns. Their names are a wire format: they are written out and never change."""

import logging
import time
from typing import Final

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import Error

from marketplace.services import keeping, prices
from marketplace.services.keeping import Report

logger = logging.getLogger(__name__)

TURN: Final = 30.0
"""Seconds after which a tick leaves the rest to the next one."""


@shared_task(name="marketplace.keep_records", ignore_result=True, soft_time_limit=100, time_limit=110)
def keep_records() -> None:
    """Compute the records that are due, some at a time. Turns may overlap or be lost: the queue is in the database."""
    until, report = time.monotonic() + TURN, Report()
    try:
        while time.monotonic() < until and (turn := keeping.keep()).looked:
            report.add(turn)
    except (Error, SoftTimeLimitExceeded) as error:
        logger.error("the records ended early: %s", type(error).__name__)  # noqa: TRY400
        return
    if report.written or report.failed:
        logger.info("records %s", report)


@shared_task(name="marketplace.keep_prices", ignore_result=True, soft_time_limit=100, time_limit=110)
def keep_prices() -> None:
    """Ask exchanges for the daily closes that are due."""
    try:
        came = prices.fetch()
    except (Error, SoftTimeLimitExceeded) as error:
        logger.error("the daily closes ended early: %s", type(error).__name__)  # noqa: TRY400
        return
    if came:
        logger.info("daily closes came=%s", came)
