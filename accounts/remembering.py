"""What is noted in the audit trail whatever becomes of the request: a log-in that failed, a code that was wrong.

It is remembered on the request and written after its transaction, in one of its own: no rollback takes it along.
"""

import logging
import uuid
from typing import Any

from django.db import Error
from django.http import HttpRequest

from audit import ledger
from tradewise.web.binding import bound

logger = logging.getLogger(__name__)


def remember(request: HttpRequest, tenant_id: uuid.UUID, action: str, *, actor: str, **entry: Any) -> None:
    """Have an entry written into the tenant's trail once the request is over."""
    remembered = request.__dict__.setdefault("audit_remembered", [])
    remembered.append((tenant_id, action, actor, entry))


def write_remembered(request: HttpRequest) -> None:
    """Write them. Without a database there is nothing to write to: the log says how many were lost."""
    remembered = request.__dict__.pop("audit_remembered", [])
    try:
        for tenant_id, action, actor, entry in remembered:
            with bound(request, tenant_id, actor=actor, action=action):
                ledger.event(action, **entry)
    except Error as trouble:
        logger.error("%s entries of the audit trail were lost: %s", len(remembered), type(trouble).__name__)  # noqa: TRY400
