"""Django's own signal of a login, which every way of logging in sends."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User

TENANT_KEY = "tenant_id"


@receiver(user_logged_in, dispatch_uid="accounts.remember_tenant")
def remember_tenant(request: HttpRequest, user: User, **_: Any) -> None:
    """The session knows its tenant from the login on."""
    request.session[TENANT_KEY] = str(user.tenant_id)
