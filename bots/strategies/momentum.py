"""Momentum: buy when a fast average crosses above a slow one, and leave when it is below again."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bots.strategies.common import Configuration, Money, Strict
from bots.strategies.fields import Number, Whole, plain, refusal

#: Trailing begins at so many times the distance at which it follows: the profit it then keeps is that distance.
TRAILING_STARTS_AT = 2


class MomentumParameters(Strict):
    """When to enter, how much, and when to leave. Money is in the stake currency."""

    fast: Annotated[int, Whole(2, 100)] = Field(
        default=9,
        title="Fast average",
        description="Over how many candles the fast exponential average of the close runs.",
        json_schema_extra={"unit": "candles"},
    )
    slow: Annotated[int, Whole(3, 200)] = Field(
        default=21,
        title="Slow average",
        description="Over how many candles the slow one runs. More than the fast one.",
        json_schema_extra={"unit": "candles"},
    )
    rsi_period: Annotated[int, Whole(2, 100)] = Field(
        default=14,
        title="RSI period",
        description="Over how many candles the relative strength index (RSI) runs.",
        json_schema_extra={"unit": "candles"},
    )
    rsi_max: Annotated[Decimal, Number(Decimal(1), Decimal(100), 1)] = Field(
        default=Decimal(70),
        title="Highest RSI",
        description="No trade begins above this RSI, when the price has risen too fast already. 100 for always.",
    )
    stake: Money = Field(
        default=Decimal(50),
        title="Stake",
        description="What each trade costs.",
        json_schema_extra={"unit": "stake currency"},
    )
    max_open_trades: Annotated[int, Whole(1, 20)] = Field(
        default=3,
        title="Open trades",
        description="How many trades may be open at once; each pair has one at most.",
        json_schema_extra={"unit": "trades"},
    )
    take_profit_pct: Annotated[Decimal, Number(Decimal(0), Decimal(100), 2)] = Field(
        default=Decimal(3),
        title="Take profit",
        description="The profit, after fees, at which a trade is left. 0 for none.",
        json_schema_extra={"unit": "%"},
    )
    stop_loss_pct: Annotated[Decimal, Number(Decimal("0.1"), Decimal(95), 2)] = Field(
        default=Decimal(3),
        title="Stop loss",
        description="How far below its own price a trade is given up.",
        json_schema_extra={"unit": "%"},
    )
    trailing_pct: Annotated[Decimal, Number(Decimal(0), Decimal(45), 2)] = Field(
        default=Decimal(0),
        title="Trailing stop",
        description="Once the profit is twice this, the stop follows the highest price at this distance. 0 for none.",
        json_schema_extra={"unit": "%"},
    )

    @model_validator(mode="after")
    def _the_numbers_fit_together(self) -> MomentumParameters:
        if self.slow <= self.fast:
            raise refusal(f"Must be more than the fast average: at least {self.fast + 1}.", field="slow")
        if self.trailing_pct and self.take_profit_pct and self.trailing_starts_at_pct >= self.take_profit_pct:
            limit = plain(self.take_profit_pct / TRAILING_STARTS_AT)
            raise refusal(
                f"Must be less than half of the take profit, {limit} %, or 0 for none.", field="trailing_pct"
            )
        return self

    @property
    def trailing_starts_at_pct(self) -> Decimal:
        """The profit from which on the stop follows the price."""
        return self.trailing_pct * TRAILING_STARTS_AT

    @property
    def warm_up(self) -> int:
        """How many candles an exponential average needs until its start no longer matters."""
        return 3 * max(self.slow, self.rsi_period) + 1


class MomentumConfiguration(Configuration):
    """Momentum on up to twenty pairs."""

    strategy: Literal["momentum"] = Field(title="Strategy", description="Momentum.")
    parameters: MomentumParameters = Field(
        title="Parameters", description="When to enter, how much, and when to leave."
    )
