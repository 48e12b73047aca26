"""What every configuration has, whatever its kind, and how one is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bots.strategies.fields import REFUSED, Currency, Number, Pairs, refusal

Timeframe = Literal["1m", "3m", "5m", "15m", "30m", "1h", "4h", "1d"]

#: An amount of the stake currency for one order.
Money = Annotated[Decimal, Number(Decimal("0.01"), Decimal(1_000_000), 2)]
#: A price. Some coins cost a millionth of a dollar.
Price = Annotated[Decimal, Number(Decimal("0.00000001"), Decimal(100_000_000), 8)]

MOST_PAIRS: Final = 20

#: Enough to mend a form; a hostile document has no say in how much we answer.
_MOST_PROBLEMS: Final = 30
_LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field, in a finished sentence. `field` is a path: "parameters.lower", "" for the whole."""

    field: str
    sentence: str


class ConfigurationRefused(Exception):  # noqa: N818 - a refusal, with finished sentences
    """A configuration that cannot be used. `problems` says what to change, and is never empty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("; ".join(f"{problem.field}: {problem.sentence}" for problem in self.problems))


class Strict(BaseModel):
    """Nothing unknown, and nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Configuration(Strict):
    """What a template or a bot of any kind says: what to trade, where, and how."""

    strategy: str
    exchange: Literal["binance"] = Field(
        title="Exchange", description="Where the bot trades. Binance, spot only.", examples=["binance"]
    )
    stake_currency: Annotated[str, Currency()] = Field(
        title="Stake currency",
        description="The currency that the bot pays with and counts its profit in.",
        examples=["USDT"],
    )
    pairs: Annotated[tuple[str, ...], Pairs(MOST_PAIRS)] = Field(
        title="Pairs",
        description="What the bot trades, each written BASE/QUOTE; the quote is the stake currency.",
        examples=[["BTC/USDT"]],
    )
    timeframe: Timeframe = Field(
        title="Timeframe",
        description="How long a candle is. A new trade begins only when a candle has closed.",
        examples=["5m"],
    )
    parameters: Strict

    @model_validator(mode="after")
    def _pairs_are_paid_in_the_stake_currency(self) -> Configuration:
        for pair in self.pairs:
            if pair.partition("/")[2] != self.stake_currency:
                raise refusal(f"Every pair must end in /{self.stake_currency}.", field="pairs")
            if pair.partition("/")[0] == self.stake_currency:
                raise refusal(f"{pair} has the same currency on both sides.", field="pairs")
        return self


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """What pydantic found, in our words and in order."""
    found = error.errors(include_url=False, include_input=False)
    return tuple(dict.fromkeys(_problem(details) for details in found[:_MOST_PROBLEMS]))


def _problem(details: Any) -> Problem:
    context = details.get("ctx", {})
    path = [str(part)[:_LONGEST_NAME] for part in details["loc"]]
    match details["type"]:
        case kind if kind == REFUSED:
            path += [context["field"]] if context["field"] else []
            sentence = context["sentence"]
        case "missing":
            sentence = "This is needed."
        case "extra_forbidden" | "invalid_key":
            sentence = "There is no such setting."
        case "literal_error":
            sentence = f"Choose one of: {context['expected'].replace(chr(39), '').replace(' or ', ', ')}."
        case "model_type" | "model_attributes_type" | "dict_type":
            sentence = "Enter a group of settings."
        case _:
            sentence = "This value cannot be used."
    return Problem(".".join(path), sentence)
