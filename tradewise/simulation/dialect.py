"""The market in the words of Binance's spot API, as far as Freqtrade asks for it.

Only public, reading endpoints: nobody can place an order here. Freqtrade's dry run keeps its orders to
itself and fills them against the order book below.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from tradewise.simulation.market import DAY, INTERVALS, MINUTE, SYMBOLS, Candle, Market, Symbol

Json = dict[str, object] | list[object]
Parameters = Mapping[str, str]

MOST_CANDLES = 1_000
MOST_LEVELS = 500

# 13 digits are the milliseconds of the next 267 years; more are a mistake or an attack on int().
_INTEGER = re.compile(r"-?[0-9]{1,13}", re.ASCII)


class ApiError(Exception):
    """An answer in Binance's form of an error: an HTTP status, a negative code, and a sentence."""

    def __init__(self, status: int, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence

    def body(self) -> Json:
        return {"code": self.code, "msg": self.sentence}


@dataclass(frozen=True, slots=True)
class Endpoint:
    answer: Callable[[Parameters], Json]
    parameters: frozenset[str]


def milliseconds() -> int:
    return time.time_ns() // 1_000_000


class Dialect:
    """Answers one request at a time from the market; `clock` tells milliseconds since 1970."""

    def __init__(self, market: Market, clock: Callable[[], int] = milliseconds) -> None:
        self._market = market
        self._clock = clock
        self._endpoints = {
            "/api/v3/ping": Endpoint(self._ping, frozenset()),
            "/api/v3/time": Endpoint(self._time, frozenset()),
            "/api/v3/exchangeInfo": Endpoint(self._exchange_info, frozenset({"symbol"})),
            "/api/v3/klines": Endpoint(
                self._klines, frozenset({"symbol", "interval", "startTime", "endTime", "limit"})
            ),
            "/api/v3/depth": Endpoint(self._depth, frozenset({"symbol", "limit"})),
            "/api/v3/ticker/24hr": Endpoint(self._ticker_24hr, frozenset({"symbol"})),
        }

    def answer(self, path: str, parameters: Parameters) -> Json:
        """The body of the answer. Raises ApiError for everything that Binance would not answer either."""
        endpoint = self._endpoints.get(path)
        if endpoint is None:
            raise ApiError(404, -1000, "This endpoint does not exist on the simulated exchange.")
        if not endpoint.parameters.issuperset(parameters):
            raise ApiError(400, -1104, "Not all sent parameters were read.")
        return endpoint.answer(parameters)

    def _ping(self, _: Parameters) -> Json:
        return {}

    def _time(self, _: Parameters) -> Json:
        return {"serverTime": self._clock()}

    def _exchange_info(self, parameters: Parameters) -> Json:
        symbols = [_symbol(parameters)] if "symbol" in parameters else list(SYMBOLS.values())
        return {
            "timezone": "UTC",
            "serverTime": self._clock(),
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [_listing(symbol) for symbol in symbols],
        }

    def _klines(self, parameters: Parameters) -> Json:
        symbol = _symbol(parameters)
        interval = _required(parameters, "interval")
        if interval not in INTERVALS:
            raise ApiError(400, -1120, "Invalid interval.")
        limit = min(_integer(parameters, "limit", 500, least=1), MOST_CANDLES)
        now = self._clock()
        length = INTERVALS[interval] * MINUTE
        end = min(_integer(parameters, "endTime", now), now)
        start = _integer(parameters, "startTime", end // length * length - (limit - 1) * length)
        # Lazy: a start in 1970 asks for every candle since the listing and takes the first few.
        candles = self._market.candles(symbol, INTERVALS[interval], start, end, now)
        return [_kline(symbol, candle, length) for candle in islice(candles, limit)]

    def _depth(self, parameters: Parameters) -> Json:
        symbol = _symbol(parameters)
        levels = min(_integer(parameters, "limit", 100, least=1), MOST_LEVELS)
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

    def _ticker_24hr(self, parameters: Parameters) -> Json:
        now = self._clock()
        if "symbol" in parameters:
            return self._ticker(_symbol(parameters), now)
        return [self._ticker(symbol, now) for symbol in SYMBOLS.values()]

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


def _required(parameters: Parameters, name: str) -> str:
    if not parameters.get(name):
        raise ApiError(
            400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        )
    return parameters[name]


def _symbol(parameters: Parameters) -> Symbol:
    symbol = SYMBOLS.get(_required(parameters, "symbol"))
    if symbol is None:
        raise ApiError(400, -1121, "Invalid symbol.")
    return symbol


def _integer(parameters: Parameters, name: str, default: int, least: int = 0) -> int:
    if name not in parameters:
        return default
    if not _INTEGER.fullmatch(parameters[name]):
        raise ApiError(400, -1100, f"Illegal characters found in parameter '{name}'.")
    value = int(parameters[name])
    if value < least:
        raise ApiError(400, -1130, f"Data sent for parameter '{name}' is not valid.")
    return value


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
