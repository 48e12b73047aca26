"""Public templates are run on TradeWise's own account: by a command of ops, or by the worker where staff asked."""

from django.db import migrations

from tradewise.tenancy.operations import Serve


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0003_trace"),
        ("bots", "0008_isolation_of_engines"),
        ("accounts", "0006_platform_account"),
        ("tradewise", "0002_outbox"),
    ]

    operations = [
        Serve("bottemplate", role="tw_owner", reads="*", rows="is_public"),
        # The one thing that the staff site may ask the worker for.
        Serve(
            "tradewise.outboxmessage",
            role="tw_staff",
            inserts="tenant_id, kind, payload",
            rows=(
                "tenant_id = '00000000-0000-0000-0000-000000000000'::uuid AND kind = 'marketplace.run_platform_bot'"
            ),
        ),
    ]
