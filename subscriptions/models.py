"""A trader following a template: which bot trades it, and with how much."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models

from subscriptions.enums import SubscriptionStatus
from tradewise.tenancy.models import CurrentTimestamp, TenantManager, TenantOwned


class Subscription(TenantOwned):
    """One trader, one bot, one template; at most one that is not cancelled.

    It is known to people by its bot's public id: after a cancelled one comes another, with another bot. Its moves are
    active ↔ paused → cancelled, which is final; the database refuses every other (`0005_rules`).
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    bot = models.ForeignKey(
        "bots.Bot", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    template = models.ForeignKey(
        "marketplace.BotTemplate",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    allocation_amount = models.DecimalField(max_digits=15, decimal_places=2, null=True)
    status = models.CharField(
        max_length=50,
        choices=SubscriptionStatus,
        default=SubscriptionStatus.ACTIVE,
        db_default=SubscriptionStatus.ACTIVE,
    )
    #: The version of the template that it follows; NULL where it began before versions were noted.
    version = models.IntegerField(null=True)
    #: The trader's own result, which the worker reckons (`services.reckoning`); NULL before it has for the first time.
    performance_data = models.JSONField(null=True)
    #: When it is reckoned next; NULL once the result of a cancelled one is final.
    next_reckoning_at = models.DateTimeField(null=True, db_default=CurrentTimestamp())
    #: Since when, where it is; NULL otherwise.
    paused_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    #: Whether its trader was told that its bot is up for the first time.
    start_told = models.BooleanField(default=False, db_default=False)
    #: In all, before the pause that goes on.
    paused_for = models.DurationField(default=timedelta(), db_default=timedelta())
    created_at = models.DateTimeField(auto_now_add=True, db_default=CurrentTimestamp())
    updated_at = models.DateTimeField(auto_now=True, db_default=CurrentTimestamp())

    objects = TenantManager["Subscription"]()
    across_tenants: ClassVar[models.Manager["Subscription"]] = models.Manager()

    class Meta:
        db_table = "subscriptions"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "id"], name="subscriptions_tenant_and_id"),
            models.UniqueConstraint(
                fields=["user", "template"],
                condition=~models.Q(status="cancelled"),
                name="idx_subscriptions_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=SubscriptionStatus.values), name="subscriptions_status_is_known"
            ),
            # A bot trades for one subscription alone. The tenant is in the key, so that nobody learns of another's.
            models.UniqueConstraint(fields=["tenant_id", "bot"], name="idx_subscriptions_bot"),
            models.CheckConstraint(
                condition=models.Q(status="paused", paused_at__isnull=False)
                | (~models.Q(status="paused") & models.Q(paused_at__isnull=True)),
                name="subscriptions_paused_since_a_moment",
            ),
            models.CheckConstraint(
                condition=models.Q(status="cancelled", cancelled_at__isnull=False)
                | (~models.Q(status="cancelled") & models.Q(cancelled_at__isnull=True)),
                name="subscriptions_cancelled_at_a_moment",
            ),
            # A closed range: NaN is greater than every number and passes a one-sided check.
            models.CheckConstraint(
                condition=models.Q(allocation_amount__isnull=True)
                | models.Q(allocation_amount__gt=0, allocation_amount__lte=9_999_999_999_999),
                name="subscriptions_allocation_is_an_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(paused_for__gte=timedelta()), name="subscriptions_paused_for_a_while"
            ),
            models.CheckConstraint(
                condition=models.Q(next_reckoning_at__isnull=False) | models.Q(status="cancelled"),
                name="subscriptions_are_reckoned_while_they_go_on",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_reckoning_at"],
                condition=models.Q(next_reckoning_at__isnull=False),
                name="subscriptions_to_be_reckoned",
            ),
            models.Index(fields=["user"], name="idx_subscriptions_user"),
            models.Index(fields=["template"], name="idx_subscriptions_template"),
            models.Index(fields=["status"], name="idx_subscriptions_status"),
            models.Index(
                fields=["id"],
                name="subscriptions_not_started",
                condition=models.Q(start_told=False) & ~models.Q(status="cancelled"),
            ),
        ]

    def __str__(self) -> str:
        return f"subscription {self.pk}"

    @property
    def is_over(self) -> bool:
        """Whether it was cancelled."""
        return self.status == SubscriptionStatus.CANCELLED


class AllocationLimit(TenantOwned):
    """The most that a trader's subscriptions may use together of one currency; invented money does not count."""

    currency = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=15, decimal_places=2)

    objects = TenantManager["AllocationLimit"]()
    across_tenants: ClassVar[models.Manager["AllocationLimit"]] = models.Manager()

    class Meta:
        db_table = "allocation_limits"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "currency"], name="allocation_limits_one_a_currency"
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, amount__lte=9_999_999_999_999),
                name="allocation_limits_are_amounts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
