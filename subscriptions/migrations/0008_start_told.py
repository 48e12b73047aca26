"""Whether a trader was told that a subscription has started. Of those that are there already, nothing is told."""

from django.db import migrations, models

from audit.operations import Retrace, Trace
from tradewise.tenancy.operations import Grant

KNOWN = {
    "resource": "subscription",
    "key": "id",
    "kept": "id, tenant_id, user_id, bot_id, template_id, allocation_amount, status, created_at, paused_at, "
    "cancelled_at, version, paused_for",
}
LEFT_OUT = "performance_data, updated_at, next_reckoning_at"


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0007_limits"), ("bots", "0009_outages")]

    operations = [
        # A default fills rows that policies hide from a migration; the next ones begin untold.
        migrations.AddField(
            "subscription", "start_told", models.BooleanField(default=False, db_default=True)
        ),
        migrations.AlterField(
            "subscription", "start_told", models.BooleanField(default=False, db_default=False)
        ),
        migrations.AddIndex(
            "subscription",
            models.Index(
                fields=["id"],
                name="subscriptions_not_started",
                condition=models.Q(start_told=False) & ~models.Q(status="cancelled"),
            ),
        ),
        Retrace(
            before=Trace("subscription", left_out=LEFT_OUT, **KNOWN),
            now=Trace("subscription", left_out=f"{LEFT_OUT}, start_told", **KNOWN),
        ),
        Grant("subscription", role="tw_worker", rights="UPDATE (start_told)"),
    ]
