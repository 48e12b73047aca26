"""What the worker does for accounts."""

import time
from typing import Final

from celery import shared_task
from django.db import connection

from accounts.services.posting import post_webhooks
from audit import ledger
from tradewise.tenancy.context import PLATFORM

#: Days for which it is kept what a trader was told; and for so long nothing is told twice.
DAYS: Final = 90
#: Seconds after which posting to webhooks lets other ticks have the process.
TURN: Final = 10.0


@shared_task(name="accounts.forget_sessions")
def forget_sessions() -> int:
    """Delete sessions that are over; the number of them. The worker sees no other."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_session WHERE expire_date < now()")
        gone = int(cursor.rowcount)
    if gone:
        ledger.event_of(PLATFORM, "sessions.forget", resource="session", old={"sessions": gone})
    return gone


@shared_task(name="accounts.post_webhooks")
def post() -> int:
    """Post what waits for webhooks, until nothing is due or its turn is over; how much was taken."""
    started, total = time.monotonic(), 0
    while time.monotonic() - started < TURN and (taken := post_webhooks()):
        total += taken
    return total


@shared_task(name="accounts.forget_notifications")
def forget_notifications() -> int:
    """Delete what traders were told long ago; the number of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications "
            "WHERE created_at < now() - make_interval(days => %s) LIMIT 10000)",
            [DAYS],
        )
        return int(cursor.rowcount)
