"""A good configuration of each kind, to be spoiled."""

from copy import deepcopy
from typing import Any

_BASE = {"exchange": "binance", "stake_currency": "USDT", "timeframe": "1m"}

_EXAMPLES: dict[str, dict[str, Any]] = {
    "dca": {"strategy": "dca", **_BASE, "pairs": ["BTC/USDT", "ETH/USDT"], "parameters": {}},
    "grid": {"strategy": "grid", **_BASE, "pairs": ["ETH/USDT"], "parameters": {"lower": 900, "upper": 1100}},
    "momentum": {"strategy": "momentum", **_BASE, "pairs": ["BTC/USDT", "ETH/USDT"], "parameters": {}},
}
KINDS = tuple(_EXAMPLES)


def example(kind: str, *, pairs: list[str] | None = None, **parameters: object) -> dict[str, Any]:
    """A configuration that is accepted, with other parameters where they are given."""
    config = deepcopy(_EXAMPLES[kind])
    config["parameters"].update(parameters)
    if pairs is not None:
        config["pairs"] = pairs
    return config
