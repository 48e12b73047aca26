"""A template stands somewhere between its author and everybody, and what it says is a version.

Templates of before were drafts, or public; each becomes the first version of itself.
"""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

import tradewise.tenancy.models

# A rewrite of the table, which neither policies nor triggers see.
STAND = """ALTER TABLE bot_templates ALTER COLUMN status TYPE varchar(20)
    USING CASE WHEN is_public THEN 'published' ELSE 'draft' END"""
# The owner reads templates of all authors for the length of this transaction.
OPENED = "ALTER TABLE bot_templates NO FORCE ROW LEVEL SECURITY"
CLOSED = "ALTER TABLE bot_templates FORCE ROW LEVEL SECURITY"
FIRST = """INSERT INTO template_versions (creator_tenant_id, template_id, number, status, name, description, config_json,
        risk_level, strategy_type, created_at, updated_at)
    SELECT creator_tenant_id, id, 1, status, name, description, config_json, risk_level, strategy_type, created_at,
        updated_at
    FROM bot_templates"""


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0004_platform_bots"),
    ]

    operations = [
        migrations.CreateModel(
            name="TemplateVersion",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("creator_tenant_id", models.UUIDField(editable=False, null=True)),
                ("number", models.IntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("submitted", "In moderation"),
                            ("rejected", "Rejected"),
                            ("published", "Published"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        db_default="draft",
                        default="draft",
                        max_length=20,
                    ),
                ),
                (
                    "is_public",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.ExpressionWrapper(
                            models.Q(("status", "published")), output_field=models.BooleanField()
                        ),
                        output_field=models.BooleanField(),
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("name_key", models.CharField(db_default="", default="", max_length=255)),
                ("description", models.TextField(blank=True, null=True)),
                ("config_json", models.JSONField(verbose_name="configuration")),
                (
                    "risk_level",
                    models.CharField(
                        choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")],
                        default="medium",
                        max_length=20,
                        verbose_name="risk",
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
                        verbose_name="kind",
                    ),
                ),
                ("reason", models.TextField(blank=True, db_default="", default="")),
                ("submitted_at", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
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
                "db_table": "template_versions",
            },
            managers=[
                ("across_tenants", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name="bottemplate",
            name="status",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("submitted", "In moderation"),
                    ("rejected", "Rejected"),
                    ("published", "Published"),
                    ("withdrawn", "Withdrawn"),
                ],
                db_default="draft",
                default="draft",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="bottemplate",
            name="version",
            field=models.IntegerField(db_default=1, default=1),
        ),
        migrations.RunSQL(STAND, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="bottemplate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["draft", "submitted", "rejected", "published", "withdrawn"])
                ),
                name="bot_templates_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bottemplate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("is_public", True), ("status", "published")),
                    models.Q(("is_public", False), models.Q(("status", "published"), _negated=True)),
                    _connector="OR",
                ),
                name="bot_templates_public_is_published",
            ),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="template",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="versions",
                to="marketplace.bottemplate",
            ),
        ),
        migrations.AddIndex(
            model_name="templateversion",
            index=models.Index(
                condition=models.Q(("status", "submitted")),
                fields=["submitted_at"],
                name="template_versions_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="templateversion",
            index=models.Index(
                condition=models.Q(("is_public", True)),
                fields=["name_key"],
                name="template_versions_public_names",
            ),
        ),
        migrations.AddIndex(
            model_name="templateversion",
            index=models.Index(fields=["creator_tenant_id"], name="template_versions_creator"),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(
                fields=("template", "number"), name="template_versions_are_numbered"
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ("draft", "submitted", "rejected"))),
                fields=("template",),
                name="template_versions_one_is_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="template_versions_count_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["draft", "submitted", "rejected", "published", "withdrawn"])
                ),
                name="template_versions_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("risk_level__in", ["low", "medium", "high"])),
                name="template_versions_risk_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("strategy_type__isnull", True),
                    ("strategy_type__in", ["dca", "grid", "momentum", "arbitrage"]),
                    _connector="OR",
                ),
                name="template_versions_strategy_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["rejected", "withdrawn"]), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="template_versions_a_refusal_has_a_reason",
            ),
        ),
        migrations.RunSQL([OPENED, FIRST, CLOSED], migrations.RunSQL.noop),
    ]
