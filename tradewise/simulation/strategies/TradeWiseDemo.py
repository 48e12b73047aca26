# ruff: noqa: INP001 (Freqtrade finds a strategy by the name of its file, in a plain folder)
"""Buys a small dip and leaves soon after: a demonstration that trades every minute, not a way to earn.

Read from the block `tradewise_demo` of the configuration:

    dip           how far below the average of the last ten closes to buy (0.0005 is 0.05 %);
                  with 0 it buys whenever a slot is free
    take_profit   the profit after fees at which it leaves (0.0015 is 0.15 %)
    hold_seconds  when it leaves whatever the profit
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy
from pandas import DataFrame

AVERAGED_CANDLES = 10


class TradeWiseDemo(IStrategy):  # type: ignore[misc]  # Freqtrade lives in a virtual environment of its own
    INTERFACE_VERSION = 3
    timeframe = "1m"
    can_short = False
    process_only_new_candles = True
    startup_candle_count = AVERAGED_CANDLES
    minimal_roi: dict[str, float] = {}
    stoploss = -0.02

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        settings = config.get("tradewise_demo", {})
        self.dip = float(settings.get("dip", 0.0005))
        self.take_profit = float(settings.get("take_profit", 0.0015))
        self.hold_seconds = float(settings.get("hold_seconds", 150))

    def version(self) -> str:
        return "1"

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, str]) -> DataFrame:
        dataframe["average"] = dataframe["close"].rolling(AVERAGED_CANDLES).mean()
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, str]) -> DataFrame:
        below = dataframe["close"] < dataframe["average"] * (1 - self.dip)
        dataframe.loc[below | (self.dip == 0), ["enter_long", "enter_tag"]] = (1, "dip")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, str]) -> DataFrame:
        return dataframe

    def custom_exit(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        **kwargs: object,
    ) -> str | None:
        if current_profit >= self.take_profit:
            return "take_profit"
        if (current_time - trade.open_date_utc).total_seconds() >= self.hold_seconds:
            return "time"
        return None
