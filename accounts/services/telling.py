"""From what was noted to messages, by the ways that its trader has chosen: each way once, in one transaction."""

import uuid
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.door import address_of_tenant
from accounts.enums import Event, WebhookState
from accounts.models import Notification
from accounts.services.choices import Choice, choices
from accounts.services.webhooks import webhook
from tradewise.outbox import enqueue
from tradewise.tenancy.context import tenant_context

WEBHOOK: Final = "accounts.webhook"
"""Of messages in the outbox: a wire format."""


def tell(payload: dict[str, Any]) -> None:
    """What the worker does with a message of `notifying`. Done again it does nothing: it is marked as told."""
    with tenant_context(uuid.UUID(str(payload["tenant_id"])), action="notification.tell"):
        waiting = Notification.objects.select_for_update().filter(
            pk=payload["notification"], told_at__isnull=True
        )
        notification = waiting.first()
        if notification is None:
            return
        chosen = choice_of(notification)
        notification.mailed = chosen.by_mail and _mail(notification)
        if chosen.by_webhook and webhook() is not None:
            enqueue(WEBHOOK, {"notification": notification.pk})
            notification.webhook = WebhookState.WAITING
        notification.told_at = Now()
        notification.save(update_fields=["mailed", "webhook", "told_at"])


def choice_of(notification: Notification) -> Choice:
    """What holds for it now. A test is for the webhook alone."""
    event = Event(notification.event)
    return Choice(event, by_mail=False) if event is Event.TEST else choices()[event]


def message_id(notification: Notification) -> str:
    """The same at every try, so that a repeat is known as one."""
    return f"msg_{notification.public_id.hex}"


def url_of(notification: Notification) -> str:
    """Where it is shown."""
    return f"{settings.SITE_URL}{notification.path}"


def _mail(notification: Notification) -> bool:
    """Store a mail; False where nobody is there any more who reads it."""
    address = address_of_tenant()
    if not address:
        return False
    body = render_to_string(
        "account/email/notification.txt",
        {
            "notification": notification,
            "url": url_of(notification),
            "site_url": settings.SITE_URL,
            "choices_url": settings.SITE_URL + reverse("account_notifications"),
        },
    )
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    EmailMessage(
        notification.title,
        body,
        settings.DEFAULT_FROM_EMAIL,
        [address],
        headers={"Message-ID": f"<{message_id(notification)}@{host}>"},
        connection=get_connection("tradewise.outbox.mail.OutboxBackend"),
    ).send()
    return True
