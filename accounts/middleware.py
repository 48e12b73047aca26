"""Who a request is for: the tenant is bound around the view and the rendering, and not a moment longer."""

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from django.contrib.auth.middleware import get_user
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import Resolver404, ResolverMatch, resolve

from accounts.door import tenant_of_email
from accounts.receivers import TENANT_KEY
from accounts.remembering import write_remembered
from tradewise.web.binding import bound

GetResponse = Callable[[HttpRequest], HttpResponse]

#: Forms in which somebody who is not logged in types an e-mail address, and the field's name.
TYPED = {"account_login": "login", "account_signup": "email", "account_reset_password": "email"}
#: Where allauth keeps the address while it waits for a code.
#: What is done at each address of allauth that is posted to, as the audit trail calls it.
ACTIONS = {
    "account_signup": "account.sign_up",
    "account_login": "account.login",
    "account_logout": "account.logout",
    "account_reauthenticate": "account.reauthenticate",
    "account_email": "account.email_change_asked",
    "account_email_verification_sent": "account.confirm_email",
    "account_change_password": "account.password_change",
    "account_set_password": "account.password_change",
    "account_reset_password": "account.password_reset_asked",
    "account_confirm_password_reset_code": "account.password_reset",
    "account_complete_password_reset": "account.password_reset",
}
STASHES = ("account_email_verification_code", "account_password_reset_verification", "account_login")


class TenantMiddleware:
    """One transaction as the session's tenant, from before `request.user` until the page is rendered.

    A streamed body is sent after it. A view that failed is rolled back. Views marked with
    `outside_transaction` get the user and no transaction.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self._serve(request, _match(request))
        finally:
            write_remembered(request)

    def _serve(self, request: HttpRequest, match: ResolverMatch | None) -> HttpResponse:
        tenant_id = _as_uuid(request.session.get(TENANT_KEY))
        if tenant_id is None:
            return self._before_login(request, match)
        outside = match is not None and getattr(match.func, "outside_transaction", False)
        request.tenant_id = tenant_id  # type: ignore[attr-defined]
        with _bound(request, tenant_id, match):
            known = _load_user(request, tenant_id)
            if known and not outside:
                return self._respond(request)
        if known:
            _give_back_connection()
            return self.get_response(request)
        request.session.flush()
        request._cached_user = AnonymousUser()  # type: ignore[attr-defined]
        return self._before_login(request, match)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Remember that the view failed: rolled back is after the error page, which may still read."""
        request.failed = True  # type: ignore[attr-defined]

    def _respond(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if getattr(request, "failed", False) or response.status_code >= 500:
            transaction.set_rollback(True)
        return response

    def _before_login(self, request: HttpRequest, match: ResolverMatch | None) -> HttpResponse:
        """On account pages alone, bind the tenant of the address in hand, or one that nobody has.

        With a tenant of nobody every query answers as for an unknown address, and somebody who signs up
        becomes that tenant.
        """
        email = _email_in_hand(request, match)
        if email is None:
            return self.get_response(request)
        with _bound(request, tenant_of_email(email) or uuid.uuid4(), match):
            return self._respond(request)


class FormStatusMiddleware:
    """A form with errors is 422, also where a library's view says 200."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_template_response(self, request: HttpRequest, response: TemplateResponse) -> TemplateResponse:
        form: Any = (response.context_data or {}).get("form")
        if response.status_code == 200 and getattr(form, "is_bound", False) and form.errors:
            response.status_code = 422
        return response


def _bound(
    request: HttpRequest, tenant_id: uuid.UUID, match: ResolverMatch | None
) -> AbstractContextManager[None]:
    """The views of allauth name no action, so their addresses do."""
    name = match.url_name if match is not None and request.method == "POST" else None
    actor = str(request.session.get("_auth_user_id") or "visitor")
    return bound(request, tenant_id, actor=actor, action=ACTIONS.get(name or "", ""))


def _give_back_connection() -> None:
    """To the pool: a view that waits for the network must not keep others from the database."""
    if not connection.in_atomic_block:
        connection.close()


def _load_user(request: HttpRequest, tenant_id: uuid.UUID) -> bool:
    """Load `request.user`; False where the session's tenant is not the user's, or the user is gone."""
    user: Any = get_user(request)
    return bool(user.is_authenticated and user.tenant_id == tenant_id)


def _match(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info, getattr(request, "urlconf", None))
    except Resolver404:
        return None


def _email_in_hand(request: HttpRequest, match: ResolverMatch | None) -> str | None:
    """The address typed into this form, or the one that waits for a code; None off the account pages."""
    name = match.url_name if match is not None else None
    if name is None or not name.startswith("account_"):
        return None
    if request.method == "POST" and name in TYPED:
        return request.POST.get(TYPED[name], "")
    for stash in STASHES:
        state = request.session.get(stash)
        if isinstance(state, Mapping):
            return str(state.get("email") or "")
    return "" if request.method == "POST" else None


def _as_uuid(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(value)) if value else None
    except ValueError:
        return None
