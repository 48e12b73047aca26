"""A template: a strategy with its configuration, which a trader may offer to others."""

import secrets
from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.urls import reverse

from marketplace.enums import OPEN, RiskLevel, StrategyType, TemplateStatus
from tradewise.tenancy.models import CurrentTimestamp


def new_template_id() -> str:
    """A public identifier of 128 random bits, safe in a URL."""
    return secrets.token_urlsafe(16)


def allocation() -> "models.DecimalField[Any, Any]":
    """An amount of the stake currency that a bot may use; NULL where it is not known, or not limited."""
    return models.DecimalField(max_digits=15, decimal_places=2, null=True)


def allocations(table: str) -> models.CheckConstraint:
    """Amounts, the most of them not less than the least. A closed range: NaN passes a one-sided check."""
    most = 9_999_999_999_999
    return models.CheckConstraint(
        condition=(
            (
                models.Q(needed_allocation__isnull=True)
                | models.Q(needed_allocation__gt=0, needed_allocation__lte=most)
            )
            & (
                models.Q(max_allocation__isnull=True)
                | models.Q(max_allocation__gt=0, max_allocation__lte=most)
            )
            & (
                models.Q(needed_allocation__isnull=True)
                | models.Q(max_allocation__isnull=True)
                | models.Q(max_allocation__gte=models.F("needed_allocation"))
            )
        ),
        name=f"{table}_allocations_are_amounts",
    )


class BotTemplate(models.Model):
    """A strategy's configuration and its record. Public ones are read by everyone.

    What it says and how it stands is written by the database, from its version: the published one, and before there
    is one the only one. The site inserts a template, and from there on writes versions.
    """

    template_id = models.CharField(max_length=255, default=new_template_id, editable=False)
    name = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)  # noqa: DJ001 - as ordered
    config_json = models.JSONField()
    is_public = models.BooleanField(default=False, db_default=False)
    status = models.CharField(
        max_length=20, choices=TemplateStatus, default=TemplateStatus.DRAFT, db_default=TemplateStatus.DRAFT
    )
    version = models.IntegerField(default=1, db_default=1)
    risk_level = models.CharField(
        max_length=20, choices=RiskLevel, default=RiskLevel.MEDIUM, db_default=RiskLevel.MEDIUM
    )
    strategy_type = models.CharField(max_length=50, choices=StrategyType, null=True)  # noqa: DJ001 - as ordered
    #: The least that its parameters need, and the most that its author wants anybody to put on it.
    needed_allocation = allocation()
    max_allocation = allocation()
    performance_data = models.JSONField(null=True)
    #: When its first version was published; when moderators began to feature it.
    published_at = models.DateTimeField(null=True)
    featured_at = models.DateTimeField(null=True)
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
            models.CheckConstraint(
                condition=models.Q(status__in=TemplateStatus.values), name="bot_templates_status_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(is_public=True, status=TemplateStatus.PUBLISHED)
                | (models.Q(is_public=False) & ~models.Q(status=TemplateStatus.PUBLISHED)),
                name="bot_templates_public_is_published",
            ),
            allocations("bot_templates"),
            models.CheckConstraint(
                condition=models.Q(featured_at__isnull=True) | models.Q(is_public=True),
                name="bot_templates_featured_is_public",
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

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("marketplace:template", args=[self.template_id])


class TemplateVersion(models.Model):
    """What a template says, says next, or once said. It is moderated as a whole; published, it never changes.

    The database holds to it whoever writes: which step follows which, who may take it, and that only a draft is
    written on.
    """

    creator_tenant_id = models.UUIDField(null=True, editable=False)
    template = models.ForeignKey(
        BotTemplate, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="versions"
    )
    number = models.IntegerField()
    status = models.CharField(
        max_length=20, choices=TemplateStatus, default=TemplateStatus.DRAFT, db_default=TemplateStatus.DRAFT
    )
    is_public = models.GeneratedField(
        expression=models.ExpressionWrapper(
            models.Q(status=TemplateStatus.PUBLISHED), output_field=models.BooleanField()
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    name = models.CharField(max_length=255)
    #: What look-alikes of the name have in common; empty where a row was not written by the site.
    name_key = models.CharField(max_length=255, default="", db_default="")
    description = models.TextField(null=True, blank=True)  # noqa: DJ001 - as in bot_templates
    config_json = models.JSONField("configuration")
    risk_level = models.CharField("risk", max_length=20, choices=RiskLevel, default=RiskLevel.MEDIUM)
    strategy_type = models.CharField("kind", max_length=50, choices=StrategyType, null=True)  # noqa: DJ001
    needed_allocation = allocation()
    max_allocation = allocation()
    #: The author's own bot that shows what the version does; NULL where there is none, or none any more.
    record_bot = models.ForeignKey(
        "bots.Bot",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    reason = models.TextField(default="", db_default="", blank=True)
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_default=CurrentTimestamp())
    updated_at = models.DateTimeField(auto_now=True, db_default=CurrentTimestamp())

    across_tenants: ClassVar[models.Manager["TemplateVersion"]] = models.Manager()

    class Meta:
        db_table = "template_versions"
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="template_versions_are_numbered"),
            models.UniqueConstraint(
                fields=["template"],
                condition=models.Q(status__in=OPEN),
                name="template_versions_one_is_open",
            ),
            models.CheckConstraint(
                condition=models.Q(number__gte=1), name="template_versions_count_from_one"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=TemplateStatus.values), name="template_versions_status_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(risk_level__in=RiskLevel.values), name="template_versions_risk_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(strategy_type__isnull=True)
                | models.Q(strategy_type__in=StrategyType.values),
                name="template_versions_strategy_is_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=[TemplateStatus.REJECTED, TemplateStatus.WITHDRAWN])
                | ~models.Q(reason=""),
                name="template_versions_a_refusal_has_a_reason",
            ),
            allocations("template_versions"),
        ]
        indexes = [
            models.Index(
                fields=["submitted_at"],
                condition=models.Q(status=TemplateStatus.SUBMITTED),
                name="template_versions_queue",
            ),
            models.Index(
                fields=["name_key"],
                condition=models.Q(is_public=True),
                name="template_versions_public_names",
            ),
            models.Index(fields=["creator_tenant_id"], name="template_versions_creator"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.number}"

    @property
    def public_id(self) -> str:
        """By which the trail knows its template."""
        return self.template.template_id

    @property
    def is_editable(self) -> bool:
        """Whether its author still writes on it."""
        return self.status in (TemplateStatus.DRAFT, TemplateStatus.REJECTED)


class TemplateRecord(models.Model):
    """When a public template's record is computed next, and what is kept between two turns. The worker's alone.

    The record itself is `BotTemplate.performance_data`. `next_at` is the queue and the lease: a turn that is claimed
    moves it, and only the holder of `lease_token` writes.
    """

    template = models.OneToOneField(
        BotTemplate, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="+"
    )
    next_at = models.DateTimeField(db_default=CurrentTimestamp())
    lease_token = models.UUIDField(null=True)
    #: What the record was computed from: with the same there is nothing new to tell.
    news = models.CharField(max_length=255, default="", db_default="")
    computed_at = models.DateTimeField(null=True)
    #: What went wrong at the last turn, as a type of error; empty where nothing did.
    failure = models.CharField(max_length=255, default="", db_default="")
    #: What subscribers got, made once a day and kept: whoever looks twice must not be able to subtract.
    subscribers = models.JSONField(null=True)
    subscribers_on = models.DateField(null=True)

    across_tenants: ClassVar[models.Manager["TemplateRecord"]] = models.Manager()

    class Meta:
        db_table = "template_records"
        indexes = [models.Index(fields=["next_at"], name="template_records_due")]


class MarketPair(models.Model):
    """A pair of a market whose daily closes records are compared with, and when they are asked for next."""

    market = models.CharField(max_length=50)
    pair = models.CharField(max_length=50)
    #: The first day of which a close is wanted.
    since = models.DateField()
    next_at = models.DateTimeField(db_default=CurrentTimestamp())
    lease_token = models.UUIDField(null=True)
    failure = models.CharField(max_length=255, default="", db_default="")

    across_tenants: ClassVar[models.Manager["MarketPair"]] = models.Manager()

    class Meta:
        db_table = "market_pairs"
        constraints = [models.UniqueConstraint(fields=["market", "pair"], name="market_pairs_once")]
        indexes = [models.Index(fields=["next_at"], name="market_pairs_due")]


class MarketClose(models.Model):
    """What a pair cost at the end of a day (UTC), as the market itself says. Public, and nobody's own."""

    id = models.BigAutoField(primary_key=True)
    market = models.CharField(max_length=50)
    pair = models.CharField(max_length=50)
    day = models.DateField()
    price = models.DecimalField(max_digits=30, decimal_places=12)

    across_tenants: ClassVar[models.Manager["MarketClose"]] = models.Manager()

    class Meta:
        db_table = "market_closes"
        constraints = [
            models.UniqueConstraint(fields=["market", "pair", "day"], name="market_closes_once"),
            # A closed range: NaN is greater than every number and passes a one-sided check.
            models.CheckConstraint(
                condition=models.Q(price__gt=0, price__lt=10**16), name="market_closes_are_prices"
            ),
        ]
