"""Real Freqtrade on candles that a test writes by hand: `freqtrade backtesting`, and the orders that it made."""

import json
import os
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bots.strategies.kinds import dump, engine_class, parse
from bots.strategies.needs import most_open_trades, stake_amount
from tradewise.simulation.configuration import compose
from tradewise.simulation.installation import ROOT, executable

STRATEGIES = ROOT / "bots" / "strategies" / "engine"
#: 2026-03-02 00:00 UTC, a Monday. Every candle is a minute.
BEGINNING = 1_772_409_600
FEE = 0.001

#: Open, high, low, close.
Candle = tuple[float, float, float, float]


@dataclass(frozen=True)
class Order:
    """What Freqtrade did: in which minute, on which side, at what price, how much, and under which name."""

    minute: int
    side: str
    price: float
    amount: float
    tag: str


@dataclass(frozen=True)
class Trade:
    orders: tuple[Order, ...]
    reason: str
    profit: float


def flat(*prices: float) -> list[Candle]:
    """Candles in which nothing happens but the price they are at."""
    return [(price, price, price, price) for price in prices]


def backtest(
    directory: Path, exchange_url: str, config: Mapping[str, Any], candles: Sequence[Candle]
) -> list[Trade]:
    """The trades that the engine makes with this configuration; candles are those of its first pair."""
    configuration = parse(config)
    data = directory / "data"
    (directory / "user_data").mkdir(parents=True)
    data.mkdir()
    rows = [[(BEGINNING + 60 * place) * 1000, *candle, 1000.0] for place, candle in enumerate(candles)]
    name = configuration.pairs[0].replace("/", "_")
    (data / f"{name}-{configuration.timeframe}.json").write_text(json.dumps(rows))
    settings = compose("backtest", 8080, exchange_url, engine_settings(config, exchange_url))
    (directory / "config.json").write_text(json.dumps(settings))
    command = [
        *(str(executable()), "backtesting", "--no-color", "--cache", "none", "--export", "trades"),
        *("--config", str(directory / "config.json"), "--userdir", str(directory / "user_data")),
        *("--datadir", str(data), "--data-format-ohlcv", "json"),
        *("--strategy", engine_class(configuration), "--strategy-path", str(STRATEGIES)),
    ]
    run = subprocess.run(
        command, env=environment(directory), cwd=directory, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-9000:]
    return exported(directory / "user_data" / "backtest_results", run.stdout + run.stderr)


def engine_settings(config: Mapping[str, Any], exchange_url: str) -> dict[str, Any]:
    """What a composer has to set for any kind; the classes say the rest."""
    configuration = parse(config)
    exchange = compose("", 0, exchange_url, {})["exchange"]
    return {
        "fee": FEE,
        "stake_currency": configuration.stake_currency,
        "stake_amount": float(stake_amount(configuration)),
        "max_open_trades": most_open_trades(configuration),
        "exchange": {**exchange, "pair_whitelist": list(configuration.pairs)},
        "tradewise": dump(configuration),
    }


def environment(directory: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def exported(results: Path, said: str) -> list[Trade]:
    archives = sorted(results.glob("*.zip"))
    assert archives, said[-3000:]
    with zipfile.ZipFile(archives[-1]) as archive:
        name = next(name for name in archive.namelist() if "config" not in name and name.endswith(".json"))
        (strategy,) = json.loads(archive.read(name))["strategy"].values()
    return [trade(row) for row in sorted(strategy["trades"], key=lambda row: row["open_timestamp"])]


def trade(row: Mapping[str, Any]) -> Trade:
    orders = tuple(
        Order(
            minute=(order["order_filled_timestamp"] // 1000 - BEGINNING) // 60,
            side="buy" if order["ft_is_entry"] else "sell",
            price=order["safe_price"],
            amount=order["amount"],
            tag=order["ft_order_tag"] or "",
        )
        for order in row["orders"]
    )
    return Trade(orders, row["exit_reason"], round(row["profit_abs"], 4))
