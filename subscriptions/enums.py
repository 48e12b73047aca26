"""The words of subscriptions."""

from django.db import models


class SubscriptionStatus(models.TextChoices):
    """Whether a subscription's bot is to trade."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    CANCELLED = "cancelled", "Cancelled"
