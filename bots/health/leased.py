"""A bot for as long as one sweep has it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Leased:
    """What the sweep knows of a bot when it takes it. Ages are in seconds by the database's clock."""

    id: int
    tenant_id: uuid.UUID
    bot_id: str
    api_url: str
    api_token: str
    status: str
    health: str
    failures: int
    connection_error: str | None
    desired_state: str | None
    command: str
    command_asked_at: datetime | None
    command_age: float
    sent_age: float | None
    next_check_at: datetime
    figures_due: bool
    starting_capital: Decimal | None
    closed_trades: int | None
    last_trade_id: int
    lease_token: uuid.UUID
