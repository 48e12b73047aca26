"""Entry points for the worker. Task names are a wire format and are never renamed."""

import logging

from celery import shared_task
from django.conf import settings
from django.db import OperationalError, connection

from bots.health.sweep import sweep as sweep_bots

log = logging.getLogger(__name__)

#: Days for which partitions are made ahead: a worker that is away for that long loses no order.
AHEAD_DAYS = 3


@shared_task(name="bots.sweep", soft_time_limit=60, time_limit=90)
def sweep() -> None:
    """Check every bot that is due. Overlapping ticks share the work: a bot is leased to one of them."""
    try:
        sweep_bots()
    except OperationalError as error:
        log.warning("the database was away during a sweep; the next tick goes on: %s", type(error).__name__)


@shared_task(name="bots.keep_partitions")
def keep_partitions() -> None:
    """Make the partitions of the coming days, and drop those that are too old."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bots_keep_partitions(%s, %s)", [settings.BOT_SAMPLE_RETENTION_DAYS, AHEAD_DAYS]
        )
