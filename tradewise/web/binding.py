"""A request's transaction: for which tenant, who asks, from where and with what."""

import uuid
from contextlib import AbstractContextManager

from django.http import HttpRequest

from tradewise.tenancy.context import tenant_context
from tradewise.web.addresses import client_address, user_agent


def bound(
    request: HttpRequest, tenant_id: uuid.UUID, *, actor: str, action: str = ""
) -> AbstractContextManager[None]:
    """One transaction as this tenant, in which the audit trail knows who asks: `actor` as it spells one."""
    return tenant_context(
        tenant_id, actor=actor, action=action, ip=client_address(request), user_agent=user_agent(request)
    )


def as_trader(request: HttpRequest) -> AbstractContextManager[None]:
    """One transaction of the trader who is logged in, for a view that runs outside of one."""
    tenant_id: uuid.UUID = request.tenant_id  # type: ignore[attr-defined]
    return bound(request, tenant_id, actor=str(request.user.pk))
