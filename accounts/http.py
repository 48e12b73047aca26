"""What a view of the trader site gets, and how it says that it makes network calls."""

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User

View = TypeVar("View", bound=Callable[..., Any])


class TraderRequest(HttpRequest):
    """A request of someone who is logged in. For annotations; nothing makes one."""

    user: User
    tenant_id: uuid.UUID
    htmx: HtmxDetails


def outside_transaction(view: View) -> View:
    """Mark a view that makes network calls: it runs without an open transaction.

    `request.user` and `request.tenant_id` are loaded; around each of its database steps the view enters
    `tenant_context(request.tenant_id, actor=str(request.user.pk))` itself.
    """
    view.outside_transaction = True  # type: ignore[attr-defined]
    return view
