"""The users table, as ordered and amended."""

import uuid

import django.db.models.functions.text
from django.db import migrations, models

import tradewise.tenancy.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [("tradewise", "0001_current_tenant")]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                ("password", models.CharField(db_column="hashed_password", max_length=255)),
                ("email", models.CharField(max_length=255)),
                ("full_name", models.CharField(blank=True, max_length=255, null=True)),
                ("is_active", models.BooleanField(db_default=True, default=True)),
                ("is_staff", models.BooleanField(db_default=False, default=False)),
                (
                    "tenant_id",
                    models.UUIDField(
                        db_default=tradewise.tenancy.models.RandomUuid(), default=uuid.uuid4, editable=False
                    ),
                ),
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
                "db_table": "users",
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_active", True)), fields=["is_active"], name="idx_users_active"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("email",), name="idx_users_email"),
                    models.UniqueConstraint(fields=("tenant_id",), name="idx_users_tenant_id"),
                    models.UniqueConstraint(fields=("tenant_id", "id"), name="users_tenant_and_id"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("email", django.db.models.functions.text.Lower("email")),
                            models.Q(("email", ""), _negated=True),
                        ),
                        name="users_email_is_lower_case",
                    ),
                ],
            },
        ),
    ]
