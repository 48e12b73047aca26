"""The subscriptions table, as ordered and amended."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tradewise.tenancy.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("bots", "0001_bots"),
        ("marketplace", "0001_bot_templates"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("allocation_amount", models.DecimalField(decimal_places=2, max_digits=15, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("paused", "Paused"), ("cancelled", "Cancelled")],
                        db_default="active",
                        default="active",
                        max_length=50,
                    ),
                ),
                ("performance_data", models.JSONField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        auto_now_add=True, db_default=tradewise.tenancy.models.CurrentTimestamp()
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        auto_now=True, db_default=tradewise.tenancy.models.CurrentTimestamp()
                    ),
                ),
                (
                    "bot",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="bots.bot",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="marketplace.bottemplate",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "subscriptions",
                "indexes": [
                    models.Index(fields=["user"], name="idx_subscriptions_user"),
                    models.Index(fields=["bot"], name="idx_subscriptions_bot"),
                    models.Index(fields=["template"], name="idx_subscriptions_template"),
                    models.Index(fields=["status"], name="idx_subscriptions_status"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "id"), name="subscriptions_tenant_and_id"),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "cancelled"), _negated=True),
                        fields=("user", "template"),
                        name="idx_subscriptions_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["active", "paused", "cancelled"])),
                        name="subscriptions_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("allocation_amount__isnull", True),
                            models.Q(("allocation_amount__gt", 0), ("allocation_amount__lte", 9999999999999)),
                            _connector="OR",
                        ),
                        name="subscriptions_allocation_is_an_amount",
                    ),
                ],
            },
        ),
    ]
