"""A user sees the own row. Nobody makes staff from the trader site."""

from django.db import migrations

from tradewise.tenancy.operations import IsolateByTenant, Serve


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_users")]

    operations = [
        IsolateByTenant("user", guard="NOT is_staff"),
        # Staff sign in on the staff site by their own rows; of traders they see no password hash, see `support_users`.
        Serve(
            "user",
            role="tw_staff",
            reads="*",
            updates="hashed_password, last_login, updated_at",
            rows="is_staff",
        ),
    ]
