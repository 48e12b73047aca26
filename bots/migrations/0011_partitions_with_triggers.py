"""The owner of the samples may attach their triggers, as it must to make a partition of another day.

Since samples leave a trace in the audit trail, a partition takes over functions of `tw_audit`, which nobody else might
execute: the worker made no partition any more, and dropped none.
"""

from django.db import migrations

AS_ITS_OWNER = "SET LOCAL ROLE tw_audit; {}; SET LOCAL ROLE tw_owner"


class Migration(migrations.Migration):
    dependencies = [("bots", "0010_marks")]

    operations = [
        migrations.RunSQL(
            AS_ITS_OWNER.format("GRANT EXECUTE ON FUNCTION audit_bot_samples() TO tw_owner"),
            AS_ITS_OWNER.format("REVOKE EXECUTE ON FUNCTION audit_bot_samples() FROM tw_owner"),
        ),
    ]
