"""What the worker does for accounts."""

from celery import shared_task
from django.db import connection


@shared_task(name="accounts.forget_sessions")
def forget_sessions() -> int:
    """Delete sessions that are over; the number of them. The worker sees no other."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_session WHERE expire_date < now()")
        return int(cursor.rowcount)
