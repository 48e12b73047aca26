"""A subscription belongs to its trader, and so do its bot and its user."""

from django.db import migrations

from tradewise.tenancy.operations import ForeignKey, IsolateByTenant, Serve


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0001_subscriptions"),
        ("bots", "0001_bots"),
        ("marketplace", "0001_bot_templates"),
        ("accounts", "0001_users"),
    ]

    operations = [
        ForeignKey(
            "subscription",
            name="subscriptions_user",
            columns="tenant_id, user_id",
            references="users (tenant_id, id)",
        ),
        ForeignKey(
            "subscription",
            name="subscriptions_bot",
            columns="tenant_id, bot_id",
            references="bots (tenant_id, id)",
        ),
        ForeignKey(
            "subscription",
            name="subscriptions_template",
            columns="template_id",
            references="bot_templates (id)",
        ),
        IsolateByTenant("subscription"),
        Serve("subscription", role="tw_staff", reads="*"),
    ]
