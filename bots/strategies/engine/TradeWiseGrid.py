# ruff: noqa: N999 (the file is named like its class, as Freqtrade users expect)
"""The grid in Freqtrade: one trade holds what has been bought at all lines."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from freqtrade.persistence import Trade
from pandas import DataFrame

from bots.strategies import grid
from bots.strategies.engine.base import TradeWiseStrategy, read
from bots.strategies.fields import exact, number

#: Far less than the smallest amount that an exchange knows, and far more than what binary numbers are off by.
NOT_CUT_OFF: Final = 1 + Decimal("1e-10")


class TradeWiseGrid(TradeWiseStrategy):
    """The first unit by an entry signal, further ones and sales of some lines as adjustments, the rest as an exit.

    What is held at which line is never stored: it follows from the filled orders, whose names say the line. So a
    restart, a part of an order that was filled, and an order that was given up all come out right.
    """

    position_adjustment_enable = True
    max_entry_position_adjustment = -1

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        configuration = read(config, grid.GridConfiguration)
        self.begin(configuration)
        self.parameters = configuration.parameters

    def version(self) -> str:
        return "tradewise-grid-1"

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, str]) -> DataFrame:
        found = grid.lines(self.parameters)
        # Freqtrade asks again every few seconds while a signal stands: outside of the grid there is none.
        inside = dataframe["close"].between(number(2 * found[0] - found[1]), number(found[-2]))
        dataframe.loc[inside & (dataframe["volume"] > 0), ["enter_long", "enter_tag"]] = (1, "grid-first")
        return dataframe

    def confirm_trade_entry(
        self,
        pair: str,
        order_type: str,
        amount: float,
        rate: float,
        time_in_force: str,
        current_time: datetime,
        entry_tag: str | None,
        side: str,
        **kwargs: object,
    ) -> bool:
        """Whether the price is still one to buy at: it has moved since the candle closed."""
        return grid.line_to_buy(self.parameters, exact(rate)) is not None

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
        """Sell the lines that are due, or else buy at the line that the price has fallen to."""
        if trade.has_open_orders or not trade.amount:
            return None
        held = self.held(trade)
        price = exact(current_exit_rate)
        sold = grid.lines_to_sell(self.parameters, price, held)
        if sold and not self.leaves_nothing(held, sold, price):
            amount = sum((held[line] for line in sold), Decimal(0))
            # Freqtrade wants the cost of what is to be sold, computes the amount from it in binary, and cuts it off.
            cost = amount * exact(trade.stake_amount) / exact(trade.amount) * NOT_CUT_OFF
            return -number(cost), grid.sell_tag(self.parameters, price, sold)
        line = grid.line_to_buy(self.parameters, exact(current_entry_rate))
        if sold or line is None or not grid.is_free(self.parameters, line, held):
            return None
        stake = self.affordable(self.parameters.unit, max_stake)
        return None if stake is None else (stake, grid.buy_tag(line))

    def custom_exit(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        **kwargs: object,
    ) -> str | None:
        """Sell everything where everything is due. An adjustment could leave a crumb that nobody takes."""
        if trade.has_open_orders:
            return None
        held = self.held(trade)
        price = exact(current_rate)
        sold = grid.lines_to_sell(self.parameters, price, held)
        if sold and self.leaves_nothing(held, sold, price):
            return grid.sell_tag(self.parameters, price, sold)
        return None

    def held(self, trade: Trade) -> dict[int, Decimal]:
        """What the trade holds at each line."""
        return grid.holdings(
            self.parameters,
            (
                grid.Fill(
                    order.ft_order_side == trade.entry_side,
                    order.ft_order_tag or "",
                    # What was asked for decides the line: a better price may lie below the next one.
                    exact(order.ft_price),
                    exact(order.safe_amount_after_fee),
                )
                for order in trade.orders
                if order.safe_filled
            ),
        )

    def leaves_nothing(self, held: dict[int, Decimal], sold: tuple[int, ...], price: Decimal) -> bool:
        """Whether what would remain is nothing, or a remnant of an order that could not be sold by itself."""
        rest = sum((amount for line, amount in held.items() if line not in sold), Decimal(0))
        return rest * price < self.parameters.unit / 2
