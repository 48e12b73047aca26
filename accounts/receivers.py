"""Django's and allauth's signals about who somebody is, which every way of logging in sends."""

import uuid
from typing import Any

from allauth.account.signals import email_verification_code_rejected, password_reset_code_rejected
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.door import tenant_of_email
from accounts.models import User
from accounts.remembering import remember
from audit import ledger
from tradewise.tenancy.context import PLATFORM
from tradewise.web.binding import bound

TENANT_KEY = "tenant_id"


def kind_of(user: User) -> str:
    """What the actions of this user begin with."""
    return "staff" if user.is_staff else "account"


def actor_of(user: User) -> str:
    """As the audit trail spells who acts."""
    return f"staff:{user.pk}" if user.is_staff else str(user.pk)


@receiver(user_logged_in, dispatch_uid="accounts.remember_tenant")
def remember_tenant(request: HttpRequest, user: User, **_: Any) -> None:
    """The session knows its tenant from the login on, and the trail knows of the login."""
    request.session[TENANT_KEY] = str(user.tenant_id)
    action = f"{kind_of(user)}.login"
    with bound(request, user.tenant_id, actor=actor_of(user), action=action):
        ledger.event(action, resource="user", key=user.pk)


@receiver(user_logged_out, dispatch_uid="accounts.note_logout")
def note_logout(request: HttpRequest, user: User | None, **_: Any) -> None:
    """A session ended because somebody wanted it to."""
    if user is not None:
        action = f"{kind_of(user)}.logout"
        with bound(request, user.tenant_id, actor=actor_of(user), action=action):
            ledger.event(action, resource="user", key=user.pk)


@receiver(user_login_failed, dispatch_uid="accounts.note_failure")
def note_failure(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A password was wrong. What was typed is not kept: people type passwords into the wrong field."""
    if request is None:
        return
    is_staff_site = settings.ROOT_URLCONF == "tradewise.urls_staff"
    email = str(credentials.get("email") or credentials.get("username") or "")
    # The staff site's login may not ask whose address it is.
    tenant_id = PLATFORM if is_staff_site else tenant_of_email(email) or PLATFORM
    action = "staff.login_failed" if is_staff_site else "account.login_failed"
    remember(request, tenant_id, action, actor=_asking(request, tenant_id), resource="login")


@receiver(
    [password_reset_code_rejected, email_verification_code_rejected], dispatch_uid="accounts.note_wrong_code"
)
def note_wrong_code(request: HttpRequest, user: User | None = None, **_: Any) -> None:
    """A code from a mail was not the right one."""
    tenant_id = user.tenant_id if user is not None else PLATFORM
    remember(request, tenant_id, "account.code_refused", actor=_asking(request, tenant_id), resource="login")


def _asking(request: HttpRequest, tenant_id: uuid.UUID) -> str:
    """Who is logged in as this tenant already, and is asked for the password once more; otherwise a visitor."""
    user = getattr(request, "user", None)
    if isinstance(user, User) and user.tenant_id == tenant_id:
        return actor_of(user)
    return "visitor"
