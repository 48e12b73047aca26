"""What TradeWise learns from an exchange itself, whatever the exchange. Nothing here knows HTTP.

Every sentence is finished and may be shown to a trader; no text that an exchange sent is in it, and no key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


class NoAnswer(Exception):  # noqa: N818 - not an error of ours, with a finished sentence for the trader
    """The exchange did not say what it was asked, which says nothing about pairs or keys."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class KeysRefused(Exception):  # noqa: N818 - a refusal, with a finished sentence for the trader
    """These keys cannot be used, or not now. `is_certain` means that trying again would not help.

    Only what the exchange said about the key itself is certain; that nobody answered is not.
    """

    def __init__(self, sentence: str, *, is_certain: bool = True) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.is_certain = is_certain


@dataclass(frozen=True, slots=True)
class Market:
    """One pair, as the exchange lists it. All but `pair` is as if unknown where the exchange does not list it."""

    pair: str
    known: bool = False
    trading: bool = False
    """Whether orders are taken at this moment; a market may pause."""
    smallest_order: Decimal | None = None
    """The least value of an order, in the currency that the pair is quoted in."""
    price: Decimal | None = None
    """The last one, in the same currency. None also where the exchange did not say."""


@dataclass(frozen=True, slots=True)
class Markets:
    """The pairs that were asked for, in their order."""

    by_pair: Mapping[str, Market]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The pairs that the exchange does not have."""
        return tuple(market.pair for market in self.by_pair.values() if not market.known)

    @property
    def paused(self) -> tuple[str, ...]:
        """The pairs that it has and in which nobody can trade now."""
        return tuple(market.pair for market in self.by_pair.values() if market.known and not market.trading)


@dataclass(frozen=True, slots=True)
class KeyPermissions:
    """What a pair of keys may do, by the exchange's own word."""

    may_read: bool
    may_trade: bool
    may_withdraw: bool
    is_bound_to_addresses: bool | None
    """Whether the exchange takes it from some internet addresses only; None where it did not say."""
