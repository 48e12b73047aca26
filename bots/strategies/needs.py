"""What a configuration needs: money, slots, orders that the exchange takes, and distances that outlast the fees."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bots.strategies import dca
from bots.strategies.common import Configuration, Problem
from bots.strategies.dca import DcaConfiguration
from bots.strategies.fields import plain
from bots.strategies.grid import GridConfiguration, lines, step
from bots.strategies.momentum import MomentumConfiguration

#: What an order costs where nobody says otherwise: 0.1 %, as Binance takes it from a newcomer.
FEE: Final = Decimal("0.001")
#: What the gap between bid and ask takes from a round trip, as a fraction of the price.
SPREAD: Final = Decimal("0.0005")

_CENT: Final = Decimal("0.01")
#: Freqtrade demands more than the exchange does, so that an order can still be sold after a loss: 5 %, and what the
#: stop may take, but no more than half as much again.
_RESERVE: Final = Decimal("1.05")
_MOST_RESERVE: Final = Decimal("1.5")


def most_open_trades(configuration: Configuration) -> int:
    """How many trades may be open at once: Freqtrade's max_open_trades."""
    match configuration:
        case DcaConfiguration(pairs=pairs):
            return len(pairs)
        case MomentumConfiguration(pairs=pairs, parameters=parameters):
            return min(parameters.max_open_trades, len(pairs))
        case _:
            return 1


def stake_amount(configuration: Configuration) -> Decimal:
    """What the first order of a trade costs: Freqtrade's stake_amount."""
    return orders(configuration)[0]


def orders(configuration: Configuration) -> tuple[Decimal, ...]:
    """What each order of one trade costs when the worst comes, in the stake currency and without fees."""
    match configuration:
        case DcaConfiguration(parameters=parameters):
            return (parameters.base_order, *dca.amounts(parameters))
        case GridConfiguration(parameters=parameters):
            return (parameters.unit,) * (parameters.levels - 1)
        case MomentumConfiguration(parameters=parameters):
            return (parameters.stake,)
        case _:
            raise TypeError(type(configuration).__name__)


def needed_allocation(configuration: Configuration, *, fee: Decimal = FEE) -> Decimal:
    """What all orders cost when every trade is open and every order is filled, with fees; rounded up to the cent."""
    total = most_open_trades(configuration) * sum(orders(configuration), Decimal(0)) * (1 + fee)
    return total.quantize(_CENT, ROUND_CEILING)


def problems(
    configuration: Configuration,
    *,
    allocation: Decimal,
    fee: Decimal = FEE,
    smallest_order: Decimal | None = None,
) -> tuple[Problem, ...]:
    """Why a bot with this allocation would not do what it says; nothing where it would.

    `fee` is the fraction that the exchange takes from each order, `smallest_order` its minimum notional in the stake
    currency.
    """
    return (
        *_too_narrow(configuration, fee),
        *(_too_small(configuration, smallest_order) if smallest_order is not None else ()),
        *_too_little(configuration, allocation, fee),
    )


def _too_narrow(configuration: Configuration, fee: Decimal) -> Iterator[Problem]:
    """What a round trip costs, in percent, must be earned by it."""
    costs = 100 * (2 * fee + SPREAD)
    why = f"{plain(costs)} % go to the fees and the spread of buying and selling"
    match configuration:
        case GridConfiguration(parameters=parameters):
            # The lines lie at equal distances, so the highest step is the smallest one in percent.
            highest = lines(parameters)[-2]
            narrowest = 100 * step(parameters) / highest
            if narrowest <= costs:
                yield Problem("parameters.levels", f"{_fewer_levels(configuration, costs)} {why}.")
        case DcaConfiguration(parameters=parameters):
            if parameters.take_profit_pct <= costs:
                yield Problem("parameters.take_profit_pct", f"Must be more than {plain(costs)} %: {why}.")
        case MomentumConfiguration(parameters=parameters):
            if 0 < parameters.take_profit_pct <= costs:
                yield Problem(
                    "parameters.take_profit_pct", f"Must be more than {plain(costs)} %, or 0 for none: {why}."
                )


def _fewer_levels(configuration: GridConfiguration, costs: Decimal) -> str:
    """The most levels that leave a step above the costs, in words."""
    parameters = configuration.parameters
    for levels in range(parameters.levels - 1, 1, -1):
        fewer = parameters.model_copy(update={"levels": levels})
        if 100 * step(fewer) / lines(fewer)[-2] > costs:
            return f"The lines lie too close together: at most {levels} levels, because"
    return "The highest line is too close to the lowest for any grid, because"


def _too_small(configuration: Configuration, smallest: Decimal) -> Iterator[Problem]:
    """Orders that the exchange, or Freqtrade on its behalf, would not take."""
    first = (smallest * _reserve(configuration)).quantize(_CENT, ROUND_CEILING)
    later = (smallest * _RESERVE).quantize(_CENT, ROUND_CEILING)
    unit = configuration.stake_currency
    sentence = "At least {} {}: the exchange takes no order below {} {}, and the engine keeps a reserve."
    match configuration:
        case DcaConfiguration(parameters=parameters):
            checked = {"base_order": (parameters.base_order, first)}
            if parameters.max_safety_orders:
                checked["safety_order"] = (parameters.safety_order, later)
        case GridConfiguration(parameters=parameters):
            # A unit of a high line must still be worth enough to be left alone when one of a low line is sold.
            found = lines(parameters)
            kept = max(Decimal(1), found[-2] / found[1])
            checked = {"unit": (parameters.unit, (first * kept).quantize(_CENT, ROUND_CEILING))}
        case MomentumConfiguration(parameters=parameters):
            checked = {"stake": (parameters.stake, first)}
        case _:
            checked = {}
    for name, (amount, least) in checked.items():
        if amount < least:
            yield Problem(f"parameters.{name}", sentence.format(plain(least), unit, plain(smallest), unit))


def _reserve(configuration: Configuration) -> Decimal:
    """How many times the exchange's smallest order Freqtrade demands of the first one."""
    match configuration:
        case MomentumConfiguration(parameters=parameters):
            stop = parameters.stop_loss_pct
        case DcaConfiguration(parameters=parameters) if parameters.stop_loss_pct:
            stop = parameters.stop_loss_pct
        case _:
            return _MOST_RESERVE
    return min(_RESERVE / (1 - stop / 100), _MOST_RESERVE)


def _too_little(configuration: Configuration, allocation: Decimal, fee: Decimal) -> Iterator[Problem]:
    needed = needed_allocation(configuration, fee=fee)
    if allocation < needed:
        each = sum(orders(configuration), Decimal(0)).quantize(_CENT)
        unit = configuration.stake_currency
        trades = most_open_trades(configuration)
        times = f"{trades} trades of {each} {unit}" if trades > 1 else f"{each} {unit} in all orders"
        yield Problem("allocation", f"These parameters need {needed} {unit}: {times}, and the fees.")
