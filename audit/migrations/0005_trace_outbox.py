"""A mail that is queued or delivered leaves its trace, without a word of what stands in it."""

from django.db import migrations

from audit.operations import Trace


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_seals"), ("tradewise", "0002_outbox")]

    operations = [
        Trace(
            "tradewise.outboxmessage",
            resource="message",
            key="id",
            kept="tenant_id, kind, created_at",
            # Codes stand in the payload, and a fingerprint would tell one that has few digits.
            left_out="id, payload, attempts, next_attempt_at, lease_until, lease_token, last_error",
        ),
    ]
