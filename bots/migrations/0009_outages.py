"""A bot that is down, so that its trader is told once for each outage."""

import django.db.models.deletion
from django.db import migrations, models

import tradewise.tenancy.models
from audit.operations import TraceSeries
from tradewise.tenancy.operations import ForeignKey, IsolateByTenant, Serve

BOT = """coalesce((SELECT b.bot_id FROM public.bots b WHERE b.tenant_id = {row}.tenant_id AND b.id = {row}.bot_id),
    {row}.bot_id::text)"""


class Migration(migrations.Migration):
    dependencies = [("bots", "0008_isolation_of_engines"), ("accounts", "0007_notifications")]

    operations = [
        migrations.CreateModel(
            name="BotOutage",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                (
                    "bot",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="bots.bot",
                    ),
                ),
                ("since", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
            ],
            options={"db_table": "bot_outages"},
        ),
        ForeignKey(
            "botoutage",
            name="bot_outages_bot",
            columns="tenant_id, bot_id",
            references="bots (tenant_id, id)",
        ),
        IsolateByTenant("botoutage", grants="SELECT"),
        Serve("botoutage", role="tw_worker", reads="*", inserts="tenant_id, bot_id", deletes=True),
        TraceSeries("botoutage", resource="bot_outage", parent=BOT, worker_updates=True),
    ]
