"""The one way from an e-mail address to a tenant, before anyone has logged in."""

import uuid
from typing import cast

from django.db import connection


def tenant_of_email(email: str) -> uuid.UUID | None:
    """The tenant of the trader with exactly this address, whatever its case; None for nobody and for staff.

    The database function behind it can answer this one question and cannot list anybody.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_of_email(%s)", [email.strip().lower()])
        row = cursor.fetchone()
    return cast("uuid.UUID | None", row[0])


def belongs_to_another(email: str, tenant_id: uuid.UUID) -> bool:
    """Whether some other trader has this address."""
    owner = tenant_of_email(email)
    return owner is not None and owner != tenant_id
