"""The outbox: the sites put in, the worker takes out."""

from django.db import migrations, models

import tradewise.tenancy.models
from tradewise.tenancy.operations import IsolateByTenant, Serve


class Migration(migrations.Migration):
    dependencies = [("tradewise", "0001_current_tenant")]

    operations = [
        migrations.CreateModel(
            name="OutboxMessage",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=50)),
                ("payload", models.JSONField()),
                ("created_at", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                (
                    "next_attempt_at",
                    models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp()),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("last_error", models.TextField(db_default="", default="")),
            ],
            options={
                "db_table": "outbox_messages",
                "indexes": [models.Index(fields=["next_attempt_at"], name="outbox_messages_due")],
            },
        ),
        # The site reads nothing back: codes stand in the mails.
        IsolateByTenant("outboxmessage", grants="INSERT (tenant_id, kind, payload)"),
        Serve(
            "outboxmessage",
            role="tw_worker",
            reads="*",
            inserts="tenant_id, kind, payload",
            updates="attempts, next_attempt_at, lease_until, lease_token, last_error",
            deletes=True,
        ),
    ]
