"""What the worker does for accounts."""

from celery import shared_task
from django.db import connection

from audit import ledger
from tradewise.tenancy.context import PLATFORM


@shared_task(name="accounts.forget_sessions")
def forget_sessions() -> int:
    """Delete sessions that are over; the number of them. The worker sees no other."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_session WHERE expire_date < now()")
        gone = int(cursor.rowcount)
    if gone:
        ledger.event_of(PLATFORM, "sessions.forget", resource="session", old={"sessions": gone})
    return gone
