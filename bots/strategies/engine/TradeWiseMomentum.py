# ruff: noqa: N999 (the file is named like its class, as Freqtrade users expect)
"""Momentum in Freqtrade: exponential averages of the close, and Wilder's RSI."""

from __future__ import annotations

from typing import Any

from pandas import DataFrame, Series

from bots.strategies.engine.base import TradeWiseStrategy, ratio, read
from bots.strategies.fields import number
from bots.strategies.momentum import MomentumConfiguration


class TradeWiseMomentum(TradeWiseStrategy):
    """Enters on the candle where the fast average crosses above the slow one, and leaves once it is below.

    It leaves on the state, not on the crossing: an engine that slept through a crossing still leaves.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        configuration = read(config, MomentumConfiguration)
        self.begin(configuration)
        parameters = self.parameters = configuration.parameters
        self.startup_candle_count = parameters.warm_up
        self.minimal_roi = {"0": ratio(parameters.take_profit_pct)} if parameters.take_profit_pct else {}
        self.stoploss = -ratio(parameters.stop_loss_pct)
        if parameters.trailing_pct:
            self.trailing_stop = True
            self.trailing_only_offset_is_reached = True
            self.trailing_stop_positive = ratio(parameters.trailing_pct)
            self.trailing_stop_positive_offset = ratio(parameters.trailing_starts_at_pct)

    def version(self) -> str:
        return "tradewise-momentum-1"

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, str]) -> DataFrame:
        close = dataframe["close"]
        dataframe["fast"] = close.ewm(span=self.parameters.fast, adjust=False).mean()
        dataframe["slow"] = close.ewm(span=self.parameters.slow, adjust=False).mean()
        dataframe["rsi"] = relative_strength(close, self.parameters.rsi_period)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, str]) -> DataFrame:
        above = dataframe["fast"] > dataframe["slow"]
        crossed = above & (dataframe["fast"].shift() <= dataframe["slow"].shift())
        calm = dataframe["rsi"] <= number(self.parameters.rsi_max)
        dataframe.loc[crossed & calm & (dataframe["volume"] > 0), ["enter_long", "enter_tag"]] = (
            1,
            "ema-above",
        )
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, str]) -> DataFrame:
        below = dataframe["fast"] < dataframe["slow"]
        dataframe.loc[below, ["exit_long", "exit_tag"]] = (1, "ema-below")
        return dataframe


def relative_strength(close: Series, period: int) -> Series:
    """Wilder's RSI, 0 to 100; 50 while the price has not moved at all."""
    moved = close.diff()
    gained = moved.clip(lower=0).ewm(alpha=1 / period, adjust=False).mean()
    lost = (-moved).clip(lower=0).ewm(alpha=1 / period, adjust=False).mean()
    return (100 * gained / (gained + lost)).fillna(50)
