"""The worker's ticks. Their names are a wire format: they are written out and never change."""

import logging

import psycopg
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import Error, connection

from audit import ledger
from bots import reconciler
from bots.health import sweep as health
from bots.runtimes import RuntimeRefused
from tradewise.secrets import KeyTrouble
from tradewise.tenancy.context import PLATFORM

logger = logging.getLogger(__name__)

#: Days of partitions that are made ahead.
AHEAD = 3


@shared_task(name="bots.sweep", ignore_result=True, soft_time_limit=110, time_limit=120)
def sweep() -> None:
    """Check the bots that are due, until none is or its turn is over.

    Ticks may overlap or be lost: what is due and what is leased is in the database.
    """
    try:
        report = health.sweep()
    except (psycopg.Error, KeyTrouble, SoftTimeLimitExceeded) as error:
        # The text of a database error may quote a row: its type says enough.
        detail = error if isinstance(error, KeyTrouble) else type(error).__name__
        logger.error("sweep ended early: %s", detail)  # noqa: TRY400
        return
    if report.checked:
        logger.info("sweep %s", report)


@shared_task(name="bots.reconcile", ignore_result=True, soft_time_limit=50, time_limit=55)
def reconcile() -> None:
    """Bring the engines of this machine one step nearer to what is wanted.

    Ticks may overlap or be lost: what is due and what is leased is in the database.
    """
    try:
        report = reconciler.reconcile()
    except RuntimeRefused as refusal:
        logger.error("no engine is looked after: %s", refusal)  # noqa: TRY400
        return
    except (Error, SoftTimeLimitExceeded) as error:
        logger.error("reconciling ended early: %s", type(error).__name__)  # noqa: TRY400
        return
    if report.launched or report.ready or report.failed or report.ended:
        logger.info("reconciled %s", report)


@shared_task(name="bots.keep_partitions", ignore_result=True, soft_time_limit=60, time_limit=90)
def keep_partitions() -> None:
    """Make the partitions of the next days and drop those that are out of date."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT bots_keep_partitions(%s, %s)", [settings.BOT_SAMPLE_RETENTION_DAYS, AHEAD])
            row = cursor.fetchone()
    except Error as error:
        logger.error("partitions were not kept: %s", type(error).__name__)  # noqa: TRY400
        return
    if row is not None and row[0]:
        logger.info("partitions dropped=%s", row[0])
        ledger.event_of(PLATFORM, "samples.forget", resource="bot_sample", old={"days": row[0]})
