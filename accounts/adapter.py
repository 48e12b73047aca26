"""What TradeWise does differently from allauth's defaults."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.forms import Form
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from audit import ledger
from tradewise.tenancy.context import current_tenant_id
from tradewise.web.addresses import client_address, user_agent


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts under row-level security: who signs up becomes the tenant that the request is bound to."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "This e-mail address and password do not match.",
        "email_taken": "Another account uses this e-mail address.",
        "incorrect_code": "This is not the code that we sent. Look at the newest mail from us.",
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your current password.",
        "too_many_login_attempts": "Too many attempts. Wait five minutes, then try again.",
        "rate_limited": "Too many mails in a short time. Wait a few minutes, then ask again.",
        "same_as_current": "This is the address you have now.",
        "duplicate_email": "This is the address you have now.",
    }

    def new_user(self, request: HttpRequest) -> User:
        """A user of the tenant that this request was given."""
        return User(tenant_id=current_tenant_id())

    def save_user(self, request: HttpRequest, user: User, form: Form, commit: bool = True) -> User:
        """With the name that they want to be called by."""
        user.full_name = form.cleaned_data.get("full_name") or None
        saved: User = super().save_user(request, user, form, commit)
        return saved

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """False, with a sentence, where somebody else took the address a moment ago."""
        try:
            with transaction.atomic():
                return bool(super().confirm_email(request, email_address))
        except IntegrityError:
            messages.error(request, self.error_messages["email_taken"])
            return False

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether it is the user's password; that it was given is noted, since it opens what is guarded."""
        if not super().reauthenticate(user, password):
            return False
        ledger.event("account.reauthenticate", resource="user", key=user.pk)
        return True

    def get_client_ip(self, request: HttpRequest) -> str:
        """Never an error: who has no address shares one limit."""
        return client_address(request) or "unknown"

    def get_http_user_agent(self, request: HttpRequest) -> str:
        """Fit for a mail."""
        return user_agent(request) or "unknown"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Links lead to `SITE_URL`, never to the host that the request claims to be for."""
        links = {
            "site_url": settings.SITE_URL,
            "signup_url": settings.SITE_URL + reverse("account_signup"),
            "password_reset_url": settings.SITE_URL + reverse("account_reset_password"),
        }
        super().send_mail(template_prefix, email, {**context, **links})
