"""Engines that TradeWise runs, the machines that bear them, and how many a tenant may have."""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

import tradewise.secrets.fields
import tradewise.tenancy.models


class Migration(migrations.Migration):
    dependencies = [
        ("bots", "0006_trace"),
    ]

    operations = [
        migrations.CreateModel(
            name="BotEngine",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                (
                    "bot",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="engine",
                        serialize=False,
                        to="bots.bot",
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[("dry_run", "Dry run"), ("live", "Live"), ("simulated", "Simulated")],
                        max_length=20,
                    ),
                ),
                ("allocation", models.DecimalField(decimal_places=2, max_digits=15)),
                ("config_json", models.JSONField()),
                ("revision", models.IntegerField(db_default=1, default=1)),
                ("exchange_keys", tradewise.secrets.fields.SealedCharField(max_length=512, null=True)),
                ("keys_set_at", models.DateTimeField(null=True)),
                (
                    "stop_way",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("exits", "Keep managing exits"),
                            ("close", "Close all and stop"),
                            ("now", "Stop now"),
                        ],
                        db_default="",
                        default="",
                        max_length=10,
                    ),
                ),
                ("host", models.CharField(blank=True, db_default="", default="", max_length=100)),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("off", "Off"),
                            ("queued", "Waits for its turn"),
                            ("launched", "Starting"),
                            ("up", "Up"),
                            ("closing", "Winding down"),
                            ("reading", "Flat, being read"),
                            ("ending", "Ending"),
                            ("failed", "Given up"),
                        ],
                        db_default="off",
                        default="off",
                        max_length=20,
                    ),
                ),
                ("phase_since", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
                ("handle", models.CharField(blank=True, db_default="", default="", max_length=100)),
                ("running_revision", models.IntegerField(db_default=0, default=0)),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                ("failure", models.TextField(blank=True, db_default="", default="")),
                ("launched_at", models.DateTimeField(null=True)),
                ("ready_at", models.DateTimeField(null=True)),
                (
                    "next_visit_at",
                    models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp()),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("memory", models.BigIntegerField(null=True)),
                ("cpu_seconds", models.FloatField(null=True)),
                ("measured_at", models.DateTimeField(null=True)),
                ("log_asked_at", models.DateTimeField(null=True)),
                ("log_taken_at", models.DateTimeField(null=True)),
                ("log_lines", models.TextField(blank=True, db_default="", default="")),
            ],
            options={
                "db_table": "bot_engines",
            },
        ),
        migrations.CreateModel(
            name="EngineHost",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("seen_at", models.DateTimeField(db_default=tradewise.tenancy.models.CurrentTimestamp())),
                ("runtime", models.CharField(max_length=20)),
                ("places", models.IntegerField()),
                ("memory_mb", models.IntegerField()),
                ("simulates", models.BooleanField(db_default=False, default=False)),
            ],
            options={
                "db_table": "engine_hosts",
            },
            managers=[
                ("across_tenants", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="EngineLimit",
            fields=[
                ("tenant_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("engines", models.IntegerField()),
            ],
            options={
                "db_table": "engine_limits",
            },
        ),
        migrations.CreateModel(
            name="EnginePlace",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("host", models.CharField(max_length=100)),
                ("port", models.IntegerField()),
                ("tenant_id", models.UUIDField(editable=False, null=True)),
            ],
            options={
                "db_table": "engine_places",
            },
            managers=[
                ("across_tenants", django.db.models.manager.Manager()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="bot",
            name="bots_health_is_known",
        ),
        migrations.AddField(
            model_name="bot",
            name="is_simulated",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="bot",
            name="health",
            field=models.CharField(
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
                    ("engine_failed", "The engine does not run"),
                ],
                db_default="unknown",
                default="unknown",
                max_length=30,
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
                            "engine_failed",
                        ],
                    )
                ),
                name="bots_health_is_known",
            ),
        ),
        migrations.AddIndex(
            model_name="botengine",
            index=models.Index(fields=["next_visit_at"], name="bot_engines_due"),
        ),
        migrations.AddConstraint(
            model_name="botengine",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ["dry_run", "live", "simulated"])),
                name="bot_engines_mode_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="botengine",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "phase__in",
                        ["off", "queued", "launched", "up", "closing", "reading", "ending", "failed"],
                    )
                ),
                name="bot_engines_phase_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="botengine",
            constraint=models.CheckConstraint(
                condition=models.Q(("stop_way__in", ["", "exits", "close", "now"])),
                name="bot_engines_stop_way_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="botengine",
            constraint=models.CheckConstraint(
                condition=models.Q(("allocation__gt", 0), ("allocation__lte", 9999999999999)),
                name="bot_engines_allocation_is_an_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="botengine",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("mode", "live"), _negated=True),
                    ("exchange_keys__isnull", False),
                    _connector="OR",
                ),
                name="bot_engines_live_has_keys",
            ),
        ),
        migrations.AddConstraint(
            model_name="enginelimit",
            constraint=models.CheckConstraint(
                condition=models.Q(("engines__gte", 0), ("engines__lte", 10000)),
                name="engine_limits_is_a_number",
            ),
        ),
        migrations.AddField(
            model_name="engineplace",
            name="bot",
            field=models.OneToOneField(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="place",
                to="bots.bot",
            ),
        ),
        migrations.AddConstraint(
            model_name="engineplace",
            constraint=models.UniqueConstraint(fields=("host", "port"), name="engine_places_port_once"),
        ),
        migrations.AddConstraint(
            model_name="engineplace",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("bot__isnull", True), ("tenant_id__isnull", True)),
                    models.Q(("bot__isnull", False), ("tenant_id__isnull", False)),
                    _connector="OR",
                ),
                name="engine_places_taken_by_somebody",
            ),
        ),
    ]
