"""The narrow ways between an e-mail address and a tenant."""

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


def address_of_tenant() -> str:
    """The e-mail address of the bound tenant, for the worker alone; empty where nobody is there any more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT address_of_tenant()")
        (address,) = cursor.fetchone()
    return str(address or "")
