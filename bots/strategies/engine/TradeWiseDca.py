# ruff: noqa: N999 (the file is named like its class, as Freqtrade users expect)
"""Dollar-cost averaging in Freqtrade: one trade for each pair, begun whenever there is none."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from freqtrade.persistence import Trade
from pandas import DataFrame

from bots.strategies.dca import DcaConfiguration, next_amount
from bots.strategies.engine.base import TradeWiseStrategy, ratio, read
from bots.strategies.fields import exact


class TradeWiseDca(TradeWiseStrategy):
    """The base order by an entry signal, each safety order as an adjustment, and the exit by Freqtrade's own ROI.

    Everything is read from the orders of the trade, so a restart changes nothing.
    """

    position_adjustment_enable = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        configuration = read(config, DcaConfiguration)
        self.begin(configuration)
        self.parameters = configuration.parameters
        self.max_entry_position_adjustment = self.parameters.max_safety_orders
        self.minimal_roi = {"0": ratio(self.parameters.take_profit_pct)}
        if self.parameters.stop_loss_pct:
            # Freqtrade's stop only ever rises: it stays below the base order's price when the average falls.
            self.stoploss = -ratio(self.parameters.stop_loss_pct)

    def version(self) -> str:
        return "tradewise-dca-1"

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, str]) -> DataFrame:
        dataframe.loc[dataframe["volume"] > 0, ["enter_long", "enter_tag"]] = (1, "dca-base")
        return dataframe

    def adjust_trade_position(
        self,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        min_stake: float | None,
        max_stake: float,
        current_entry_rate: float,
        current_exit_rate: float,
        current_entry_profit: float,
        current_exit_profit: float,
        **kwargs: object,
    ) -> tuple[float, str] | None:
        """The next safety order where it is due. After a gap the due ones follow each other, each at its own look."""
        filled = trade.select_filled_orders(trade.entry_side)
        # An order that waits might be the very one that would be placed again.
        if trade.has_open_orders or not filled:
            return None
        # An order that was filled in part and given up counts: its rest was not to be had.
        bought = len(filled) - 1
        last = max(order.order_filled_utc or order.order_date_utc for order in filled)
        due = next_amount(
            self.parameters,
            bought=bought,
            base_price=exact(filled[0].safe_price),
            price=exact(current_entry_rate),
            idle_minutes=Decimal(int((current_time - last).total_seconds())) / 60,
        )
        stake = self.affordable(due, max_stake)
        return None if stake is None else (stake, f"dca-safety-{bought + 1}")
