"""Answers of Freqtrade 2026.9 as it was seen to give them, shortened to what is read and a little more."""

from typing import Any

SHOW_CONFIG: dict[str, Any] = {
    "version": "2026.9",
    "strategy_version": "tw-demo-1",
    "api_version": 2.5,
    "dry_run": True,
    "trading_mode": "spot",
    "stake_currency": "USDT",
    "stake_amount": "unlimited",
    "available_capital": None,
    "max_open_trades": 3.0,
    "minimal_roi": {"0": 0.004, "1": 0.0025},
    "timeframe": "1m",
    "exchange": "binance",
    "strategy": "TWDemo",
    "bot_name": "b1",
    "state": "running",
    "runmode": "dry_run",
}

PROFIT: dict[str, Any] = {
    "profit_closed_coin": 0.13115328,
    "profit_closed_ratio": 0.00013247806060606062,
    "profit_all_coin": -0.643901,
    "profit_all_ratio": -0.0006504050505050505,
    "trade_count": 3,
    "closed_trade_count": 1,
    "winning_trades": 1,
    "losing_trades": 0,
    "profit_factor": None,
}

OPEN_TRADE: dict[str, Any] = {
    "trade_id": 2,
    "pair": "ETH/USDT",
    "is_open": True,
    "is_short": False,
    "stake_amount": 99.71654,
    "open_date": "2026-11-23 06:22:41",
    "open_timestamp": 1795414961665,
    "open_rate": 3414.95,
    "current_rate": 3412.35,
    "profit_ratio": -0.00275784,
    "profit_abs": -0.27527716,
    "orders": [{"order_id": "dry_run_buy", "cost": 99.71654, "ft_order_tag": "al]w{ays"}],
}

UNPRICED_TRADE = OPEN_TRADE | {"current_rate": None, "profit_ratio": None, "profit_abs": None}

CLOSED_TRADE: dict[str, Any] = {
    "trade_id": 1,
    "pair": "BTC/USDT",
    "is_open": False,
    "stake_amount": 99.8697488,
    "open_timestamp": 1795414961564,
    "open_rate": 67479.56,
    "close_date": "2026-11-23 06:25:11",
    "close_timestamp": 1795415111062,
    "close_rate": 67703.36,
    "close_profit": 0.0013119313837931447,
    "close_profit_abs": 0.13115328,
    "exit_reason": "roi",
}

DAILY: dict[str, Any] = {
    "data": [
        {"date": "2026-11-23", "abs_profit": 0.13115328, "starting_balance": 989.99868, "trade_count": 1},
        {"date": "2026-11-20", "abs_profit": 0.0, "starting_balance": 989.99868, "trade_count": 0},
    ],
    "stake_currency": "USDT",
}

BALANCE: dict[str, Any] = {
    "currencies": [
        {"currency": "ETH", "balance": 0.0292, "est_stake": 99.673324},
        {"currency": "USDT", "balance": 800.45597328, "est_stake": 800.45597328},
    ],
    "total": 900.129,
    "starting_capital": 990.0,
}

UNAUTHORIZED = {"detail": "Unauthorized"}
NOT_FOUND = {"detail": "Not Found"}
NO_TRADER = {"detail": "Bot is not in the correct state."}
NO_TRADER_2024 = {"error": "Error querying /api/v1/health: Bot is not in the correct state"}
NOT_RUNNING = {"error": "Error querying /api/v1/count: trader is not running"}
PROXY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
