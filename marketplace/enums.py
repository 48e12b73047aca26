"""The words of the marketplace."""

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
