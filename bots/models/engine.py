"""The engine of a bot that TradeWise runs, and the machines that bear engines."""

from typing import ClassVar

from django.db import models

from bots.enums import Mode, Phase, StopWay
from bots.models.bot import Bot, known
from tradewise.secrets.fields import SealedCharField
from tradewise.tenancy.models import CurrentTimestamp, TenantManager, TenantOwned


class BotEngine(TenantOwned):
    """How a bot is set up, and what the reconciler sees of its engine.

    Down to `host` the trader's services write; below it the reconciler does (`bots.reconciler`), which compares
    `lease_token`, so that whatever a service writes meanwhile stays.
    """

    bot = models.OneToOneField(
        Bot, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="engine"
    )
    mode = models.CharField(max_length=20, choices=Mode)
    #: What it may use of the stake currency.
    allocation = models.DecimalField(max_digits=15, decimal_places=2)
    #: As a template's: one of the models in `bots.strategies`. It holds no secret.
    config_json = models.JSONField()
    #: Grows with each change; the engine that runs has `running_revision`.
    revision = models.IntegerField(default=1, db_default=1)
    #: The exchange's key and secret, sealed as one value, for live trading alone.
    exchange_keys = SealedCharField(max_length=512, null=True)
    keys_set_at = models.DateTimeField(null=True)
    stop_way = models.CharField(max_length=10, choices=StopWay, default="", db_default="", blank=True)
    #: The machine that keeps its directory, so that it starts there again.
    host = models.CharField(max_length=100, default="", db_default="", blank=True)

    phase = models.CharField(max_length=20, choices=Phase, default=Phase.OFF, db_default=Phase.OFF)
    phase_since = models.DateTimeField(db_default=CurrentTimestamp())
    handle = models.CharField(max_length=100, default="", db_default="", blank=True)
    running_revision = models.IntegerField(default=0, db_default=0)
    #: Failures in a row; an engine that has been up for a while starts anew at 0.
    attempts = models.IntegerField(default=0, db_default=0)
    #: Why the engine is ended by the reconciler itself, as a sentence; empty where the trader asked for it.
    failure = models.TextField(default="", db_default="", blank=True)
    launched_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    next_visit_at = models.DateTimeField(db_default=CurrentTimestamp())
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    #: In bytes, and in seconds since the engine began.
    memory = models.BigIntegerField(null=True)
    cpu_seconds = models.FloatField(null=True)
    measured_at = models.DateTimeField(null=True)
    #: The last lines of its log without secrets, as far as somebody asked for them.
    log_asked_at = models.DateTimeField(null=True)
    log_taken_at = models.DateTimeField(null=True)
    log_lines = models.TextField(default="", db_default="", blank=True)

    objects = TenantManager["BotEngine"]()
    across_tenants: ClassVar[models.Manager["BotEngine"]] = models.Manager()

    class Meta:
        db_table = "bot_engines"
        constraints = [
            known("mode", Mode.values, "bot_engines_mode_is_known"),
            known("phase", Phase.values, "bot_engines_phase_is_known"),
            known("stop_way", ["", *StopWay.values], "bot_engines_stop_way_is_known"),
            # A closed range: NaN is greater than every number and passes a one-sided check.
            models.CheckConstraint(
                condition=models.Q(allocation__gt=0, allocation__lte=9_999_999_999_999),
                name="bot_engines_allocation_is_an_amount",
            ),
            models.CheckConstraint(
                condition=~models.Q(mode="live") | models.Q(exchange_keys__isnull=False),
                name="bot_engines_live_has_keys",
            ),
        ]
        indexes = [models.Index(fields=["next_visit_at"], name="bot_engines_due")]

    def __str__(self) -> str:
        return f"engine of {self.bot_id}"

    @property
    def public_id(self) -> str:
        """The bot's, by which everybody knows it."""
        return self.bot.bot_id

    @property
    def is_on(self) -> bool:
        """Whether there is an engine, or one is about to be started."""
        return self.phase not in (Phase.OFF, Phase.FAILED)


class EnginePlace(models.Model):
    """Room for one engine on one machine, with its port; whose it is, once it is taken."""

    host = models.CharField(max_length=100)
    port = models.IntegerField()
    tenant_id = models.UUIDField(null=True, editable=False)
    bot = models.OneToOneField(
        Bot, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="place"
    )

    across_tenants: ClassVar[models.Manager["EnginePlace"]] = models.Manager()

    class Meta:
        db_table = "engine_places"
        constraints = [
            models.UniqueConstraint(fields=["host", "port"], name="engine_places_port_once"),
            models.CheckConstraint(
                condition=models.Q(tenant_id__isnull=True, bot__isnull=True)
                | models.Q(tenant_id__isnull=False, bot__isnull=False),
                name="engine_places_taken_by_somebody",
            ),
        ]


class EngineHost(models.Model):
    """A machine that bears engines, as its worker reports it."""

    name = models.CharField(max_length=100, primary_key=True)
    seen_at = models.DateTimeField(db_default=CurrentTimestamp())
    runtime = models.CharField(max_length=20)
    places = models.IntegerField()
    #: Memory that its engines may use together, in MB.
    memory_mb = models.IntegerField()
    #: Whether bots may trade on a simulated exchange there.
    simulates = models.BooleanField(default=False, db_default=False)

    across_tenants: ClassVar[models.Manager["EngineHost"]] = models.Manager()

    class Meta:
        db_table = "engine_hosts"


class EngineLimit(TenantOwned):
    """How many engines a tenant may run, where it is another number than everybody's."""

    tenant_id = models.UUIDField(primary_key=True, editable=False)
    engines = models.IntegerField()

    objects = TenantManager["EngineLimit"]()
    across_tenants: ClassVar[models.Manager["EngineLimit"]] = models.Manager()

    class Meta:
        db_table = "engine_limits"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(engines__gte=0, engines__lte=10_000), name="engine_limits_is_a_number"
            )
        ]
