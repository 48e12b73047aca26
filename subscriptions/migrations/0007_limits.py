"""What a trader allows all subscriptions together, in each currency."""

from django.db import migrations, models

from audit.operations import Trace
from tradewise.tenancy.operations import ForeignKey, IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0006_versions")]

    operations = [
        migrations.CreateModel(
            name="AllocationLimit",
            fields=[
                (
                    "id",
                    models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("currency", models.CharField(max_length=20)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=15)),
            ],
            options={
                "db_table": "allocation_limits",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "currency"), name="allocation_limits_one_a_currency"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("amount__lte", 9999999999999)),
                        name="allocation_limits_are_amounts",
                    ),
                ],
            },
        ),
        ForeignKey(
            "allocationlimit",
            name="allocation_limits_tenant",
            columns="tenant_id",
            references="users (tenant_id)",
        ),
        IsolateByTenant("allocationlimit"),
        Trace(
            "allocationlimit",
            resource="allocation_limit",
            key="currency",
            kept="id, tenant_id, currency, amount",
        ),
    ]
