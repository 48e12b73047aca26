"""What is changed about an account leaves its trace."""

from django.db import migrations

from audit.operations import Trace


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_support_users"), ("audit", "0004_seals")]

    operations = [
        Trace(
            "user",
            resource="user",
            key="id",
            kept="id, email, full_name, is_active, is_staff, tenant_id, created_at",
            secrets="hashed_password",
            # A login is an event of its own.
            left_out="last_login, updated_at",
        ),
        Trace(
            "account.emailaddress",
            resource="email",
            key="email",
            kept="id, user_id, email, verified, primary, tenant_id",
        ),
        Trace(
            "account.emailconfirmation",
            resource="email_confirmation",
            key="id",
            kept="id, created, sent, email_address_id, tenant_id",
            secrets="key",
        ),
    ]
