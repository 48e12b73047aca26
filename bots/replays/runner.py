"""Runs in Freqtrade's own environment: jobs come in, one a line, and what Freqtrade's backtesting did goes out.

One process does many jobs, because importing Freqtrade takes seconds. It ends with its input, so also when whoever
asked was killed.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.commands.arguments import Arguments
from freqtrade.commands.optimize_commands import setup_optimize_configuration
from freqtrade.data.history.datahandlers import get_datahandler
from freqtrade.enums import CandleType, RunMode
from freqtrade.exchange import timeframe_to_minutes
from freqtrade.optimize.backtesting import Backtesting
from freqtrade.persistence import LocalTrade
from freqtrade.strategy import strategy_wrapper

from tradewise.simulation.history import FIELDS, MINUTES, symbol_of

STRATEGIES = Path(__file__).resolve().parents[1] / "strategies" / "engine"
NICE = 10

logger = logging.getLogger(__name__)

# Freqtrade hands each strategy a copy of its trade at every candle, in case that it writes on it. Ours only read, and
# copying took nine tenths of the time.
strategy_wrapper.deepcopy = lambda trade: trade


@dataclass(frozen=True)
class Job:
    """A configuration as `composing.compose` makes it, and days since the candles' `first` moment, in milliseconds.

    The candles of each pair lie in `directory`, as `history.Stretch` writes them.
    """

    directory: Path
    config: dict[str, Any]
    first: int
    start: int
    end: int

    @property
    def pairs(self) -> list[str]:
        return list(self.config["exchange"]["pair_whitelist"])


def run(job: Job) -> dict[str, Any]:
    """The trades with their orders, and Freqtrade's own balance at the end."""
    timeframe = job.config["timeframe"]
    for pair in job.pairs:
        provide(job, pair, timeframe)
    config = setup_optimize_configuration(Arguments(arguments(job)).get_parsed_arg(), RunMode.BACKTEST)
    backtesting = Backtesting(config)
    (strategy,) = backtesting.strategylist
    with backtesting.progress or nullcontext():
        data, timerange = backtesting.load_bt_data()
        backtesting.backtest_one_strategy(strategy, data, timerange)
    content = backtesting.all_bt_content[strategy.get_strategy_name()]
    return {
        "starting_balance": backtesting.starting_balance,
        "final_balance": content["final_balance"],
        "trades": [trade(found) for found in LocalTrade.bt_trades],
    }


def arguments(job: Job) -> list[str]:
    """As somebody would type them: `freqtrade backtesting …`."""
    path = job.directory / "config.json"
    path.write_text(json.dumps(job.config))
    return [
        *("backtesting", "--cache", "none", "--export", "none", "--no-color"),
        *("--config", str(path), "--userdir", str(job.directory / "user_data")),
        *("--datadir", str(job.directory / "data"), "--data-format-ohlcv", "feather"),
        *("--strategy-path", str(STRATEGIES), "--timerange", f"{job.start}-{job.end}"),
    ]


def provide(job: Job, pair: str, timeframe: str) -> None:
    """Candles of this length where Freqtrade looks for them, made of the shorter ones that are there."""
    handler = get_datahandler(job.directory / "data", "feather")
    path = handler._pair_data_filename(job.directory / "data", pair, timeframe, CandleType.SPOT)
    if path.exists():
        return
    symbol, minutes = symbol_of(pair), timeframe_to_minutes(timeframe)
    raw = np.fromfile(job.directory / pair.replace("/", "_"), dtype=np.int64)
    rows = raw.reshape(-1, minutes // MINUTES, FIELDS)
    dates = pd.date_range(
        pd.Timestamp(job.first, unit="ms", tz="UTC"), periods=len(rows), freq=pd.Timedelta(minutes=minutes)
    )
    ticks, lots = 10**symbol.price_places, 10**symbol.lot_places
    frame = pd.DataFrame(
        {
            "date": dates.as_unit("ms"),
            "open": rows[:, 0, 0] / ticks,
            "high": rows[:, :, 1].max(axis=1) / ticks,
            "low": rows[:, :, 2].min(axis=1) / ticks,
            "close": rows[:, -1, 3] / ticks,
            "volume": rows[:, :, 4].sum(axis=1) / lots,
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handler.ohlcv_store(pair, timeframe, frame, CandleType.SPOT)


def trade(found: LocalTrade) -> dict[str, Any]:
    """Times are milliseconds since 1970."""
    return {
        "pair": found.pair,
        "opened": milliseconds(found.open_date_utc),
        "closed": milliseconds(found.close_date_utc),
        "stake": found.stake_amount,
        "open_rate": found.open_rate,
        "close_rate": found.close_rate,
        "profit": found.close_profit_abs,
        "ratio": found.close_profit,
        "reason": found.exit_reason,
        "orders": [
            {
                "at": milliseconds(order.order_filled_utc),
                "buys": order.ft_order_side == found.entry_side,
                "price": order.safe_price,
                "amount": order.safe_filled,
                "fee": found.fee_open if order.ft_order_side == found.entry_side else found.fee_close,
            }
            for order in found.orders
            if order.safe_filled and order.order_filled_utc
        ],
    }


def milliseconds(moment: Any) -> int:
    found: int = round(moment.timestamp() * 1000)
    return found


def main() -> None:
    """Whatever Freqtrade writes goes to the log; an answer is one line."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.nice(NICE)
    logging.basicConfig(level=logging.WARNING)
    directory = ""
    for line in sys.stdin:
        asked = json.loads(line)
        directory = asked["directory"]
        try:
            answer = run(Job(**{**asked, "directory": Path(asked["directory"])}))
        except Exception as error:
            logger.exception("a replay failed")
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(answer) + "\n")
        try:
            answers.flush()
        except BrokenPipeError:
            break
    # Nobody is there any more, so nobody else clears it away.
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
