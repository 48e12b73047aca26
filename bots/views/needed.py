"""What a bot needs, and how it is set up, in words."""

from typing import Final

from bots.enums import Mode
from bots.services.markets import Asked
from bots.services.running import Wanted
from bots.strategies import needs
from bots.strategies.fields import plain
from tradewise.web import formatting

Facts = tuple[tuple[str, str], ...]

MODES: Final = {
    Mode.DRY_RUN: "Dry run: real prices, and money that is only counted",
    Mode.SIMULATED: "Simulated: invented prices on an exchange inside TradeWise",
    Mode.LIVE: "Live: real money on the exchange",
}


def needed_facts(wanted: Wanted, asked: Asked) -> Facts:
    """What a check found: money, trades, orders, and the prices of now."""
    configuration, unit = wanted.configuration, wanted.configuration.stake_currency
    needed = needs.needed_allocation(configuration)
    orders = needs.orders(configuration)
    trades = needs.most_open_trades(configuration)
    facts = [
        ("Needed at the most", formatting.amount(needed, unit)),
        ("Allocation", f"{formatting.amount(wanted.allocation, unit)}{_rest(wanted, needed)}"),
        ("Open trades", f"at most {trades}"),
        ("Orders of a trade", f"at most {len(orders)}, the first of {formatting.amount(orders[0], unit)}"),
    ]
    if asked.smallest_order is not None:
        facts.append(("Smallest order of the exchange", f"{plain(asked.smallest_order)} {unit}"))
    facts += [(f"{pair} now", formatting.amount(price, unit)) for pair, price in asked.prices[:5]]
    return tuple(facts)


def _rest(wanted: Wanted, needed: object) -> str:
    return "" if wanted.allocation == needed else ", which is enough"
