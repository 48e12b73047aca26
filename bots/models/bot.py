"""A bot, what its trader wants of it and what is seen of it."""

import secrets
from typing import ClassVar, Self

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.urls import reverse

from bots.enums import BotStatus, BotType, Command, DesiredState, EngineState, HealthReason
from tradewise.secrets.fields import SealedCharField
from tradewise.tenancy.models import CurrentTimestamp, TenantManager, TenantOwned


def new_bot_id() -> str:
    """A public identifier of 128 random bits, safe in a URL."""
    return secrets.token_urlsafe(16)


def known(field: str, values: list[str], name: str) -> models.CheckConstraint:
    """The column holds one of the values, whoever writes it."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": values}), name=name)


class BotQuerySet(models.QuerySet["Bot"]):
    """The questions that traders ask about their bots."""

    def with_figures(self) -> Self:
        """Together with the latest figures, in one query."""
        return self.select_related("figures")


class Bot(TenantOwned):
    """Something that trades for its tenant, on the tenant's machine or on ours.

    `status` is what is seen and `desired_state` what was asked for. Columns below "health" are written by the
    sweep alone (`bots.health`), which compares `lease_token` so that a late writer changes nothing.
    """

    bot_id = models.CharField(max_length=255, default=new_bot_id, editable=False)
    bot_type = models.CharField(max_length=50, choices=BotType)
    name = models.CharField(max_length=255, null=True)  # noqa: DJ001 - as ordered
    description = models.TextField(null=True, blank=True)  # noqa: DJ001 - as ordered
    status = models.CharField(
        max_length=50, choices=BotStatus, default=BotStatus.INACTIVE, db_default=BotStatus.INACTIVE
    )

    api_url = models.CharField(max_length=512, null=True)  # noqa: DJ001 - as ordered
    api_token = SealedCharField(max_length=512, null=True)
    token_set_at = models.DateTimeField(null=True)
    remote_name = models.CharField(max_length=255, default="", db_default="")

    config_template = models.CharField(max_length=255, null=True)  # noqa: DJ001 - as ordered
    is_public = models.BooleanField(default=False, db_default=False)
    exposed_host_port = models.IntegerField(null=True)

    # What the trader asked for. A command stays until it was sent to the bot and seen to work, or failed.
    desired_state = models.CharField(max_length=20, choices=DesiredState, null=True)  # noqa: DJ001 - unknown yet
    command = models.CharField(max_length=20, choices=Command, default="", db_default="", blank=True)
    command_asked_at = models.DateTimeField(null=True)
    command_sent_at = models.DateTimeField(null=True)

    # Health: what the sweep saw.
    last_ping = models.DateTimeField(null=True)
    connection_error = models.TextField(null=True)  # noqa: DJ001 - as ordered
    health = models.CharField(
        max_length=30, choices=HealthReason, default=HealthReason.UNKNOWN, db_default=HealthReason.UNKNOWN
    )
    health_since = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0, db_default=0)
    checks = models.BigIntegerField(default=0, db_default=0)
    checked_at = models.DateTimeField(null=True)
    latency_ms = models.IntegerField(null=True)
    next_check_at = models.DateTimeField(db_default=CurrentTimestamp())
    next_figures_at = models.DateTimeField(db_default=CurrentTimestamp())
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)

    # What the bot says of itself.
    engine_state = models.CharField(max_length=20, choices=EngineState, default="", db_default="", blank=True)
    engine_version = models.CharField(max_length=40, default="", db_default="", blank=True)
    strategy = models.CharField(max_length=100, default="", db_default="", blank=True)
    exchange = models.CharField(max_length=50, default="", db_default="", blank=True)
    timeframe = models.CharField(max_length=10, default="", db_default="", blank=True)
    stake_currency = models.CharField(max_length=20, default="", db_default="", blank=True)
    dry_run = models.BooleanField(null=True)
    # TradeWise runs it on an exchange that is simulated: shown wherever the mode is.
    is_simulated = models.BooleanField(default=False, db_default=False)
    # What was recorded before this moment was in another currency or mode: it is kept, and shown nowhere.
    record_since = models.DateTimeField(null=True)

    created_at = models.DateTimeField(auto_now_add=True, db_default=CurrentTimestamp())
    updated_at = models.DateTimeField(auto_now=True, db_default=CurrentTimestamp())

    objects = TenantManager.from_queryset(BotQuerySet)()
    across_tenants: ClassVar[models.Manager["Bot"]] = models.Manager.from_queryset(BotQuerySet)()

    class Meta:
        db_table = "bots"
        constraints = [
            models.UniqueConstraint(fields=["bot_id"], name="idx_bots_bot_id"),
            models.UniqueConstraint(fields=["tenant_id", "id"], name="bots_tenant_and_id"),
            models.UniqueConstraint(
                fields=["tenant_id", "api_url", "remote_name"],
                condition=models.Q(bot_type="external", api_url__isnull=False),
                name="idx_bots_unique_external_url",
            ),
            known("bot_type", BotType.values, "bots_type_is_known"),
            known("status", BotStatus.values, "bots_status_is_known"),
            known("health", HealthReason.values, "bots_health_is_known"),
            known("command", ["", *Command.values], "bots_command_is_known"),
            known("engine_state", ["", *EngineState.values], "bots_engine_state_is_known"),
            models.CheckConstraint(
                condition=models.Q(desired_state__isnull=True)
                | models.Q(desired_state__in=DesiredState.values),
                name="bots_desired_state_is_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(bot_type="external") | models.Q(api_url__isnull=False),
                name="bots_external_has_an_address",
            ),
            models.CheckConstraint(
                condition=models.Q(exposed_host_port__isnull=True)
                | models.Q(exposed_host_port__gte=1, exposed_host_port__lte=65535),
                name="bots_port_is_a_port",
            ),
            models.CheckConstraint(condition=models.Q(failures__gte=0), name="bots_failures_are_counted"),
        ]
        indexes = [
            models.Index(fields=["tenant_id"], name="idx_bots_tenant_id"),
            models.Index(fields=["bot_type"], name="idx_bots_type"),
            models.Index(fields=["status"], name="idx_bots_status"),
            models.Index(fields=["is_public"], name="idx_bots_public", condition=models.Q(is_public=True)),
            # A btree on a column that every check writes would end HOT updates; BRIN keeps them.
            BrinIndex(fields=["last_ping"], name="idx_bots_last_ping"),
        ]

    def __str__(self) -> str:
        return self.name or self.bot_id

    def get_absolute_url(self) -> str:
        """The bot's page."""
        return reverse("bots:detail", args=[self.bot_id])

    @property
    def is_reachable(self) -> bool:
        """Whether the last checks succeeded, so that a command can be expected to arrive."""
        return self.status != BotStatus.ERROR and self.health != HealthReason.NEEDS_TOKEN
