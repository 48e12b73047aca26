"""Since when a subscription is paused or over, and one bot for each."""

from django.conf import settings
from django.db import migrations, models

from audit.operations import Retrace, Trace

KEPT = "id, tenant_id, user_id, bot_id, template_id, allocation_amount, status, created_at"
LEFT_OUT = "performance_data, updated_at"


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0003_trace"),
        ("bots", "0008_isolation_of_engines"),
        ("marketplace", "0004_platform_bots"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("subscription", "paused_at", models.DateTimeField(null=True)),
        migrations.AddField("subscription", "cancelled_at", models.DateTimeField(null=True)),
        migrations.RemoveIndex("subscription", name="idx_subscriptions_bot"),
        migrations.AddConstraint(
            "subscription", models.UniqueConstraint(fields=("tenant_id", "bot"), name="idx_subscriptions_bot")
        ),
        migrations.AddConstraint(
            "subscription",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("paused_at__isnull", False), ("status", "paused")),
                    models.Q(models.Q(("status", "paused"), _negated=True), ("paused_at__isnull", True)),
                    _connector="OR",
                ),
                name="subscriptions_paused_since_a_moment",
            ),
        ),
        migrations.AddConstraint(
            "subscription",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cancelled_at__isnull", False), ("status", "cancelled")),
                    models.Q(
                        models.Q(("status", "cancelled"), _negated=True), ("cancelled_at__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="subscriptions_cancelled_at_a_moment",
            ),
        ),
        Retrace(
            before=Trace("subscription", resource="subscription", key="id", kept=KEPT, left_out=LEFT_OUT),
            now=Trace(
                "subscription",
                resource="subscription",
                key="id",
                kept=f"{KEPT}, paused_at, cancelled_at",
                left_out=LEFT_OUT,
            ),
        ),
    ]
