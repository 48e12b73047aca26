"""The bots table, as ordered and amended."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import bots.models.bot
import bots.models.figures
import tradewise.secrets.fields
import tradewise.tenancy.models
from tradewise.tenancy.operations import Fillfactor, ForeignKey


class Migration(migrations.Migration):
    initial = True
    dependencies = [("tradewise", "0001_current_tenant"), ("accounts", "0001_users")]

    operations = [
        migrations.CreateModel(
            name="Bot",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                (
                    "bot_id",
                    models.CharField(default=bots.models.bot.new_bot_id, editable=False, max_length=255),
                ),
                (
                    "bot_type",
                    models.CharField(
                        choices=[
                            ("external", "Your own"),
                            ("shared", "Run by TradeWise for you"),
                            ("platform", "Run by TradeWise"),
                        ],
                        max_length=50,
                    ),
                ),
                ("name", models.CharField(max_length=255, null=True)),
                ("description", models.TextField(blank=True, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("inactive", "Stopped"),
                            ("starting", "Starting"),
                            ("running", "Running"),
                            ("stopping", "Stopping"),
                            ("error", "Down"),
                            ("connected", "Paused"),
                        ],
                        db_default="inactive",
                        default="inactive",
                        max_length=50,
                    ),
                ),
                ("api_url", models.CharField(max_length=512, null=True)),
                ("api_token", tradewise.secrets.fields.SealedCharField(max_length=512, null=True)),
                ("token_set_at", models.DateTimeField(null=True)),
                ("remote_name", models.CharField(db_default="", default="", max_length=255)),
                ("config_template", models.CharField(max_length=255, null=True)),
                ("is_public", models.BooleanField(db_default=False, default=False)),
                ("exposed_host_port", models.IntegerField(null=True)),
                (
                    "desired_state",
                    models.CharField(
                        choices=[("running", "running"), ("paused", "paused"), ("stopped", "stopped")],
                        max_length=20,
                        null=True,
                    ),
                ),
                (
                    "command",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("start", "Start"),
                            ("stop", "Stop"),
                            ("pause", "Pause"),
                            ("reload", "Reload configuration"),
                        ],
                        db_default="",
                        default="",
                        max_length=20,
                    ),
                ),
                ("command_asked_at", models.DateTimeField(null=True)),
                ("command_sent_at", models.DateTimeField(null=True)),
                ("last_ping", models.DateTimeField(null=True)),
                ("connection_error", models.TextField(null=True)),
                (
                    "health",
                    models.CharField(
                        choices=[
                            ("unknown", "Not checked yet"),
                            ("ok", "Working"),
                            ("paused", "Paused"),
                            ("stopped", "Stopped"),
                            ("malformed", "Address malformed"),
                            ("forbidden", "Address not allowed"),
                            ("name_not_found", "Name not found"),
                            ("refused", "Unreachable: connection refused"),
                            ("unreachable", "Unreachable"),
                            ("timed_out", "Unreachable: no answer in time"),
                            ("tls", "Certificate problem"),
                            ("redirect", "Redirected elsewhere"),
                            ("auth", "Wrong user name or password"),
                            ("not_freqtrade", "Not a Freqtrade"),
                            ("no_trader", "Freqtrade without a trader"),
                            ("too_old", "Freqtrade too old"),
                            ("proxy", "The proxy answers, the bot does not"),
                            ("protocol", "Answer not understood"),
                            ("hung", "The bot's loop hangs"),
                            ("exchange_unreachable", "The exchange does not answer the bot"),
                            ("needs_token", "Password needed"),
                        ],
                        db_default="unknown",
                        default="unknown",
                        max_length=30,
                    ),
                ),
                ("health_since", models.DateTimeField(null=True)),
                ("failures", models.IntegerField(db_default=0, default=0)),
                ("checks", models.BigIntegerField(db_default=0, default=0)),
                ("checked_at", models.DateTimeField(null=True)),
                ("latency_ms", models.IntegerField(null=True)),
                (
                    "next_check_at",
                    models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp()),
                ),
                (
                    "next_figures_at",
                    models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp()),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                (
                    "engine_state",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("running", "running"),
                            ("paused", "paused"),
                            ("stopped", "stopped"),
                            ("reload_config", "reloading"),
                        ],
                        db_default="",
                        default="",
                        max_length=20,
                    ),
                ),
                ("engine_version", models.CharField(blank=True, db_default="", default="", max_length=40)),
                ("strategy", models.CharField(blank=True, db_default="", default="", max_length=100)),
                ("exchange", models.CharField(blank=True, db_default="", default="", max_length=50)),
                ("timeframe", models.CharField(blank=True, db_default="", default="", max_length=10)),
                ("stake_currency", models.CharField(blank=True, db_default="", default="", max_length=20)),
                ("dry_run", models.BooleanField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        auto_now_add=True, db_default=tradewise.tenancy.models.CurrentTimestamp()
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        auto_now=True, db_default=tradewise.tenancy.models.CurrentTimestamp()
                    ),
                ),
            ],
            options={
                "db_table": "bots",
            },
        ),
        migrations.AddIndex(
            model_name="bot",
            index=models.Index(fields=["tenant_id"], name="idx_bots_tenant_id"),
        ),
        migrations.AddIndex(
            model_name="bot",
            index=models.Index(fields=["bot_type"], name="idx_bots_type"),
        ),
        migrations.AddIndex(
            model_name="bot",
            index=models.Index(fields=["status"], name="idx_bots_status"),
        ),
        migrations.AddIndex(
            model_name="bot",
            index=models.Index(
                condition=models.Q(("is_public", True)), fields=["is_public"], name="idx_bots_public"
            ),
        ),
        migrations.AddIndex(
            model_name="bot",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["last_ping"], name="idx_bots_last_ping"),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.UniqueConstraint(fields=("bot_id",), name="idx_bots_bot_id"),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.UniqueConstraint(fields=("tenant_id", "id"), name="bots_tenant_and_id"),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.UniqueConstraint(
                condition=models.Q(("api_url__isnull", False), ("bot_type", "external")),
                fields=("tenant_id", "api_url", "remote_name"),
                name="idx_bots_unique_external_url",
            ),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.CheckConstraint(
                condition=models.Q(("bot_type__in", ["external", "shared", "platform"])),
                name="bots_type_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["inactive", "starting", "running", "stopping", "error", "connected"])
                ),
                name="bots_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "health__in",
                        [
                            "unknown",
                            "ok",
                            "paused",
                            "stopped",
                            "malformed",
                            "forbidden",
                            "name_not_found",
                            "refused",
                            "unreachable",
                            "timed_out",
                            "tls",
                            "redirect",
                            "auth",
                            "not_freqtrade",
                            "no_trader",
                            "too_old",
                            "proxy",
                            "protocol",
                            "hung",
                            "exchange_unreachable",
                            "needs_token",
                        ],
                    )
                ),
                name="bots_health_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.CheckConstraint(
                condition=models.Q(("command__in", ["", "start", "stop", "pause", "reload"])),
                name="bots_command_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("engine_state__in", ["", "running", "paused", "stopped", "reload_config"])
                ),
                name="bots_engine_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("desired_state__isnull", True),
                    ("desired_state__in", ["running", "paused", "stopped"]),
                    _connector="OR",
                ),
                name="bots_desired_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("bot_type", "external"), _negated=True),
                    ("api_url__isnull", False),
                    _connector="OR",
                ),
                name="bots_external_has_an_address",
            ),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("exposed_host_port__isnull", True),
                    models.Q(("exposed_host_port__gte", 1), ("exposed_host_port__lte", 65535)),
                    _connector="OR",
                ),
                name="bots_port_is_a_port",
            ),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.CheckConstraint(
                condition=models.Q(("failures__gte", 0)), name="bots_failures_are_counted"
            ),
        ),
        ForeignKey("bot", name="bots_tenant", columns="tenant_id", references="users (tenant_id)"),
        Fillfactor("bot", 70),
    ]
