"""A bot as it was when this sweep leased it."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from bots.enums import BotType


class Leased(NamedTuple):
    """The columns that a check needs, in the order in which `queue.CLAIM` returns them."""

    id: int
    tenant_id: uuid.UUID
    bot_id: str
    leased_at: datetime
    """By the database's clock, the only one that decides here."""
    api_url: str
    api_token: str
    token_set_at: datetime | None
    status: str
    desired_state: str | None
    command: str
    command_asked_at: datetime | None
    command_sent_at: datetime | None
    health: str
    failures: int
    connection_error: str | None
    engine_state: str
    engine_version: str
    strategy: str
    exchange: str
    timeframe: str
    stake_currency: str
    dry_run: bool | None
    figures_due: bool
    # What is known of its figures; None where none were read yet.
    taken_at: datetime | None
    starting_capital: Decimal | None
    closed_trades: int | None
    last_trade_id: int | None
    record_since: datetime | None = None
    bot_type: str = BotType.EXTERNAL
    lease_token: uuid.UUID | None = None
    """Of this claim: a bot that a service gave free meanwhile may be claimed again by the same sweep."""

    @property
    def seconds_since_asked(self) -> float:
        """The age of the command, 0 without one."""
        if self.command_asked_at is None:
            return 0.0
        return (self.leased_at - self.command_asked_at).total_seconds()

    @property
    def seconds_since_sent(self) -> float:
        """How long the bot has had it, 0 for one that is only being sent now."""
        if self.command_sent_at is None:
            return 0.0
        return (self.leased_at - self.command_sent_at).total_seconds()
