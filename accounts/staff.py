"""The staff site's requests: one transaction each, in which the audit trail knows which of the staff it is."""

from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from accounts.receivers import actor_of
from accounts.remembering import write_remembered
from tradewise.tenancy.context import PLATFORM
from tradewise.web.binding import bound

#: What is done at each address of the admin that is posted to, as the audit trail calls it.
ACTIONS = {"login": "staff.login", "logout": "staff.logout", "password_change": "staff.password_change"}


class StaffMiddleware:
    """What a member of staff changes is theirs, and is rolled back where the answer is an error.

    Staff are bound to their own tenant; before they log in, to the platform's. What they may see of others their
    login decides, and not the binding.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        tenant_id, actor = PLATFORM, "visitor"
        if user.is_authenticated:
            tenant_id, actor = user.tenant_id, actor_of(user)
        try:
            with bound(request, tenant_id, actor=actor, action=_action(request)):
                response = self.get_response(request)
                if getattr(request, "failed", False) or response.status_code >= 500:
                    transaction.set_rollback(True)
                return response
        finally:
            write_remembered(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Remember that the view failed: rolled back is after the error page."""
        request.failed = True  # type: ignore[attr-defined]


def _action(request: HttpRequest) -> str:
    if request.method != "POST":
        return ""
    try:
        return ACTIONS.get(resolve(request.path_info).url_name or "", "")
    except Resolver404:
        return ""
