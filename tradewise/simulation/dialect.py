"""The market in the words of Binance's spot API, as far as Freqtrade asks for it.

Only public, reading endpoints: nobody can place an order here. Freqtrade's dry run keeps its orders to
itself and fills them against the order book below.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from tradewise.simulation import keys
from tradewise.simulation.answers import UNSIGNED, ApiError, Json, Parameters, Signature, integer, required
from tradewise.simulation.market import DAY, INTERVALS, MINUTE, SYMBOLS, Candle, Market, Symbol

MOST_CANDLES = 1_000
MOST_LEVELS = 500

# As Binance documents it: a list in JSON's notation, without a space.
_NAME = r'"[A-Z0-9._-]{1,20}"'
_NAMES = re.compile(rf"\[{_NAME}(?:,{_NAME})*\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How an endpoint answers, and the parameters that it reads."""

    answer: Callable[[Parameters, Signature], Json]
    parameters: frozenset[str]


def milliseconds() -> int:
    """The time now, since 1970."""
    return time.time_ns() // 1_000_000


class Dialect:
    """Answers one request at a time from the market; `clock` tells milliseconds since 1970."""

    def __init__(self, market: Market, clock: Callable[[], int] = milliseconds) -> None:
        self._market = market
        self._clock = clock
        self._endpoints = {
            "/api/v3/ping": Endpoint(self._ping, frozenset()),
            "/api/v3/time": Endpoint(self._time, frozenset()),
            "/api/v3/exchangeInfo": Endpoint(self._exchange_info, frozenset({"symbol", "symbols"})),
            "/api/v3/klines": Endpoint(
                self._klines, frozenset({"symbol", "interval", "startTime", "endTime", "limit"})
            ),
            "/api/v3/depth": Endpoint(self._depth, frozenset({"symbol", "limit"})),
            "/api/v3/ticker/24hr": Endpoint(self._ticker_24hr, frozenset({"symbol"})),
            "/api/v3/ticker/price": Endpoint(self._ticker_price, frozenset({"symbol", "symbols"})),
            "/sapi/v1/account/apiRestrictions": Endpoint(
                self._restrictions, frozenset({"timestamp", "recvWindow", "signature"})
            ),
        }

    def answer(self, path: str, parameters: Parameters, signature: Signature = UNSIGNED) -> Json:
        """The body of the answer. Raises ApiError for everything that Binance would not answer either."""
        endpoint = self._endpoints.get(path)
        if endpoint is None:
            raise ApiError(404, -1000, "This endpoint does not exist on the simulated exchange.")
        if not endpoint.parameters.issuperset(parameters):
            raise ApiError(400, -1104, "Not all sent parameters were read.")
        return endpoint.answer(parameters, signature)

    def _ping(self, _: Parameters, __: Signature) -> Json:
        return {}

    def _time(self, _: Parameters, __: Signature) -> Json:
        return {"serverTime": self._clock()}

    def _restrictions(self, parameters: Parameters, signature: Signature) -> Json:
        return keys.restrictions(parameters, signature, self._clock())

    def _exchange_info(self, parameters: Parameters, _: Signature) -> Json:
        return {
            "timezone": "UTC",
            "serverTime": self._clock(),
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [_listing(symbol) for symbol in _symbols(parameters)],
        }

    def _klines(self, parameters: Parameters, _: Signature) -> Json:
        symbol = _symbol(parameters)
        interval = required(parameters, "interval")
        if interval not in INTERVALS:
            raise ApiError(400, -1120, "Invalid interval.")
        limit = min(integer(parameters, "limit", 500, least=1), MOST_CANDLES)
        now = self._clock()
        length = INTERVALS[interval] * MINUTE
        end = min(integer(parameters, "endTime", now), now)
        start = integer(parameters, "startTime", end // length * length - (limit - 1) * length)
        # Lazy: a start in 1970 asks for every candle since the listing and takes the first few.
        candles = self._market.candles(symbol, INTERVALS[interval], start, end, now)
        return [_kline(symbol, candle, length) for candle in islice(candles, limit)]

    def _depth(self, parameters: Parameters, _: Signature) -> Json:
        symbol = _symbol(parameters)
        levels = min(integer(parameters, "limit", 100, least=1), MOST_LEVELS)
        now = self._clock()
        bid, ask = self._market.book(symbol, now)
        gap = max(1, bid // 10_000)
        # Each level is worth 50 000 of the quote currency more than the one before: any paper order fills.
        lots = round(50_000 / symbol.start_price * 10**symbol.lot_places)
        sizes = [symbol.quantity(lots * (level + 1)) for level in range(levels)]
        return {
            "lastUpdateId": now,
            "bids": [[symbol.price(bid - gap * i), size] for i, size in enumerate(sizes)],
            "asks": [[symbol.price(ask + gap * i), size] for i, size in enumerate(sizes)],
        }

    def _ticker_24hr(self, parameters: Parameters, _: Signature) -> Json:
        now = self._clock()
        if "symbol" in parameters:
            return self._ticker(_symbol(parameters), now)
        return [self._ticker(symbol, now) for symbol in SYMBOLS.values()]

    def _ticker_price(self, parameters: Parameters, _: Signature) -> Json:
        now = self._clock()
        rows: list[object] = [
            {"symbol": symbol.name, "price": symbol.price(self._market.price(symbol, now))}
            for symbol in _symbols(parameters)
        ]
        row = rows[0]
        return row if "symbol" in parameters and isinstance(row, dict) else rows

    def _ticker(self, symbol: Symbol, now: int) -> dict[str, object]:
        day = self._market.rolling(symbol, now)
        bid, ask = self._market.book(symbol, now)
        size = symbol.quantity(round(50_000 / symbol.start_price * 10**symbol.lot_places))
        return {
            "symbol": symbol.name,
            "priceChange": symbol.price(day.close - day.open),
            "priceChangePercent": f"{(day.close / day.open - 1) * 100:.3f}",
            "weightedAvgPrice": symbol.price((day.high + day.low + day.close) // 3),
            "prevClosePrice": symbol.price(day.open),
            "lastPrice": symbol.price(day.close),
            "lastQty": size,
            "bidPrice": symbol.price(bid),
            "bidQty": size,
            "askPrice": symbol.price(ask),
            "askQty": size,
            "openPrice": symbol.price(day.open),
            "highPrice": symbol.price(day.high),
            "lowPrice": symbol.price(day.low),
            "volume": symbol.quantity(day.volume),
            "quoteVolume": symbol.turnover(day.close, day.volume),
            "openTime": now - DAY,
            "closeTime": now,
            "firstId": 1,
            "lastId": 1_440,
            "count": 1_440,
        }


def _symbol(parameters: Parameters) -> Symbol:
    symbol = SYMBOLS.get(required(parameters, "symbol"))
    if symbol is None:
        raise ApiError(400, -1121, "Invalid symbol.")
    return symbol


def _symbols(parameters: Parameters) -> list[Symbol]:
    """One, several, or all where none is named; no answer where any is unknown, as on Binance."""
    if "symbol" in parameters and "symbols" in parameters:
        raise ApiError(400, -1128, "Combination of optional parameters invalid.")
    if "symbols" not in parameters:
        return [_symbol(parameters)] if "symbol" in parameters else list(SYMBOLS.values())
    if not _NAMES.fullmatch(parameters["symbols"]):
        raise ApiError(400, -1100, "Illegal characters found in parameter 'symbols'.")
    names = [name.strip('"') for name in parameters["symbols"][1:-1].split(",")]
    if not SYMBOLS.keys() >= set(names):
        raise ApiError(400, -1121, "Invalid symbol.")
    return [SYMBOLS[name] for name in dict.fromkeys(names)]


def _kline(symbol: Symbol, candle: Candle, length: int) -> list[object]:
    """The twelve columns of a kline. Half of the volume counts as bought by takers."""
    return [
        candle.opens_at,
        symbol.price(candle.open),
        symbol.price(candle.high),
        symbol.price(candle.low),
        symbol.price(candle.close),
        symbol.quantity(candle.volume),
        candle.opens_at + length - 1,
        symbol.turnover(candle.close, candle.volume),
        100,
        symbol.quantity(candle.volume // 2),
        symbol.turnover(candle.close, candle.volume // 2),
        "0",
    ]


def _listing(symbol: Symbol) -> dict[str, object]:
    """A symbol in exchangeInfo, with the filters from which ccxt takes precision and limits."""
    tick, lot = f"{10**-symbol.price_places:.8f}", f"{10**-symbol.lot_places:.8f}"
    return {
        "symbol": symbol.name,
        "status": "TRADING",
        "baseAsset": symbol.base,
        "baseAssetPrecision": 8,
        "quoteAsset": symbol.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000000", "stepSize": lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "1000000", "stepSize": lot},
            {
                "filterType": "NOTIONAL",
                "minNotional": "5",
                "applyMinToMarket": True,
                "maxNotional": "9000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
    }
