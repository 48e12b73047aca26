"""The audit trail, as ordered and amended."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tradewise.tenancy.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditLog",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("action", models.CharField(max_length=100)),
                ("resource_type", models.CharField(max_length=50)),
                ("resource_id", models.CharField(max_length=255, null=True)),
                ("old_values", models.JSONField(null=True)),
                ("new_values", models.JSONField(null=True)),
                ("ip_address", models.GenericIPAddressField(null=True)),
                ("user_agent", models.TextField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        auto_now_add=True, db_default=tradewise.tenancy.models.CurrentTimestamp()
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "audit_logs",
                "indexes": [
                    models.Index(fields=["tenant_id"], name="idx_audit_tenant"),
                    models.Index(fields=["user"], name="idx_audit_user"),
                    models.Index(fields=["action"], name="idx_audit_action"),
                    models.Index(fields=["resource_type", "resource_id"], name="idx_audit_resource"),
                    models.Index(fields=["created_at"], name="idx_audit_created"),
                ],
            },
        ),
    ]
