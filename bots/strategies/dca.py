"""Dollar-cost averaging: a base order, further orders that lower the average price, and one exit for all of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bots.strategies.common import Configuration, Money, Strict
from bots.strategies.fields import Number, Whole, plain, refusal

#: Below this nobody waits for a price: more than that it can hardly fall.
DEEPEST_PCT = Decimal(90)


class DcaParameters(Strict):
    """When to buy again, how much, and when to leave. Money is in the stake currency."""

    mode: Literal["dip", "interval"] = Field(
        default="dip",
        title="Buy again",
        description="dip: when the price has fallen by the deviation; interval: whenever the interval has passed.",
    )
    base_order: Money = Field(
        default=Decimal(50),
        title="Base order",
        description="What the first order of a trade costs.",
        json_schema_extra={"unit": "stake currency"},
    )
    safety_order: Money = Field(
        default=Decimal(50),
        title="Safety order",
        description="What the first order after that costs.",
        json_schema_extra={"unit": "stake currency"},
    )
    max_safety_orders: Annotated[int, Whole(0, 10)] = Field(
        default=3,
        title="Safety orders",
        description="How many orders may follow the base order. With 0 the bot buys once.",
        json_schema_extra={"unit": "orders"},
    )
    price_deviation_pct: Annotated[Decimal, Number(Decimal("0.1"), Decimal(50), 2)] = Field(
        default=Decimal("1.5"),
        title="Price deviation",
        description="How far below the base order's price the first safety order lies. Dip only.",
        json_schema_extra={"unit": "%"},
    )
    step_scale: Annotated[Decimal, Number(Decimal(1), Decimal(3), 2)] = Field(
        default=Decimal("1.2"),
        title="Step scale",
        description="Each further step down is so many times as long as the one before. Dip only.",
        json_schema_extra={"unit": "times"},
    )
    volume_scale: Annotated[Decimal, Number(Decimal(1), Decimal(3), 2)] = Field(
        default=Decimal("1.3"),
        title="Volume scale",
        description="Each further safety order costs so many times as much as the one before. Dip only.",
        json_schema_extra={"unit": "times"},
    )
    interval_minutes: Annotated[int, Whole(1, 43_200)] = Field(
        default=1_440,
        title="Interval",
        description="How long after the last order the next one follows. Interval only.",
        json_schema_extra={"unit": "minutes"},
    )
    take_profit_pct: Annotated[Decimal, Number(Decimal("0.1"), Decimal(100), 2)] = Field(
        default=Decimal("1.5"),
        title="Take profit",
        description="The profit on everything bought, after fees, at which all of it is sold.",
        json_schema_extra={"unit": "%"},
    )
    stop_loss_pct: Annotated[Decimal, Number(Decimal(0), Decimal(95), 2)] = Field(
        default=Decimal(0),
        title="Stop loss",
        description="How far below the base order's price everything is sold. 0 for never.",
        json_schema_extra={"unit": "%"},
    )

    @model_validator(mode="after")
    def _every_safety_order_can_be_reached(self) -> DcaParameters:
        if self.mode == "interval" or not self.max_safety_orders:
            return self
        deepest = distances_pct(self)[-1]
        if deepest > DEEPEST_PCT:
            raise refusal(
                f"The last safety order would lie {plain(deepest)} % below the base order; at most {DEEPEST_PCT} %.",
                field="price_deviation_pct",
            )
        if self.stop_loss_pct and self.stop_loss_pct <= deepest:
            raise refusal(
                f"Must be more than {plain(deepest)} %, where the last safety order lies, or 0 for none.",
                field="stop_loss_pct",
            )
        return self


class DcaConfiguration(Configuration):
    """Dollar-cost averaging on up to twenty pairs at once."""

    strategy: Literal["dca"] = Field(title="Strategy", description="Dollar-cost averaging.")
    parameters: DcaParameters = Field(
        title="Parameters", description="When to buy, how much, and when to leave."
    )


def amounts(parameters: DcaParameters) -> tuple[Decimal, ...]:
    """What each safety order costs, first to last, to the cent. With an interval all cost the same."""
    scale = parameters.volume_scale if parameters.mode == "dip" else Decimal(1)
    return tuple(
        round(parameters.safety_order * scale**step, 2) for step in range(parameters.max_safety_orders)
    )


def distances_pct(parameters: DcaParameters) -> tuple[Decimal, ...]:
    """How far below the base order's price each safety order lies, in percent to four places."""
    total = Decimal(0)
    found = []
    for step in range(parameters.max_safety_orders):
        total += parameters.price_deviation_pct * parameters.step_scale**step
        found.append(round(total, 4))
    return tuple(found)


def next_amount(
    parameters: DcaParameters, *, bought: int, base_price: Decimal, price: Decimal, idle_minutes: Decimal
) -> Decimal | None:
    """What the next safety order costs where it is due at this price, otherwise None.

    `bought` counts the safety orders so far, `idle_minutes` the time since the last order was filled.
    """
    if bought >= parameters.max_safety_orders:
        return None
    if parameters.mode == "interval":
        due = idle_minutes >= parameters.interval_minutes
    else:
        due = price <= base_price * (1 - distances_pct(parameters)[bought] / 100)
    return amounts(parameters)[bought] if due else None
