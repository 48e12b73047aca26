"""The configuration of the demonstration bot: everything but secrets, which never reach the disk."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STRATEGIES = Path(__file__).resolve().parent / "strategies"
STRATEGY = "TradeWiseDemo"
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT", "XRP/USDT")


def compose(name: str, port: int, exchange_url: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A paper-trading bot with 1000 USDT on the simulated exchange; `changes` replace top-level keys."""
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    return {
        "bot_name": name,
        "dry_run": True,
        "dry_run_wallet": 1000,
        "stake_currency": "USDT",
        "stake_amount": 100,
        "max_open_trades": 5,
        "trading_mode": "spot",
        # With the 0.1 % that Freqtrade assumes for Binance, a bot that trades every minute only ever loses.
        "fee": 0.0002,
        # Any value would ask a public price service.
        "fiat_display_currency": "",
        "cancel_open_orders_on_exit": False,
        "unfilledtimeout": {"entry": 2, "exit": 2, "exit_timeout_count": 0, "unit": "minutes"},
        "entry_pricing": pricing,
        "exit_pricing": pricing,
        "order_types": {
            "entry": "limit",
            "exit": "limit",
            "emergency_exit": "market",
            "force_entry": "market",
            "force_exit": "market",
            "stoploss": "market",
            "stoploss_on_exchange": False,
        },
        "exchange": {
            "name": "binance",
            # With websockets Freqtrade would dial the real Binance, and never exit when that fails.
            "enable_ws": False,
            "key": "",
            "secret": "",
            "pair_whitelist": list(PAIRS),
            "pair_blacklist": [],
            "ccxt_config": {
                "urls": {"api": {"public": f"{exchange_url.rstrip('/')}/api/v3"}},
                "options": {"fetchMarkets": {"types": ["spot"]}},
            },
        },
        "pairlists": [{"method": "StaticPairList"}],
        "api_server": {
            "enabled": True,
            "listen_ip_address": "127.0.0.1",
            "listen_port": port,
            "verbosity": "error",
            "enable_openapi": False,
            "CORS_origins": [],
            # The schema wants these three; their real values come from the environment.
            "username": "",
            "password": "",
            "jwt_secret_key": "the real one comes from the environment",
        },
        "initial_state": "running",
        "force_entry_enable": True,
        "internals": {"process_throttle_secs": 5, "heartbeat_interval": 60},
        "tradewise_demo": {},
        **changes,
    }


# For tests: buys at the first look and after every candle, leaves ten seconds later.
QUICK: dict[str, Any] = {
    "internals": {"process_throttle_secs": 1, "heartbeat_interval": 60},
    "tradewise_demo": {"dip": 0, "take_profit": 0.003, "hold_seconds": 10},
}


def write(path: Path, configuration: Mapping[str, Any]) -> None:
    """Replace the file in one step: a reader sees the old one or the new one."""
    text = json.dumps(configuration, indent=2) + "\n"
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
