"""Traders as staff see them: who they are and whether they come, and no hash."""

from django.db import migrations, models

# Row-level security binds the owner of a table too, so the view is its own door's: a role that nobody logs in as.
VIEW = """
GRANT SELECT (id, full_name, is_active, created_at, last_login) ON users TO tw_door;
CREATE VIEW support_users WITH (security_barrier) AS
    SELECT id, email, full_name, tenant_id, is_active, created_at, last_login FROM users WHERE NOT is_staff;
GRANT CREATE ON SCHEMA public TO tw_door;
ALTER VIEW support_users OWNER TO tw_door;
REVOKE CREATE ON SCHEMA public FROM tw_door;
SET LOCAL ROLE tw_door;
GRANT SELECT ON support_users TO tw_staff;
SET LOCAL ROLE tw_owner;
"""
NO_VIEW = """
DROP VIEW support_users;
REVOKE SELECT (id, full_name, is_active, created_at, last_login) ON users FROM tw_door;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_isolation_of_allauth"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunSQL(VIEW, NO_VIEW),
        migrations.CreateModel(
            name="SupportUser",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("email", models.CharField(max_length=255)),
                ("full_name", models.CharField(max_length=255, null=True)),
                ("tenant_id", models.UUIDField()),
                ("is_active", models.BooleanField()),
                ("created_at", models.DateTimeField()),
                ("last_login", models.DateTimeField(null=True)),
            ],
            options={"db_table": "support_users", "managed": False, "verbose_name": "trader"},
        ),
        # The admin asks for a model's number before it shows a row.
        migrations.RunSQL(
            "GRANT SELECT ON django_content_type TO tw_staff",
            "REVOKE SELECT ON django_content_type FROM tw_staff",
        ),
    ]
