"""A template belongs to its author; a public one is read by everyone."""

from django.db import migrations

from tradewise.tenancy.operations import ForeignKey, IsolateByTenant, Serve


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0001_bot_templates"), ("accounts", "0001_users")]

    operations = [
        ForeignKey(
            "bottemplate",
            name="bot_templates_creator",
            columns="creator_tenant_id",
            references="users (tenant_id)",
            on_delete="SET NULL",
        ),
        # Making a template public is the moderators' step, so the site cannot write a public one.
        IsolateByTenant("bottemplate", column="creator_tenant_id", guard="NOT is_public"),
        Serve("bottemplate", role="tw_app", reads="*", rows="is_public"),
        Serve("bottemplate", role="tw_worker", reads="*", rows="is_public"),
        Serve("bottemplate", role="tw_staff", reads="*", updates="is_public, updated_at"),
        # The search function's owner: the only one whose plan may use the GIN indexes.
        Serve("bottemplate", role="tw_catalog", reads="*"),
    ]
