"""Since when a bot's record is in its present currency and mode."""

from django.db import migrations, models

from tradewise.tenancy.operations import Grant


class Migration(migrations.Migration):
    dependencies = [("bots", "0004_isolation")]

    operations = [
        migrations.AddField("bot", "record_since", models.DateTimeField(null=True)),
        Grant("bot", role="tw_worker", rights="UPDATE (record_since)"),
        Grant("bot", role="tw_staff", rights="SELECT (record_since)"),
    ]
