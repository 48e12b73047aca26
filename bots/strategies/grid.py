"""A grid on one pair: buy one unit at each line that the price falls to, sell it one line higher.

An exchange rests an order at each line. Here the price is looked at every few seconds instead, one order at a time,
and what is held at which line is read from the orders that were filled: nothing else has to be remembered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from bots.strategies.common import Configuration, Money, Price, Strict
from bots.strategies.fields import Number, Pairs, Whole, plain, refusal


class GridParameters(Strict):
    """Where the lines lie and what each buys. Prices and money are in the stake currency."""

    lower: Price = Field(
        title="Lowest line",
        description="The lowest price at which a unit is bought.",
        json_schema_extra={"unit": "stake currency"},
    )
    upper: Price = Field(
        title="Highest line",
        description="The highest price at which a unit is sold. More than the lowest line.",
        json_schema_extra={"unit": "stake currency"},
    )
    levels: Annotated[int, Whole(2, 50)] = Field(
        default=10,
        title="Levels",
        description="How many lines there are, the lowest and the highest among them, at equal distances.",
        json_schema_extra={"unit": "lines"},
    )
    unit: Money = Field(
        default=Decimal(50),
        title="Unit",
        description="What is bought at each line but the highest, where nothing is bought.",
        json_schema_extra={"unit": "stake currency"},
    )
    stop_loss_pct: Annotated[Decimal, Number(Decimal(0), Decimal(95), 2)] = Field(
        default=Decimal(0),
        title="Stop loss",
        description="How far below the lowest line everything is sold. 0 for never.",
        json_schema_extra={"unit": "%"},
    )

    @model_validator(mode="after")
    def _the_highest_line_is_above_the_lowest(self) -> GridParameters:
        if self.upper <= self.lower:
            raise refusal(f"Must be more than the lowest line, {plain(self.lower)}.", field="upper")
        if self.upper > 100 * self.lower:
            raise refusal(
                f"At most {plain(100 * self.lower)}, a hundred times the lowest line.", field="upper"
            )
        return self


class GridConfiguration(Configuration):
    """A grid on exactly one pair."""

    strategy: Literal["grid"] = Field(title="Strategy", description="A grid.")
    pairs: Annotated[tuple[str, ...], Pairs(1)] = Field(
        title="Pair",
        description="What the bot trades, written BASE/QUOTE; the quote is the stake currency.",
        examples=[["BTC/USDT"]],
    )
    parameters: GridParameters = Field(
        title="Parameters", description="Where the lines lie and what each buys."
    )


@dataclass(frozen=True, slots=True)
class Fill:
    """What an order of the grid has bought or sold so far. `tag` is how the engine named the order."""

    is_buy: bool
    tag: str
    price: Decimal
    amount: Decimal


def step(parameters: GridParameters) -> Decimal:
    """The distance between two lines."""
    return (parameters.upper - parameters.lower) / (parameters.levels - 1)


def lines(parameters: GridParameters) -> tuple[Decimal, ...]:
    """The lines from the lowest to the highest, to twelve places."""
    between = step(parameters)
    inner = [round(parameters.lower + between * place, 12) for place in range(parameters.levels - 1)]
    return (*inner, parameters.upper)


def stop_price(parameters: GridParameters) -> Decimal:
    """At and below this price everything is sold; 0 where there is no stop."""
    if not parameters.stop_loss_pct:
        return Decimal(0)
    return parameters.lower * (1 - parameters.stop_loss_pct / 100)


def line_to_buy(parameters: GridParameters, price: Decimal) -> int | None:
    """The line that the price has fallen to: the nearest one that is not below it. None outside of the grid.

    The lowest line is still bought one step below it, though never at the stop, and the highest one never is. A unit
    is thus bought at its line or cheaper, and what it earns is at least the distance to the next line.
    """
    if price <= max(parameters.lower - step(parameters), stop_price(parameters)):
        return None
    above = [place for place, line in enumerate(lines(parameters)) if line >= price]
    return above[0] if above and above[0] < parameters.levels - 1 else None


def lines_to_sell(parameters: GridParameters, price: Decimal, held: Mapping[int, Decimal]) -> tuple[int, ...]:
    """The held lines whose next line the price has reached, lowest first; all of them at the stop."""
    if price <= stop_price(parameters):
        return tuple(sorted(held))
    found = lines(parameters)
    return tuple(place for place in sorted(held) if price >= found[place + 1])


def is_free(parameters: GridParameters, line: int, held: Mapping[int, Decimal]) -> bool:
    """Whether a unit may be bought at this line. Less than half a unit is the remnant of an order given up."""
    return held.get(line, Decimal(0)) * lines(parameters)[line] < parameters.unit / 2


_SOLD: Final = re.compile(r"grid-(?:sell|stop)-(\d{1,2})-(\d{1,2})")
_BOUGHT: Final = re.compile(r"grid-buy-(\d{1,2})")


def buy_tag(line: int) -> str:
    """How the engine names an order that buys at a line."""
    return f"grid-buy-{line}"


def sell_tag(parameters: GridParameters, price: Decimal, sold: tuple[int, ...]) -> str:
    """How it names one that sells what is held at these lines, in one order."""
    word = "stop" if price <= stop_price(parameters) else "sell"
    return f"grid-{word}-{sold[0]}-{sold[-1]}"


def holdings(parameters: GridParameters, fills: Iterable[Fill]) -> dict[int, Decimal]:
    """What is held at each line, from the filled parts of all orders of the open trade, oldest first.

    The first order of a trade bears no line in its name: it is the one that its price belongs to. An order by hand
    is counted likewise. What was sold is taken from the lines of its name, lowest first, and then from any other.
    """
    held: dict[int, Decimal] = {}
    for fill in fills:
        if fill.is_buy:
            line = _line_bought(parameters, fill)
            held[line] = held.get(line, Decimal(0)) + fill.amount
        else:
            _take(held, fill)
    return held


def _line_bought(parameters: GridParameters, fill: Fill) -> int:
    highest = parameters.levels - 2
    if named := _BOUGHT.fullmatch(fill.tag):
        return min(int(named[1]), highest)
    found = line_to_buy(parameters, fill.price)
    if found is not None:
        return found
    return 0 if fill.price < parameters.lower else highest


def _take(held: dict[int, Decimal], fill: Fill) -> None:
    named = _SOLD.fullmatch(fill.tag)
    first, last = (int(named[1]), int(named[2])) if named else (0, max(held, default=0))
    left = fill.amount
    for line in sorted(held, key=lambda line: (not first <= line <= last, line)):
        taken = min(left, held[line])
        left -= taken
        held[line] -= taken
        if not held[line]:
            del held[line]
