"""What a trader is told outside the site, by which ways, and the webhook with its sealed secret."""

import uuid

from django.db import migrations, models

import tradewise.secrets.fields
import tradewise.tenancy.models
from audit.operations import Trace, TraceSeries
from tradewise.tenancy.operations import ForeignKey, Grant, IsolateByTenant, Serve

NOTED = "tenant_id, event, subject, occurrence, name, title, text, path"


def of_tenant(model_name: str, table: str) -> ForeignKey:
    """Gone with the account."""
    return ForeignKey(model_name, name=f"{table}_tenant", columns="tenant_id", references="users (tenant_id)")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_platform_account"),
        ("audit", "0005_trace_outbox"),
    ]

    operations = [
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "public_id",
                    models.UUIDField(
                        db_default=tradewise.tenancy.models.RandomUuid(), default=uuid.uuid4, editable=False
                    ),
                ),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("bot.down", "A bot is down"),
                            ("bot.stopped", "A bot stopped by itself"),
                            ("bot.up", "A bot that was down works again"),
                            ("subscription.started", "A subscription has started"),
                            ("template.new_version", "A template that you follow has a new version"),
                            ("template.decision", "The moderators have decided about your template"),
                            ("test", "A test"),
                        ],
                        max_length=40,
                    ),
                ),
                ("subject", models.CharField(max_length=255)),
                ("occurrence", models.CharField(max_length=100)),
                ("name", models.CharField(max_length=255)),
                ("title", models.CharField(max_length=300)),
                ("text", models.TextField()),
                ("path", models.CharField(max_length=300)),
                ("created_at", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
                ("told_at", models.DateTimeField(null=True)),
                ("mailed", models.BooleanField(db_default=False, default=False)),
                (
                    "webhook",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not sent"),
                            ("waiting", "Waits"),
                            ("taken", "Taken"),
                            ("given_up", "Given up"),
                        ],
                        db_default="",
                        default="",
                        max_length=20,
                    ),
                ),
                ("answer", models.TextField(blank=True, db_default="", default="")),
                ("answered_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "notifications",
                "indexes": [
                    models.Index(fields=["tenant_id", "-id"], name="notifications_latest"),
                    models.Index(fields=["created_at"], name="notifications_oldest"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "event", "subject", "occurrence"), name="notifications_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "event__in",
                                [
                                    "bot.down",
                                    "bot.stopped",
                                    "bot.up",
                                    "subscription.started",
                                    "template.new_version",
                                    "template.decision",
                                    "test",
                                ],
                            )
                        ),
                        name="notifications_event_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("webhook__in", ["", "waiting", "taken", "given_up"])),
                        name="notifications_webhook_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="NotificationChoice",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("bot.down", "A bot is down"),
                            ("bot.stopped", "A bot stopped by itself"),
                            ("bot.up", "A bot that was down works again"),
                            ("subscription.started", "A subscription has started"),
                            ("template.new_version", "A template that you follow has a new version"),
                            ("template.decision", "The moderators have decided about your template"),
                            ("test", "A test"),
                        ],
                        max_length=40,
                    ),
                ),
                ("by_mail", models.BooleanField()),
                ("by_webhook", models.BooleanField()),
            ],
            options={
                "db_table": "notification_choices",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "event"), name="notification_choices_one_each"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "event__in",
                                [
                                    "bot.down",
                                    "bot.stopped",
                                    "bot.up",
                                    "subscription.started",
                                    "template.new_version",
                                    "template.decision",
                                ],
                            )
                        ),
                        name="notification_choices_event_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("url", models.CharField(max_length=512)),
                ("secret", tradewise.secrets.fields.SealedCharField(max_length=512)),
                (
                    "renewed_at",
                    models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp()),
                ),
                ("created_at", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
            ],
            options={
                "db_table": "webhooks",
                "constraints": [models.UniqueConstraint(fields=("tenant_id",), name="webhooks_one_each")],
            },
        ),
        of_tenant("notification", "notifications"),
        of_tenant("notificationchoice", "notification_choices"),
        of_tenant("webhook", "webhooks"),
        # The site asks for a test; all else is noted by the worker, which tells it, for whoever it is.
        IsolateByTenant("notification", guard="event = 'test'", grants=f"SELECT, INSERT ({NOTED})"),
        Serve(
            "notification",
            role="tw_worker",
            reads="*",
            inserts=NOTED,
            updates="told_at, mailed, webhook, answer, answered_at",
            deletes=True,
        ),
        TraceSeries("notification", resource="notification", parent="{row}.subject", worker_updates=True),
        # The worker reads a trader's choices and webhook in that trader's context, and writes neither.
        IsolateByTenant("notificationchoice"),
        Grant("notificationchoice", role="tw_worker", rights="SELECT"),
        Trace(
            "notificationchoice",
            resource="notification_choice",
            key="event",
            kept="id, tenant_id, event, by_mail, by_webhook",
        ),
        IsolateByTenant("webhook"),
        Grant("webhook", role="tw_worker", rights="SELECT"),
        Trace(
            "webhook",
            resource="webhook",
            key="id",
            kept="id, tenant_id, url, renewed_at, created_at",
            secrets="secret",
        ),
    ]
