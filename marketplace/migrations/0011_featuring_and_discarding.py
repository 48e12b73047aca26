"""Moderators feature what is public, and an author throws away a draft that nobody but them ever saw."""

from importlib import import_module

from django.db import migrations, models

from tradewise.tenancy.operations import Grant

STEPS: str = import_module("marketplace.migrations.0008_allocations_and_evidence").STEPS
STANDS = "version = NEW.number, status = becomes,"
# What leaves the marketplace is recommended no more.
UNFEATURED = f"featured_at = CASE WHEN becomes = 'published' THEN featured_at END, {STANDS}"
assert STEPS.count(STANDS) == 1

# Of its own rows the site may delete these and no others; the versions go with their template.
DISCARDED = """
CREATE POLICY never_published ON bot_templates AS RESTRICTIVE FOR DELETE TO tw_app
    USING (published_at IS NULL AND status IN ('draft', 'rejected'))
"""


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0010_records")]

    operations = [
        migrations.RunSQL(STEPS.replace(STANDS, UNFEATURED), STEPS),
        migrations.AddConstraint(
            "bottemplate",
            models.CheckConstraint(
                condition=models.Q(("featured_at__isnull", True), ("is_public", True), _connector="OR"),
                name="bot_templates_featured_is_public",
            ),
        ),
        migrations.RunSQL(DISCARDED, "DROP POLICY never_published ON bot_templates"),
        Grant("bottemplate", role="tw_app", rights="DELETE"),
    ]
