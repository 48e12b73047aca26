"""What is changed about a subscription leaves its trace."""

from django.db import migrations

from audit.operations import Trace


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0002_isolation"), ("audit", "0004_seals")]

    operations = [
        Trace(
            "subscription",
            resource="subscription",
            key="id",
            kept="id, tenant_id, user_id, bot_id, template_id, allocation_amount, status, created_at",
            left_out="performance_data, updated_at",
        ),
    ]
