"""What a trader is told outside the site: what happened, by which ways, and where to."""

import uuid

from django.db import models

from accounts.enums import CHOSEN, Event, WebhookState
from tradewise.secrets.fields import SealedCharField
from tradewise.tenancy.models import CurrentTimestamp, RandomUuid, TenantManager, TenantOwned


class Notification(TenantOwned):
    """Something that happened, once: `occurrence` tells one outage, version or decision of a subject from the next."""

    id = models.BigAutoField(primary_key=True)
    #: What a receiver knows a repeat by.
    public_id = models.UUIDField(default=uuid.uuid4, db_default=RandomUuid(), editable=False)
    event = models.CharField(max_length=40, choices=Event)
    #: The public id of the bot or the template.
    subject = models.CharField(max_length=255)
    occurrence = models.CharField(max_length=100)
    name = models.CharField(max_length=255)
    title = models.CharField(max_length=300)
    text = models.TextField()
    path = models.CharField(max_length=300)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())
    #: When the choices were looked at, and messages were made of them.
    told_at = models.DateTimeField(null=True)
    mailed = models.BooleanField(default=False, db_default=False)
    webhook = models.CharField(
        max_length=20,
        choices=WebhookState,
        default=WebhookState.NONE,
        db_default=WebhookState.NONE,
        blank=True,
    )
    #: The last answer of the webhook in words, and when that was.
    answer = models.TextField(default="", db_default="", blank=True)
    answered_at = models.DateTimeField(null=True)

    objects = TenantManager["Notification"]()
    across_tenants: "models.Manager[Notification]" = models.Manager()

    class Meta:
        db_table = "notifications"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "event", "subject", "occurrence"], name="notifications_once"
            ),
            models.CheckConstraint(
                condition=models.Q(event__in=Event.values), name="notifications_event_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(webhook__in=WebhookState.values), name="notifications_webhook_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "-id"], name="notifications_latest"),
            models.Index(fields=["created_at"], name="notifications_oldest"),
        ]

    def __str__(self) -> str:
        return self.title


class NotificationChoice(TenantOwned):
    """By which ways a trader wants to be told of an event. Without a row the defaults hold."""

    event = models.CharField(max_length=40, choices=Event)
    by_mail = models.BooleanField()
    by_webhook = models.BooleanField()

    objects = TenantManager["NotificationChoice"]()

    class Meta:
        db_table = "notification_choices"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "event"], name="notification_choices_one_each"),
            models.CheckConstraint(
                condition=models.Q(event__in=[event.value for event in CHOSEN]),
                name="notification_choices_event_is_known",
            ),
        ]

    def __str__(self) -> str:
        return self.get_event_display()


class Webhook(TenantOwned):
    """Where a trader's notifications are posted to, and the sealed secret that signs them. One for each trader."""

    url = models.CharField(max_length=512)
    secret = SealedCharField(max_length=512)
    #: When the secret was made.
    renewed_at = models.DateTimeField(db_default=CurrentTimestamp())
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    objects = TenantManager["Webhook"]()

    class Meta:
        db_table = "webhooks"
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="webhooks_one_each")]

    def __str__(self) -> str:
        return self.url
