"""A message is a row from the moment that its cause is committed until it was delivered."""

from django.db import models

from tradewise.tenancy.models import CurrentTimestamp, TenantManager, TenantOwned


class OutboxMessage(TenantOwned):
    """Something that waits to be delivered. It is deleted then, because codes stand in it."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=50)
    payload = models.JSONField()
    created_at = models.DateTimeField(db_default=CurrentTimestamp())
    attempts = models.IntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(db_default=CurrentTimestamp())
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    last_error = models.TextField(default="", db_default="")

    objects = TenantManager["OutboxMessage"]()
    across_tenants: "models.Manager[OutboxMessage]" = models.Manager()

    class Meta:
        db_table = "outbox_messages"
        indexes = [models.Index(fields=["next_attempt_at"], name="outbox_messages_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
