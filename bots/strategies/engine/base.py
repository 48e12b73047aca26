"""What the three strategies share: where the configuration is, and that no order is ever made smaller than it says.

Freqtrade takes what its configuration file says over what a class says. So that the parameters decide, the file must
not name what is set here and in the classes: minimal_roi, stoploss, the trailing stop, the timeframe,
position_adjustment_enable and so on.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from freqtrade.strategy import IStrategy
from pandas import DataFrame

from bots.strategies.common import Configuration, ConfigurationRefused, Problem
from bots.strategies.fields import exact, number
from bots.strategies.kinds import parse
from bots.strategies.needs import stake_amount

Kind = TypeVar("Kind", bound=Configuration)

#: Freqtrade wants a stop loss; nothing falls that far, and what has been bought is then kept.
NO_STOP: Final = -0.99


def read(config: dict[str, Any], kind: type[Kind]) -> Kind:
    """The configuration in Freqtrade's own. Raises ConfigurationRefused where it is not of this kind."""
    configuration = parse(config.get("tradewise"))
    if not isinstance(configuration, kind):
        raise ConfigurationRefused([Problem("strategy", "This engine runs another strategy.")])
    return configuration


def ratio(percent: Decimal) -> float:
    """Percent as Freqtrade has them: 1.5 % is 0.015."""
    return number(percent / 100)


class TradeWiseStrategy(IStrategy):  # type: ignore[misc]  # Freqtrade lives in a virtual environment of its own
    """Spot, one trade for each pair, and nothing but what the configuration says."""

    INTERFACE_VERSION = 3
    can_short = False
    process_only_new_candles = True
    use_exit_signal = True
    startup_candle_count = 1
    minimal_roi: dict[str, float] = {}
    stoploss = NO_STOP
    configuration: Configuration

    def begin(self, configuration: Configuration) -> None:
        """Take what every kind has; called by the classes once they have read theirs."""
        self.configuration = configuration
        self.timeframe = configuration.timeframe
        self.first_order = number(stake_amount(configuration))

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, str]) -> DataFrame:
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, str]) -> DataFrame:
        return dataframe

    def custom_stake_amount(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_stake: float,
        min_stake: float | None,
        max_stake: float,
        leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: object,
    ) -> float:
        """The first order in full, or none: a smaller one would put everything that follows out of proportion."""
        return self.first_order if self.first_order <= max_stake else 0

    def affordable(self, amount: Decimal | None, max_stake: float) -> float | None:
        """A further order in full, or none."""
        return number(amount) if amount is not None and amount <= exact(max_stake) else None
