"""What was bought and sold in a trade, and what the exchange took of that."""

from django.db import migrations

import bots.models.figures


class Migration(migrations.Migration):
    dependencies = [
        ("bots", "0011_partitions_with_triggers"),
    ]

    operations = [
        migrations.AddField(
            model_name="bottrade",
            name="fees",
            field=bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True),
        ),
        migrations.AddField(
            model_name="bottrade",
            name="turnover",
            field=bots.models.figures.Amount(decimal_places=8, max_digits=24, null=True),
        ),
    ]
