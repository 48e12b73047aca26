"""How a template stands, and each version of it, leaves its trace."""

from django.db import migrations

from audit.operations import Retrace, Trace
from tradewise.tenancy.operations import Serve

TEMPLATE = """coalesce((SELECT t.template_id FROM public.bot_templates t WHERE t.id = {row}.template_id),
    {row}.template_id::text)"""
KNOWN = {
    "resource": "template",
    "key": "template_id",
    "tenant": "creator_tenant_id",
    "sealed": "config_json",
    "left_out": "performance_data, subscribers_count, updated_at",
}
COLUMNS = (
    "id, template_id, name, description, is_public, risk_level, strategy_type, creator_tenant_id, created_at"
)


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0006_lifecycle_rules")]

    operations = [
        Retrace(
            before=Trace("bottemplate", kept=COLUMNS, **KNOWN),
            now=Trace("bottemplate", kept=f"{COLUMNS}, status, version", **KNOWN),
        ),
        Serve("bottemplate", role="tw_audit", reads="id, template_id"),
        Trace(
            "templateversion",
            resource="template_version",
            key=TEMPLATE,
            tenant="creator_tenant_id",
            kept="id, template_id, number, status, name, description, risk_level, strategy_type, reason, "
            "submitted_at, decided_at, creator_tenant_id, created_at",
            sealed="config_json",
            left_out="is_public, name_key, updated_at",
        ),
    ]
