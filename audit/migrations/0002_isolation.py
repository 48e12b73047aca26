"""A tenant reads its own trail. Writing is opened by the ledger, and by nothing else."""

from django.db import migrations

from tradewise.tenancy.operations import ForeignKey, IsolateByTenant, Serve


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_audit_logs")]

    operations = [
        ForeignKey(
            "auditlog",
            name="audit_logs_user",
            columns="tenant_id, user_id",
            references="users (tenant_id, id)",
            # Closing an account empties who it was; the entry itself stays.
            on_delete="SET NULL (user_id)",
        ),
        IsolateByTenant("auditlog", grants="SELECT"),
        Serve("auditlog", role="tw_staff", reads="*"),
    ]
