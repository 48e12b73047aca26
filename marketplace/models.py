"""A template: a strategy with its configuration, which a trader may offer to others."""

import secrets
from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from marketplace.enums import RiskLevel, StrategyType
from tradewise.tenancy.models import CurrentTimestamp


def new_template_id() -> str:
    """A public identifier of 128 random bits, safe in a URL."""
    return secrets.token_urlsafe(16)


class BotTemplate(models.Model):
    """A strategy's configuration and its record. Public ones are read by everyone."""

    template_id = models.CharField(max_length=255, default=new_template_id, editable=False)
    name = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)  # noqa: DJ001 - as ordered
    config_json = models.JSONField()
    is_public = models.BooleanField(default=False, db_default=False)
    risk_level = models.CharField(
        max_length=20, choices=RiskLevel, default=RiskLevel.MEDIUM, db_default=RiskLevel.MEDIUM
    )
    strategy_type = models.CharField(max_length=50, choices=StrategyType, null=True)  # noqa: DJ001 - as ordered
    performance_data = models.JSONField(null=True)
    creator_tenant_id = models.UUIDField(null=True, editable=False)
    subscribers_count = models.IntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(auto_now_add=True, db_default=CurrentTimestamp())
    updated_at = models.DateTimeField(auto_now=True, db_default=CurrentTimestamp())

    across_tenants: ClassVar[models.Manager["BotTemplate"]] = models.Manager()

    class Meta:
        db_table = "bot_templates"
        constraints = [
            models.UniqueConstraint(fields=["template_id"], name="bot_templates_template_id"),
            models.UniqueConstraint(fields=["creator_tenant_id", "id"], name="bot_templates_tenant_and_id"),
            models.CheckConstraint(
                condition=models.Q(risk_level__in=RiskLevel.values), name="bot_templates_risk_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(strategy_type__isnull=True)
                | models.Q(strategy_type__in=StrategyType.values),
                name="bot_templates_strategy_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(subscribers_count__gte=0), name="bot_templates_subscribers_are_counted"
            ),
        ]
        indexes = [
            models.Index(
                fields=["is_public"], name="idx_templates_public", condition=models.Q(is_public=True)
            ),
            models.Index(fields=["risk_level"], name="idx_templates_risk"),
            models.Index(fields=["strategy_type"], name="idx_templates_strategy"),
            models.Index(fields=["creator_tenant_id"], name="idx_templates_creator"),
            GinIndex(fields=["performance_data"], name="idx_templates_performance"),
            GinIndex(fields=["config_json"], name="idx_templates_config"),
        ]

    def __str__(self) -> str:
        return self.name
