"""What a bot earned, as it said so itself: the latest figures and the series behind them.

All amounts are in the bot's stake currency. Every number may be unknown; unknown is NULL and never 0.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar

from django.db import models

from bots.models.bot import Bot
from tradewise.tenancy.models import CurrentTimestamp, TenantManager, TenantOwned


class Amount(models.DecimalField):  # type: ignore[type-arg]
    """An amount in a stake currency: eight places, as exchanges count."""

    def __init__(self, **options: object) -> None:
        super().__init__(**{"max_digits": 24, "decimal_places": 8, "null": True, **options})  # type: ignore[arg-type]


class OfBot(TenantOwned):
    """A row about one bot; the foreign key holds the tenant too, so it cannot be another's bot."""

    bot = models.ForeignKey(
        Bot, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )

    class Meta:
        abstract = True


class BotFigures(TenantOwned):
    """The latest figures of a bot: one narrow row, so that a reading does not rewrite the bot."""

    bot = models.OneToOneField(
        Bot, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="figures"
    )
    taken_at = models.DateTimeField(null=True)
    profit_all = Amount()
    profit_closed = Amount()
    profit_today = Amount()
    starting_capital = Amount()
    equity = Amount()
    closed_trades = models.IntegerField(null=True)
    winning_trades = models.IntegerField(null=True)
    losing_trades = models.IntegerField(null=True)
    open_trade_count = models.IntegerField(null=True)
    max_open_trades = models.IntegerField(null=True)
    #: The open trades as the bot lists them: what the bot page shows, amounts as strings.
    open_trades = models.JSONField(default=list, db_default=[])
    #: The cumulated closed profit at the end of each of the last 30 days, oldest first, as strings.
    trend = models.JSONField(default=list, db_default=[])
    last_trade_id = models.IntegerField(default=0, db_default=0)
    rejected_samples = models.IntegerField(default=0, db_default=0)
    rejected_reason = models.TextField(default="", db_default="", blank=True)
    rejected_at = models.DateTimeField(null=True)

    objects = TenantManager["BotFigures"]()
    across_tenants: ClassVar[models.Manager["BotFigures"]] = models.Manager()

    class Meta:
        db_table = "bot_figures"

    @property
    def result_of_today(self) -> Decimal | None:
        """`profit_today` as long as it is still the same day (UTC), then unknown."""
        if self.taken_at is None or self.taken_at.astimezone(UTC).date() != datetime.now(UTC).date():
            return None
        known: Decimal | None = self.profit_today
        return known


class BotSample(OfBot):
    """Equity and profit at one moment. Append-only, partitioned by day, kept for a month."""

    id = models.BigAutoField(primary_key=True)
    taken_at = models.DateTimeField()
    equity = Amount()
    profit_all = Amount()
    profit_closed = Amount()
    open_trade_count = models.IntegerField(null=True)
    closed_trades = models.IntegerField(null=True)

    objects = TenantManager["BotSample"]()
    across_tenants: ClassVar[models.Manager["BotSample"]] = models.Manager()

    class Meta:
        db_table = "bot_samples"


class BotDay(OfBot):
    """One day's result as the bot reports it, with the equity that was seen. Kept for good."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    profit = Amount()
    trades = models.IntegerField(null=True)
    starting_balance = Amount()
    equity_low = Amount()
    equity_high = Amount()
    equity_close = Amount()

    objects = TenantManager["BotDay"]()
    across_tenants: ClassVar[models.Manager["BotDay"]] = models.Manager()

    class Meta:
        db_table = "bot_days"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "bot", "day"], name="bot_days_one_row_a_day")
        ]


class BotTrade(OfBot):
    """A closed trade, as seen. Append-only: the source of a record that can be believed."""

    id = models.BigAutoField(primary_key=True)
    trade_id = models.IntegerField()
    pair = models.CharField(max_length=50)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField()
    stake_amount = Amount()
    open_rate = models.DecimalField(max_digits=30, decimal_places=12, null=True)
    close_rate = models.DecimalField(max_digits=30, decimal_places=12, null=True)
    profit = Amount()
    profit_ratio = models.FloatField(null=True)
    exit_reason = models.CharField(max_length=100, default="", db_default="", blank=True)
    # What was bought and sold in it, and what the exchange took of that; unknown of what was seen before these were.
    turnover = Amount()
    fees = Amount()
    seen_at = models.DateTimeField(db_default=CurrentTimestamp())

    objects = TenantManager["BotTrade"]()
    across_tenants: ClassVar[models.Manager["BotTrade"]] = models.Manager()

    class Meta:
        db_table = "bot_trades"
        constraints = [
            # A bot whose database was reset counts its trades from 1 again.
            models.UniqueConstraint(
                fields=["tenant_id", "bot", "trade_id", "opened_at"], name="bot_trades_seen_once"
            )
        ]
        indexes = [models.Index(fields=["tenant_id", "bot", "-closed_at"], name="bot_trades_latest")]


class BotMark(OfBot):
    """A reading that is more than the next point: the first, one after a gap, one with another capital. Kept for good.

    Without it a deposit would look like a profit, and a week in which nothing was seen like a quiet one.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=CurrentTimestamp())
    #: Nothing was read from then until `at`; NULL where nothing was missed.
    unseen_since = models.DateTimeField(null=True)
    #: The starting capital that the bot names, and how it differs from the one before; NULL at the first reading.
    capital = Amount()
    change = Amount()
    equity = Amount()

    objects = TenantManager["BotMark"]()
    across_tenants: ClassVar[models.Manager["BotMark"]] = models.Manager()

    class Meta:
        db_table = "bot_marks"
        indexes = [models.Index(fields=["tenant_id", "bot", "-at"], name="bot_marks_latest")]


class BotEvent(OfBot):
    """A turn in a bot's life: down, up, a command and how it ended. What it was and what it is."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=CurrentTimestamp())
    kind = models.CharField(max_length=20)
    status = models.CharField(max_length=50, default="", db_default="", blank=True)
    health = models.CharField(max_length=30, default="", db_default="", blank=True)
    sentence = models.TextField(default="", db_default="", blank=True)

    objects = TenantManager["BotEvent"]()
    across_tenants: ClassVar[models.Manager["BotEvent"]] = models.Manager()

    class Meta:
        db_table = "bot_events"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["connected", "health", "command", "changed"]),
                name="bot_events_kind_is_known",
            )
        ]
        indexes = [models.Index(fields=["tenant_id", "bot", "-at"], name="bot_events_latest")]


class BotOutage(TenantOwned):
    """A bot that is down, from when its trader could be told of it until it answers again: one at a time."""

    bot = models.OneToOneField(
        Bot, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="+"
    )
    since = models.DateTimeField(db_default=CurrentTimestamp())

    objects = TenantManager["BotOutage"]()
    across_tenants: ClassVar[models.Manager["BotOutage"]] = models.Manager()

    class Meta:
        db_table = "bot_outages"
