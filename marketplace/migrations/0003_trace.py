"""What is changed about a template leaves its trace."""

from django.db import migrations

from audit.operations import Trace


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0002_isolation"), ("audit", "0004_seals")]

    operations = [
        Trace(
            "bottemplate",
            resource="template",
            key="template_id",
            tenant="creator_tenant_id",
            kept="id, template_id, name, description, is_public, risk_level, strategy_type, creator_tenant_id, "
            "created_at",
            sealed="config_json",
            left_out="performance_data, subscribers_count, updated_at",
        ),
    ]
