"""The number of a template's subscribers, which the database keeps by itself; here it is compared with the rows."""

from typing import NamedTuple

from django.db import connection, transaction

from audit import ledger


class Drift(NamedTuple):
    """A template whose number is not that of its subscriptions."""

    template_id: str
    stored: int
    counted: int


def drift() -> list[Drift]:
    """All of them, across all tenants: by a function of the database that ops alone may call."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT template_id, stored, counted FROM subscriptions_drift()")
        return [Drift(*row) for row in cursor.fetchall()]


@transaction.atomic
def mend(template_id: str) -> Drift:
    """Count anew with the template's row locked, so that nobody who subscribes meanwhile is missed.

    Within the platform's context; the entry in its trail is written here, since the number leaves none.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT stored, counted FROM subscriptions_recount(%s)", [template_id])
        stored, counted = cursor.fetchone()
    ledger.event(
        "template.count_subscribers",
        resource="template",
        key=template_id,
        old={"subscribers_count": stored},
        new={"subscribers_count": counted},
    )
    return Drift(template_id, stored, counted)
