"""From a bot's setup to Freqtrade's complete configuration: a pure function, and the same input gives the same bytes.

Nothing secret is in it. Credentials and keys are variables of the engine's environment (`secrets_of`).
"""

import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables

from bots.adapters import Credentials
from bots.enums import DesiredState, Mode
from bots.strategies import kinds, needs
from bots.strategies.common import Configuration
from bots.strategies.fields import number

_PRICING: Final = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
_ORDERS: Final = {
    "entry": "limit",
    "exit": "limit",
    "emergency_exit": "market",
    "force_entry": "market",
    "force_exit": "market",
    "stoploss": "market",
    "stoploss_on_exchange": False,
}


@dataclass(frozen=True, slots=True)
class Setup:
    """A bot as its engine is to run it. `simulated_exchange` is an address, used in simulated mode alone."""

    bot_id: str
    configuration: Configuration
    allocation: Decimal
    mode: Mode
    port: int
    revision: int = 1
    desired: DesiredState = DesiredState.RUNNING
    simulated_exchange: str = ""


def compose(setup: Setup) -> dict[str, Any]:
    """Freqtrade's configuration. `available_capital` is the allocation, in which all its trades must find room."""
    configuration, allocation = setup.configuration, number(setup.allocation)
    return {
        "bot_name": name_of(setup.bot_id, setup.revision),
        "strategy": kinds.engine_class(configuration),
        "dry_run": setup.mode != Mode.LIVE,
        "dry_run_wallet": allocation,
        "available_capital": allocation,
        "stake_currency": configuration.stake_currency,
        "stake_amount": number(needs.stake_amount(configuration)),
        "max_open_trades": needs.most_open_trades(configuration),
        "timeframe": configuration.timeframe,
        "trading_mode": "spot",
        # Any value would ask a public price service.
        "fiat_display_currency": "",
        "cancel_open_orders_on_exit": False,
        "unfilledtimeout": {"entry": 2, "exit": 2, "exit_timeout_count": 0, "unit": "minutes"},
        "entry_pricing": _PRICING,
        "exit_pricing": _PRICING,
        "order_types": _ORDERS,
        "exchange": _exchange(setup),
        "pairlists": [{"method": "StaticPairList"}],
        "api_server": _api_server(setup.port),
        "initial_state": _initial_state(setup.desired),
        "force_entry_enable": False,
        "internals": {"process_throttle_secs": 5, "heartbeat_interval": 60},
        "tradewise": kinds.dump(configuration),
    }


def name_of(bot_id: str, revision: int) -> str:
    """What the engine calls itself. Readiness asks for it: a port that answers proves nothing, and an engine that a
    worker started before it was killed may be of former parameters.
    """
    return f"{bot_id}.{revision}"


def database_of(mode: Mode) -> str:
    """Trades with real money, of a dry run and on the simulated exchange are never in one file."""
    return f"trades-{mode.value}.sqlite"


@sensitive_variables()
def secrets_of(credentials: Credentials, keys: str = "") -> dict[str, str]:
    """Variables of the engine's environment. `keys` is `key:secret` of the exchange, for live trading alone.

    Freqtrade guesses types of what it finds there: a secret of digits would become a number, so ours begin with a
    letter that begins no number, and whoever signs sessions is made anew at each start.
    """
    found = {
        "FREQTRADE__API_SERVER__USERNAME": credentials.username,
        "FREQTRADE__API_SERVER__PASSWORD": credentials.password,
        "FREQTRADE__API_SERVER__JWT_SECRET_KEY": f"k{secrets.token_hex(32)}",
        "FREQTRADE__API_SERVER__WS_TOKEN": f"w{secrets.token_hex(16)}",
    }
    if keys:
        key, _, secret = keys.partition(":")
        found |= {"FREQTRADE__EXCHANGE__KEY": key, "FREQTRADE__EXCHANGE__SECRET": secret}
    return found


def _exchange(setup: Setup) -> dict[str, Any]:
    configuration = setup.configuration
    exchange: dict[str, Any] = {
        "name": configuration.exchange,
        # With websockets Freqtrade never exits where the exchange is away at its start.
        "enable_ws": False,
        "key": "",
        "secret": "",
        "pair_whitelist": list(configuration.pairs),
        "pair_blacklist": [],
    }
    if setup.mode == Mode.SIMULATED:
        url = setup.simulated_exchange.rstrip("/")
        exchange["ccxt_config"] = {
            "urls": {"api": {"public": f"{url}/api/v3"}},
            "options": {"fetchMarkets": {"types": ["spot"]}},
        }
    return exchange


def _api_server(port: int) -> dict[str, Any]:
    return {
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
    }


def _initial_state(desired: DesiredState) -> str:
    return "paused" if desired == DesiredState.PAUSED else "running"
