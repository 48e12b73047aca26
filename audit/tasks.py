"""What the worker does for the trail. The names are a wire format: written out and never changed."""

import logging

from celery import shared_task
from django.db import Error, connection

from audit import ledger, sealing
from tradewise.secrets import KeyTrouble
from tradewise.tenancy.context import PLATFORM

logger = logging.getLogger(__name__)

#: Months whose partitions are made ahead.
AHEAD = 3

#: Of this month and the next: the table, the month, and whether it has no partition.
MISSING = """
SELECT kind, to_char(m, 'YYYY-MM'), to_regclass('public.' || kind || to_char(m, '_YYYYMM')) IS NULL
FROM generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
    date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month', interval '1 month') m,
    unnest(ARRAY['audit_logs', 'audit_seals']) kind
ORDER BY m, kind
"""


@shared_task(name="audit.seal", ignore_result=True, soft_time_limit=50, time_limit=60)
def seal() -> None:
    """Seal what is finished."""
    try:
        sealed = sealing.seal()
    except KeyTrouble as error:
        logger.critical("the audit trail is not sealed: %s", error)
    except Error as error:
        state = getattr(error.__cause__, "sqlstate", "")
        detail = (
            "this server was restored, run manage.py resume_audit"
            if state == "55000"
            else type(error).__name__
        )
        logger.critical("the audit trail is not sealed: %s", detail)
    else:
        if sealed:
            logger.debug("sealed %s entries", sealed)


@shared_task(name="audit.keep_partitions", ignore_result=True, soft_time_limit=60, time_limit=90)
def keep_partitions() -> None:
    """Make the partitions of the next months, and raise the alarm where the next one is missing all the same."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT audit_keep_partitions(%s)", [AHEAD])
            row = cursor.fetchone()
    except Error as error:
        logger.critical("the partitions of the audit trail were not made: %s", type(error).__name__)
        return
    if row is not None and row[0]:
        ledger.event_of(PLATFORM, "partitions.keep", resource="trail", new={"made": row[0]})
    for sentence in missing_partitions():
        logger.critical(sentence)


def missing_partitions() -> list[str]:
    """A sentence for each of this month and the next that has no partition."""
    with connection.cursor() as cursor:
        cursor.execute(MISSING)
        rows = cursor.fetchall()
    return [
        f"The audit trail has no partition {kind} for {month}: what belongs there goes to {kind}_rest, from where it "
        "cannot be archived. The task audit.keep_partitions makes one as long as nothing of that month lies there."
        for kind, month, is_missing in rows
        if is_missing
    ]
