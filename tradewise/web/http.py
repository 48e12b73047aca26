"""What a view gets where nobody needs to know whose model the user is, and what it says about itself."""

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

View = TypeVar("View", bound=Callable[..., Any])


class TenantRequest(HttpRequest):
    """A request of someone who is logged in. For annotations; nothing makes one."""

    tenant_id: uuid.UUID
    htmx: HtmxDetails


def outside_transaction(view: View) -> View:
    """Mark a view that makes network calls or streams: it runs without an open transaction.

    `request.user` and `request.tenant_id` are loaded; around each of its database steps the view enters
    `tenant_context(request.tenant_id, actor=str(request.user.pk))` itself.
    """
    view.outside_transaction = True  # type: ignore[attr-defined]
    return view
