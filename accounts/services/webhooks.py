"""What a trader may do with the address that notifications are posted to. Each function is one transaction."""

from typing import Final

from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse

from accounts.enums import Event
from accounts.exceptions import NoWebhook
from accounts.models import User, Webhook
from accounts.services.notifying import Notice, notify
from accounts.services.signatures import new_secret, seal_secret
from audit import ledger
from tradewise.tenancy.models import CurrentTimestamp

TEST_SECONDS: Final = 10
"""Two tests within so many seconds are one: a double click."""


def webhook() -> Webhook | None:
    """The bound tenant's."""
    return Webhook.objects.first()


@transaction.atomic
@ledger.named("webhook.set")
def set_webhook(*, actor: User, url: str) -> str:
    """Post notifications there from now on. The new secret in the clear for the first address, else empty.

    `url` has passed `egress.check_url`.
    """
    hook = _locked(actor)
    if hook is None:
        secret = new_secret()
        Webhook.objects.create(
            tenant_id=actor.tenant_id, url=url, secret=seal_secret(secret, actor.tenant_id)
        )
        return secret
    if hook.url != url:
        hook.url = url
        hook.save(update_fields=["url"])
    return ""


@transaction.atomic
@ledger.named("webhook.renew")
def renew_secret(*, actor: User) -> str:
    """A new secret in the clear; the former one signs nothing any more. Raises NoWebhook."""
    hook = _there(actor)
    secret = new_secret()
    hook.secret = seal_secret(secret, actor.tenant_id)
    hook.renewed_at = CurrentTimestamp()
    hook.save(update_fields=["secret", "renewed_at"])
    return secret


@transaction.atomic
@ledger.named("webhook.remove")
def remove_webhook(*, actor: User) -> None:
    """Post nothing any more, and forget the secret. Where there is none, there is nothing to do."""
    hook = _locked(actor)
    if hook is not None:
        hook.delete()


@transaction.atomic
@ledger.named("webhook.test")
def send_test(*, actor: User) -> None:
    """Post a test, by the same way as everything else. Raises NoWebhook."""
    _there(actor)
    (now,) = User.objects.filter(pk=actor.pk).values_list(Now(), flat=True)
    notify(
        Notice(
            actor.tenant_id,
            Event.TEST,
            subject="test",
            occurrence=str(int(now.timestamp()) // TEST_SECONDS),
            name="Test",
            title="A test of your webhook",
            text="Nothing happened. You asked TradeWise to send this, to see whether it arrives.",
            path=reverse("account_notifications"),
        )
    )


def _locked(actor: User) -> Webhook | None:
    """As it is now, one request at a time."""
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    return webhook()


def _there(actor: User) -> Webhook:
    hook = _locked(actor)
    if hook is None:
        raise NoWebhook("There is no address to send to. It was removed meanwhile; enter one first.")
    return hook
