"""Asking an exchange itself: which pairs it has, and what somebody's keys may do. Never through an engine.

All of it goes over the network, so outside every transaction. What views ask takes at most 8 s, and nothing is saved.
A further exchange is a file beside `binance.py`.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from django.views.decorators.debug import sensitive_variables

from bots.exchanges import binance, sentences
from bots.exchanges.base import KeyPermissions, KeysRefused, Market, Markets, NoAnswer
from tradewise.egress import AllowList, Client
from tradewise.egress.configured import own_endpoints

BINANCE: Final = "https://api.binance.com"
MOST_PAIRS: Final = binance.MOST_PAIRS
TOTAL_SECONDS: Final = 8.0
CLOSES_SECONDS: Final = 30.0


def client_for(base_url: str, *, simulated: bool) -> Client:
    """A client that may call the exchange at `base_url`.

    For a simulated one on this very machine it may call that address and port and nothing else inside; for
    all others it may what the operator allows. Raises ValueError for what is no address.
    """
    if simulated:
        url = urlsplit(base_url)
        host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
        if _is_loopback(host):
            bits = 128 if ":" in host else 32
            return Client(allow=AllowList.parse(f"{host}/{bits}:{port}", own=own_endpoints()))
    return Client()


def ask_markets(base_url: str, pairs: Iterable[str], *, simulated: bool = False) -> Markets:
    """What the exchange lists of at most 20 pairs such as BTC/USDT. Raises NoAnswer."""
    return asyncio.run(_markets(base_url, pairs, simulated))


@sensitive_variables()
def ask_permissions(base_url: str, key: str, secret: str, *, simulated: bool = False) -> KeyPermissions:
    """What the keys may do, if that is to read and to trade spot and not to withdraw. Raises KeysRefused."""
    return asyncio.run(_permissions(base_url, key, secret, simulated))


def ask_closes(
    base_url: str, wanted: Mapping[str, date], *, simulated: bool = False
) -> dict[str, list[tuple[date, Decimal]]]:
    """The daily closes of pairs from a day on, as far as the exchange gave them: the first silence ends the asking."""
    return asyncio.run(_closes(base_url, wanted, simulated))


async def _closes(
    base_url: str, wanted: Mapping[str, date], simulated: bool
) -> dict[str, list[tuple[date, Decimal]]]:
    found: dict[str, list[tuple[date, Decimal]]] = {}
    try:
        async with asyncio.timeout(CLOSES_SECONDS), client_for(base_url, simulated=simulated) as client:
            for pair, since in wanted.items():
                found[pair] = await binance.closes(client, base_url, pair, since)
    except (TimeoutError, NoAnswer, ValueError):
        pass  # what came is kept, and the rest is asked for later
    return found


async def _markets(base_url: str, pairs: Iterable[str], simulated: bool) -> Markets:
    try:
        async with asyncio.timeout(TOTAL_SECONDS), client_for(base_url, simulated=simulated) as client:
            return await binance.markets(client, base_url, pairs)
    except TimeoutError:
        raise NoAnswer(sentences.TOO_LATE) from None


@sensitive_variables()
async def _permissions(base_url: str, key: str, secret: str, simulated: bool) -> KeyPermissions:
    try:
        async with asyncio.timeout(TOTAL_SECONDS), client_for(base_url, simulated=simulated) as client:
            return await binance.key_permissions(client, base_url, key, secret)
    except TimeoutError:
        raise KeysRefused(sentences.TOO_LATE, is_certain=False) from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


__all__ = [
    "BINANCE",
    "MOST_PAIRS",
    "KeyPermissions",
    "KeysRefused",
    "Market",
    "Markets",
    "NoAnswer",
    "ask_closes",
    "ask_markets",
    "ask_permissions",
    "client_for",
]
