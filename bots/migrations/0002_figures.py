"""What bots earned: latest figures, days, trades, events."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import bots.models.bot
import bots.models.figures
import tradewise.secrets.fields
import tradewise.tenancy.models
from tradewise.tenancy.operations import Fillfactor, ForeignKey


class Migration(migrations.Migration):
    dependencies = [("bots", "0001_bots")]

    operations = [
        migrations.CreateModel(
            name="BotDay",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("profit", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("trades", models.IntegerField(null=True)),
                ("starting_balance", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("equity_low", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("equity_high", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("equity_close", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
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
            options={
                "db_table": "bot_days",
            },
        ),
        migrations.CreateModel(
            name="BotEvent",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
                ("kind", models.CharField(max_length=20)),
                ("status", models.CharField(blank=True, db_default="", default="", max_length=50)),
                ("health", models.CharField(blank=True, db_default="", default="", max_length=30)),
                ("sentence", models.TextField(blank=True, db_default="", default="")),
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
            options={
                "db_table": "bot_events",
            },
        ),
        migrations.CreateModel(
            name="BotTrade",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("trade_id", models.IntegerField()),
                ("pair", models.CharField(max_length=50)),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField()),
                ("stake_amount", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("open_rate", models.DecimalField(decimal_places=12, max_digits=30, null=True)),
                ("close_rate", models.DecimalField(decimal_places=12, max_digits=30, null=True)),
                ("profit", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("profit_ratio", models.FloatField(null=True)),
                ("exit_reason", models.CharField(blank=True, db_default="", default="", max_length=100)),
                ("seen_at", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
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
            options={
                "db_table": "bot_trades",
            },
        ),
        migrations.CreateModel(
            name="BotFigures",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                (
                    "bot",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="figures",
                        serialize=False,
                        to="bots.bot",
                    ),
                ),
                ("taken_at", models.DateTimeField(null=True)),
                ("profit_all", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("profit_closed", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("profit_today", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("starting_capital", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("equity", bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True)),
                ("closed_trades", models.IntegerField(null=True)),
                ("winning_trades", models.IntegerField(null=True)),
                ("losing_trades", models.IntegerField(null=True)),
                ("open_trade_count", models.IntegerField(null=True)),
                ("max_open_trades", models.IntegerField(null=True)),
                ("open_trades", models.JSONField(db_default=[], default=list)),
                ("trend", models.JSONField(db_default=[], default=list)),
                ("last_trade_id", models.IntegerField(db_default=0, default=0)),
                ("rejected_samples", models.IntegerField(db_default=0, default=0)),
                ("rejected_reason", models.TextField(blank=True, db_default="", default="")),
                ("rejected_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "bot_figures",
            },
        ),
        migrations.AddConstraint(
            model_name="botday",
            constraint=models.UniqueConstraint(
                fields=("tenant_id", "bot", "day"), name="bot_days_one_row_a_day"
            ),
        ),
        migrations.AddIndex(
            model_name="botevent",
            index=models.Index(fields=["tenant_id", "bot", "-at"], name="bot_events_latest"),
        ),
        migrations.AddConstraint(
            model_name="botevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["connected", "health", "command", "changed"])),
                name="bot_events_kind_is_known",
            ),
        ),
        migrations.AddIndex(
            model_name="bottrade",
            index=models.Index(fields=["tenant_id", "bot", "-closed_at"], name="bot_trades_latest"),
        ),
        migrations.AddConstraint(
            model_name="bottrade",
            constraint=models.UniqueConstraint(
                fields=("tenant_id", "bot", "trade_id", "opened_at"), name="bot_trades_seen_once"
            ),
        ),
        ForeignKey(
            "botfigures",
            name="bot_figures_of_bot",
            columns="tenant_id, bot_id",
            references="bots (tenant_id, id)",
        ),
        ForeignKey(
            "botday", name="bot_days_of_bot", columns="tenant_id, bot_id", references="bots (tenant_id, id)"
        ),
        ForeignKey(
            "bottrade",
            name="bot_trades_of_bot",
            columns="tenant_id, bot_id",
            references="bots (tenant_id, id)",
        ),
        ForeignKey(
            "botevent",
            name="bot_events_of_bot",
            columns="tenant_id, bot_id",
            references="bots (tenant_id, id)",
        ),
        Fillfactor("botfigures", 70),
    ]
