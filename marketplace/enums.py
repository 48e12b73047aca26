"""The words of the marketplace."""

from typing import Final

from django.db import models


class RiskLevel(models.TextChoices):
    """How much a template may lose, as its author says and a moderator checked."""

    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class StrategyType(models.TextChoices):
    """The kinds of strategy that TradeWise knows."""

    DCA = "dca", "DCA"
    GRID = "grid", "Grid"
    MOMENTUM = "momentum", "Momentum"
    ARBITRAGE = "arbitrage", "Arbitrage"


class TemplateStatus(models.TextChoices):
    """Where a version stands between its author and everybody, and a template with it."""

    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "In moderation"
    REJECTED = "rejected", "Rejected"
    PUBLISHED = "published", "Published"
    WITHDRAWN = "withdrawn", "Withdrawn"


#: A version that is not decided for good; a template has one of them at most.
OPEN: Final = (TemplateStatus.DRAFT, TemplateStatus.SUBMITTED, TemplateStatus.REJECTED)
#: What an author still writes on.
EDITABLE: Final = (TemplateStatus.DRAFT, TemplateStatus.REJECTED)
