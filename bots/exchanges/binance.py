"""Binance's spot API, as far as TradeWise asks it itself. One call, one question; nothing is ever ordered.

Binance refuses a whole list of symbols for one that it does not have, without saying which.
"""

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, TypeGuard
from urllib.parse import quote

from django.views.decorators.debug import sensitive_variables

from bots.adapters import parsing
from bots.exchanges import sentences
from bots.exchanges.base import KeyPermissions, KeysRefused, Market, Markets, NoAnswer
from tradewise.egress import Client, EgressError, Response

MOST_PAIRS: Final = 20
RECEIVE_WINDOW: Final = 5_000
"""Milliseconds for which a signed question is good: Binance's own default."""
MOST_DAYS: Final = 1_000
_DAY: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_SMALL: Final = 64 * 1024
# A symbol is listed in some four thousand bytes, most of them about who may trade it.
_LARGE: Final = 1024 * 1024
PRICE_SECONDS: Final = 2.0
"""A price is only good to have, so it must not use up the time in which the rest is waited for."""
_SECONDS: Final = 8.0
_LONGEST_KEY: Final = 256

_PAIR: Final = re.compile(r"([A-Z0-9]{1,20})/([A-Z0-9]{1,20})", re.ASCII)
_LONGEST_SYMBOL: Final = 20
_UNKNOWN_SYMBOL: Final = -1121


def milliseconds() -> int:
    """The time now, since 1970."""
    return time.time_ns() // 1_000_000


async def markets(client: Client, base_url: str, pairs: Iterable[str]) -> Markets:
    """What is listed of at most 20 pairs such as BTC/USDT, and at which price. Raises NoAnswer.

    Raises ValueError for more pairs. A price that could not be had is None and hinders nothing.
    """
    asked = {pair: Market(pair) for pair in pairs}
    if len(asked) > MOST_PAIRS:
        raise ValueError(f"At most {MOST_PAIRS} pairs at a time.")
    symbols = {pair: symbol for pair in asked if (symbol := _symbol(pair)) is not None}
    if not symbols:
        return Markets(asked)
    base_url = base_url.rstrip("/")
    listings = await _listings(client, base_url, list(symbols.values()))
    found = {pair: _market(pair, listings.get(symbol)) for pair, symbol in symbols.items()}
    known = [symbols[pair] for pair, market in found.items() if market.known]
    prices = await _prices(client, base_url, known) if known else {}
    for pair, market in found.items():
        asked[pair] = Market(
            pair,
            known=market.known,
            trading=market.trading,
            smallest_order=market.smallest_order,
            price=prices.get(symbols[pair]) if market.known else None,
        )
    return Markets(asked)


async def closes(
    client: Client, base_url: str, pair: str, since: date, *, clock: Callable[[], int] = milliseconds
) -> list[tuple[date, Decimal]]:
    """What the pair cost at the end of each day (UTC) that is over, from `since` on; at most 1000. Raises NoAnswer.

    Empty for a pair that the exchange does not have.
    """
    symbol = _symbol(pair)
    if symbol is None:
        return []
    start = (since.toordinal() - _EPOCH) * _DAY
    query = f"symbol={symbol}&interval=1d&startTime={max(start, 0)}&limit={MOST_DAYS}"
    response = await _call(client, f"{base_url.rstrip('/')}/api/v3/klines?{query}", max_bytes=_LARGE)
    if response.status == 400 and _code(response) == _UNKNOWN_SYMBOL:
        return []
    if response.status != 200:
        raise NoAnswer(sentences.about_status(response.status))
    found = []
    for row in parsing.items(_read(response)):
        opens, price = (parsing.whole(row[0]), _positive(row[4])) if _is_candle(row) else (None, None)
        # The day that is not over yet is among them.
        if opens is not None and price is not None and start <= opens <= clock() - _DAY:
            found.append((date.fromordinal(_EPOCH + opens // _DAY), price))
    return found


def _is_candle(row: object) -> TypeGuard[list[object]]:
    return isinstance(row, list) and len(row) > 4


@sensitive_variables()
async def key_permissions(
    client: Client, base_url: str, key: str, secret: str, *, clock: Callable[[], int] = milliseconds
) -> KeyPermissions:
    """What the keys may do, if that is what a bot needs and no more: read and trade spot, and not withdraw.

    `clock` tells milliseconds since 1970. Raises KeysRefused for all other keys, and, uncertain, where no
    answer came or none that could be used.
    """
    if not (_can_be_sent(key) and _can_be_sent(secret)):
        raise KeysRefused(sentences.NOT_KEYS)
    query = f"timestamp={clock()}&recvWindow={RECEIVE_WINDOW}"
    signature = hmac.new(secret.encode("ascii"), query.encode("ascii"), hashlib.sha256).hexdigest()
    path = f"/sapi/v1/account/apiRestrictions?{query}&signature={signature}"
    try:
        response = await _call(client, base_url.rstrip("/") + path, key=key)
    except NoAnswer as silence:
        raise KeysRefused(silence.sentence, is_certain=False) from None
    return _permissions(response)


# What answers may repeat the key, so that neither of these two may show what they hold.
@sensitive_variables()
def _permissions(response: Response) -> KeyPermissions:
    if response.status != 200:
        raise _refusal(response)
    said = parsing.fields(_read(response))
    reads, trades, withdraws = (
        parsing.truth(said.get(name))
        for name in ("enableReading", "enableSpotAndMarginTrading", "enableWithdrawals")
    )
    # Above all else: a key that moves money out is refused whatever is unclear about it.
    if withdraws is True:
        raise KeysRefused(sentences.MAY_WITHDRAW)
    if reads is None or trades is None or withdraws is None:
        raise KeysRefused(sentences.NOT_UNDERSTOOD, is_certain=False)
    if not reads:
        raise KeysRefused(sentences.MAY_NOT_READ)
    if not trades:
        raise KeysRefused(sentences.MAY_NOT_TRADE)
    return KeyPermissions(
        may_read=reads,
        may_trade=trades,
        may_withdraw=withdraws,
        is_bound_to_addresses=parsing.truth(said.get("ipRestrict")),
    )


@sensitive_variables()
def _refusal(response: Response) -> KeysRefused:
    sentence = sentences.ABOUT_KEYS.get(_code(response) or 0)
    if sentence is not None and 400 <= response.status < 500:
        return KeysRefused(sentence, is_certain=sentence != sentences.CLOCK)
    return KeysRefused(sentences.about_status(response.status), is_certain=False)


async def _listings(client: Client, base_url: str, symbols: Sequence[str]) -> dict[str, parsing.Fields]:
    """By symbol, those that the exchange has."""
    together = await _listed(client, base_url, symbols)
    if together is not None:
        return together
    if len(symbols) == 1:
        return {}
    # All are waited for, so that no question is left behind when one fails.
    alone = await asyncio.gather(
        *(_listed(client, base_url, [symbol]) for symbol in symbols), return_exceptions=True
    )
    found: dict[str, parsing.Fields] = {}
    for symbol, listed in zip(symbols, alone, strict=True):
        if isinstance(listed, BaseException):
            raise listed
        found |= {name: fields for name, fields in (listed or {}).items() if name == symbol}
    return found


async def _listed(client: Client, base_url: str, symbols: Sequence[str]) -> dict[str, parsing.Fields] | None:
    """None where the exchange says that it does not have one of them."""
    response = await _call(client, f"{base_url}/api/v3/exchangeInfo?{_names(symbols)}", max_bytes=_LARGE)
    if response.status == 400 and _code(response) == _UNKNOWN_SYMBOL:
        return None
    if response.status != 200:
        raise NoAnswer(sentences.about_status(response.status))
    said = parsing.fields(_read(response))
    if not isinstance(said.get("symbols"), list):
        raise NoAnswer(sentences.NOT_UNDERSTOOD)
    return _by_symbol(said["symbols"])


async def _prices(client: Client, base_url: str, symbols: Sequence[str]) -> dict[str, Decimal]:
    """By symbol; none where the exchange does not say."""
    try:
        response = await _call(
            client, f"{base_url}/api/v3/ticker/price?{_names(symbols)}", total=PRICE_SECONDS
        )
    except NoAnswer:
        return {}
    rows = _by_symbol(_read(response)) if response.status == 200 else {}
    prices = {symbol: _positive(row.get("price")) for symbol, row in rows.items()}
    return {symbol: price for symbol, price in prices.items() if price is not None}


def _market(pair: str, listing: parsing.Fields | None) -> Market:
    base, _, quote_currency = pair.partition("/")
    # BTC/USDT and BTCU/SDT would be the same symbol.
    if listing is None or (listing.get("baseAsset"), listing.get("quoteAsset")) != (base, quote_currency):
        return Market(pair)
    trading = listing.get("status") == "TRADING" and listing.get("isSpotTradingAllowed") is not False
    filters = [parsing.fields(item) for item in parsing.items(listing.get("filters"))]
    least = [
        value
        for rule in filters
        if rule.get("filterType") in ("NOTIONAL", "MIN_NOTIONAL")
        and (value := _positive(rule.get("minNotional"))) is not None
    ]
    return Market(pair, known=True, trading=trading, smallest_order=max(least, default=None))


def _symbol(pair: str) -> str | None:
    """Binance's name of the pair; None for what cannot be one."""
    match = _PAIR.fullmatch(pair)
    symbol = "" if match is None else match[1] + match[2]
    return symbol if 0 < len(symbol) <= _LONGEST_SYMBOL else None


def _names(symbols: Sequence[str]) -> str:
    listed = ",".join(f'"{symbol}"' for symbol in symbols)
    return f"symbols={quote(f'[{listed}]', safe='')}"


def _by_symbol(rows: object) -> dict[str, parsing.Fields]:
    read = [parsing.fields(row) for row in parsing.items(rows)]
    return {row["symbol"]: row for row in read if isinstance(row.get("symbol"), str)}


def _positive(value: object) -> Decimal | None:
    read = parsing.number(value)
    return read if read is not None and read > 0 else None


def _can_be_sent(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_KEY and text.isascii() and text.isprintable() and " " not in text


def _read(response: Response) -> object:
    """The JSON of an answer; nothing where it is none."""
    try:
        return parsing.decode(response.body)
    except parsing.UnreadableError:
        return None


def _code(response: Response) -> int | None:
    return parsing.whole(parsing.fields(_read(response)).get("code"))


@sensitive_variables()
async def _call(
    client: Client,
    url: str,
    *,
    key: str | None = None,
    max_bytes: int = _SMALL,
    total: float = _SECONDS,
) -> Response:
    """Raises NoAnswer, which remembers nothing of the address: a signature is in it."""
    headers = None if key is None else {"X-MBX-APIKEY": key}
    try:
        return await client.request("GET", url, headers=headers, max_bytes=max_bytes, total=total)
    except EgressError as error:
        raise NoAnswer(sentences.about_failure(error.failure)) from None
    except OSError:
        # This process has no socket left, which is nobody's fault but ours.
        raise NoAnswer(sentences.BUSY) from None
