"""Questions about templates."""

from django.db.models import QuerySet

from marketplace.models import BotTemplate


def readable_templates() -> QuerySet[BotTemplate]:
    """The public ones and the tenant's own, by name: PostgreSQL shows nobody more."""
    return BotTemplate.across_tenants.order_by("name", "pk")
