"""Readings that are more than the next point: the first one, one after a gap, one with another capital."""

import django.db.models.deletion
from django.db import migrations, models

import bots.models.figures
import tradewise.tenancy.models
from audit.operations import TraceSeries
from tradewise.tenancy.operations import ForeignKey, IsolateByTenant, Serve

BOT = """coalesce((SELECT b.bot_id FROM public.bots b WHERE b.tenant_id = {row}.tenant_id AND b.id = {row}.bot_id),
    {row}.bot_id::text)"""


def amount() -> bots.models.figures.Amount:
    return bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)


class Migration(migrations.Migration):
    dependencies = [("bots", "0009_outages")]

    operations = [
        migrations.CreateModel(
            name="BotMark",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
                ("unseen_since", models.DateTimeField(null=True)),
                ("capital", amount()),
                ("change", amount()),
                ("equity", amount()),
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
            ],
            options={"db_table": "bot_marks"},
        ),
        migrations.AddIndex(
            "botmark", models.Index(fields=["tenant_id", "bot", "-at"], name="bot_marks_latest")
        ),
        ForeignKey(
            "botmark", name="bot_marks_of_bot", columns="tenant_id, bot_id", references="bots (tenant_id, id)"
        ),
        IsolateByTenant("botmark", grants="SELECT"),
        Serve("botmark", role="tw_worker", reads="*", inserts="*"),
        TraceSeries("botmark", resource="bot_mark", parent=BOT),
    ]
