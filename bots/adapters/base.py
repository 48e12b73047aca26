"""What every engine's adapter says, whatever the engine. Nothing here knows Django's ORM or HTTP.

Every number is `Decimal | None`, in the bot's stake currency where it is money, and None where the bot did
not say: unknown is never 0. Every moment is aware, in UTC. Every sentence is finished and may be shown to
a trader; no text that a bot sent is in it.
"""

import base64
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NoReturn, Protocol, Self

from bots.enums import Command, EngineState, HealthReason

LONGEST_CREDENTIALS = 200


class AdapterError(Exception):
    """A question or command without a usable answer; `str()` is the sentence."""

    def __init__(self, reason: HealthReason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


class CredentialsError(ValueError):
    """A user name and password that no bot could be asked with; `str()` is the sentence."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user name and password of a bot's API. Prints neither."""

    username: str = field(repr=False)
    password: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `username:password`, split at the first colon. Raises CredentialsError."""
        username, colon, password = text.partition(":")
        if not colon:
            raise CredentialsError(
                "Write the user name and the password as username:password, as they are in the bot's "
                "configuration (api_server.username and api_server.password). A token would stop working "
                "after 15 minutes."
            )
        if not username or not password:
            raise CredentialsError("Both the user name and the password are needed.")
        if not text.isascii() or not text.isprintable():
            raise CredentialsError(
                "The user name and the password may hold only plain ASCII letters, digits and signs: "
                "Freqtrade refuses all others. Change them in the bot's configuration."
            )
        if len(text) > LONGEST_CREDENTIALS:
            raise CredentialsError(
                f"The user name and the password are longer than {LONGEST_CREDENTIALS} characters together."
            )
        return cls(username, password)

    @property
    def authorization(self) -> str:
        """The value of the Authorization header. A secret: as good as the password."""
        pair = f"{self.username}:{self.password}".encode("ascii")
        return "Basic " + base64.b64encode(pair).decode("ascii")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("Credentials are not pickled.")


class Rejection(StrEnum):
    """Why a sample must not be stored as equity: it would show a loss that is none."""

    PRICES_MISSING = "prices missing"
    ZERO_VALUED = "positions valued at 0"
    PROFIT_UNKNOWN = "profit unknown"
    CAPITAL_UNKNOWN = "starting capital unknown"


@dataclass(frozen=True, slots=True)
class LoopSample:
    """When a bot's loop had last run, by the bot's clock, and when we saw that, by ours."""

    last_process_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Probe:
    """One look at a bot. `state` and what follows are None unless the bot told."""

    reason: HealthReason
    sentence: str
    latency_ms: int
    """From the dial to the last byte; 0 when nothing answered."""
    state: EngineState | None = None
    version: str | None = None
    strategy: str | None = None
    exchange: str | None = None
    stake_currency: str | None = None
    bot_name: str | None = None
    dry_run: bool | None = None
    timeframe: str | None = None
    last_process_at: datetime | None = None
    """By the bot's clock; only a thorough probe asks."""


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """A position that is held. What depends on a price is None when the bot has no price."""

    trade_id: int
    pair: str
    opened_at: datetime | None
    stake_amount: Decimal | None
    open_rate: Decimal | None
    current_rate: Decimal | None
    profit_abs: Decimal | None
    profit_ratio: Decimal | None
    """0.01 is one percent."""
    is_short: bool


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A finished trade. `profit_ratio` 0.01 is one percent.

    `turnover` is what was bought and what was sold in it, both together; `fees` is what the exchange took of that,
    which is taken off `profit_abs` already.
    """

    trade_id: int
    pair: str
    opened_at: datetime | None
    closed_at: datetime | None
    stake_amount: Decimal | None
    open_rate: Decimal | None
    close_rate: Decimal | None
    profit_abs: Decimal | None
    profit_ratio: Decimal | None
    exit_reason: str
    turnover: Decimal | None = None
    fees: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DayResult:
    """What was closed on one day, in UTC. Days may be missing between two results."""

    day: date
    profit_abs: Decimal | None
    trade_count: int | None
    starting_balance: Decimal | None


@dataclass(frozen=True, slots=True)
class Figures:
    """How a bot stands. Where `rejected` says why, `equity` is None and no point of a curve."""

    profit_all: Decimal | None
    profit_closed: Decimal | None
    closed_trades: int
    winning: int | None
    losing: int | None
    starting_capital: Decimal | None
    equity: Decimal | None
    """Starting capital and all profit, of open trades too."""
    open_trades: tuple[OpenTrade, ...]
    max_open_trades: int | None
    """None when unknown or without a limit."""
    days: tuple[DayResult, ...]
    """Oldest first."""
    stake_currency: str | None
    rejected: Rejection | None


class Adapter(Protocol):
    """Talks to one bot. Holds no connection; cheap to make, one for each bot and batch."""

    capabilities: frozenset[Command]

    async def probe(self, *, thorough: bool = False, last: LoopSample | None = None) -> Probe:
        """Never raises for what a bot or network does. See each adapter for what thorough adds."""
        ...

    async def figures(self, *, known_capital: Decimal | None = None) -> Figures:
        """Raises AdapterError. `known_capital`, a starting capital seen before, saves a slow question."""
        ...

    async def trades(self, after_trade_id: int) -> tuple[ClosedTrade, ...]:
        """Closed trades with a higher id, in order of id; a bounded number. Raises AdapterError."""
        ...

    async def command(self, command: Command) -> None:
        """Asks; the bot acts at its next turn, so look afterwards. Raises AdapterError."""
        ...
