"""The templates table, as ordered and amended."""

import django.contrib.postgres.indexes
import django.db.models.manager
from django.db import migrations, models

import marketplace.models
import tradewise.tenancy.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="BotTemplate",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                (
                    "template_id",
                    models.CharField(
                        default=marketplace.models.new_template_id, editable=False, max_length=255
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True, null=True)),
                ("config_json", models.JSONField()),
                ("is_public", models.BooleanField(db_default=False, default=False)),
                (
                    "risk_level",
                    models.CharField(
                        choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")],
                        db_default="medium",
                        default="medium",
                        max_length=20,
                    ),
                ),
                (
                    "strategy_type",
                    models.CharField(
                        choices=[
                            ("dca", "DCA"),
                            ("grid", "Grid"),
                            ("momentum", "Momentum"),
                            ("arbitrage", "Arbitrage"),
                        ],
                        max_length=50,
                        null=True,
                    ),
                ),
                ("performance_data", models.JSONField(null=True)),
                ("creator_tenant_id", models.UUIDField(editable=False, null=True)),
                ("subscribers_count", models.IntegerField(db_default=0, default=0)),
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
                "db_table": "bot_templates",
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_public", True)),
                        fields=["is_public"],
                        name="idx_templates_public",
                    ),
                    models.Index(fields=["risk_level"], name="idx_templates_risk"),
                    models.Index(fields=["strategy_type"], name="idx_templates_strategy"),
                    models.Index(fields=["creator_tenant_id"], name="idx_templates_creator"),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["performance_data"], name="idx_templates_performance"
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["config_json"], name="idx_templates_config"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("template_id",), name="bot_templates_template_id"),
                    models.UniqueConstraint(
                        fields=("creator_tenant_id", "id"), name="bot_templates_tenant_and_id"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("risk_level__in", ["low", "medium", "high"])),
                        name="bot_templates_risk_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("strategy_type__isnull", True),
                            ("strategy_type__in", ["dca", "grid", "momentum", "arbitrage"]),
                            _connector="OR",
                        ),
                        name="bot_templates_strategy_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("subscribers_count__gte", 0)),
                        name="bot_templates_subscribers_are_counted",
                    ),
                ],
            },
            managers=[
                ("across_tenants", django.db.models.manager.Manager()),
            ],
        ),
    ]
