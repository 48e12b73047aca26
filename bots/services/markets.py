"""Asking the exchange about a bot that is not saved yet: over the network, so outside every transaction."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from bots import exchanges
from bots.enums import Mode
from bots.exchanges import KeyPermissions, NoAnswer
from bots.strategies.common import Configuration

UNCHECKED: Final = "So the pairs were not checked; the engine checks them itself when it starts."


@dataclass(frozen=True, slots=True)
class Asked:
    """What the exchange said of the pairs. `problems` are as SetupRefused has them; `note` refuses nothing."""

    smallest_order: Decimal | None = None
    prices: tuple[tuple[str, Decimal], ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    note: str = ""


def ask_exchange(configuration: Configuration, mode: Mode) -> Asked:
    """What it lists of the configuration's pairs. An exchange that does not answer stands in nobody's way."""
    is_simulated = mode == Mode.SIMULATED
    try:
        found = exchanges.ask_markets(address(mode), configuration.pairs, simulated=is_simulated)
    except (NoAnswer, ValueError) as away:
        reason = away.sentence if isinstance(away, NoAnswer) else "The exchange has no address."
        return Asked(note=f"{reason} {UNCHECKED}")
    known = [market for market in found.by_pair.values() if market.known]
    smallest = [market.smallest_order for market in known if market.smallest_order is not None]
    problems = []
    if found.unknown:
        problems.append(
            ("pairs", f"The exchange does not have {_listed(found.unknown)}. Choose other pairs.")
        )
    note = ""
    if found.paused:
        note = f"The exchange takes no orders for {_listed(found.paused)} at the moment. The bot waits until it does."
    return Asked(
        smallest_order=max(smallest, default=None),
        prices=tuple((market.pair, market.price) for market in known if market.price is not None),
        problems=tuple(problems),
        note=note,
    )


@sensitive_variables()
def ask_keys(key: str, secret: str) -> KeyPermissions:
    """What the exchange says that the keys may do. Raises KeysRefused unless that is to read and to trade alone."""
    return exchanges.ask_permissions(address(Mode.LIVE), key, secret)


def address(mode: Mode) -> str:
    """Where the exchange is that a bot of this mode trades on."""
    return settings.BOT_SIMULATED_EXCHANGE if mode == Mode.SIMULATED else exchanges.BINANCE


def _listed(pairs: tuple[str, ...]) -> str:
    return pairs[0] if len(pairs) == 1 else f"{', '.join(pairs[:-1])} and {pairs[-1]}"
