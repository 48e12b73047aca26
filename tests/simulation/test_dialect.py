"""The answers have Binance's form, and so have the refusals."""

from decimal import Decimal

import pytest

from tradewise.simulation.answers import ApiError
from tradewise.simulation.dialect import Dialect
from tradewise.simulation.market import DAY, LISTED_AT, MINUTE, SYMBOLS, Market

NOW = LISTED_AT + 50 * DAY + 7 * MINUTE + 1_234


@pytest.fixture(scope="module")
def dialect():
    return Dialect(Market(), clock=lambda: NOW)


def klines(dialect, **parameters):
    return dialect.answer("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", **parameters})


def filters(listing):
    return {each["filterType"]: each for each in listing["filters"]}


def test_a_kline_has_twelve_columns_and_closes_a_millisecond_before_the_next(dialect):
    row = klines(dialect, limit="2")
    assert [len(kline) for kline in row] == [12, 12]
    assert row[0][6] + 1 == row[1][0] == NOW // MINUTE * MINUTE


def test_the_newest_thousand_candles_are_the_most(dialect):
    row = klines(dialect, limit="5000")
    assert len(row) == 1_000
    assert row[-1][0] == NOW // MINUTE * MINUTE


def test_start_and_end_are_both_included(dialect):
    start = NOW // MINUTE * MINUTE - 10 * MINUTE
    row = klines(dialect, startTime=str(start), endTime=str(start + 3 * MINUTE))
    assert [kline[0] for kline in row] == [start + i * MINUTE for i in range(4)]


def test_a_start_in_1970_gives_the_first_candles_after_the_listing(dialect):
    assert [k[0] for k in klines(dialect, startTime="0", limit="2")] == [LISTED_AT, LISTED_AT + MINUTE]


def test_a_start_in_the_future_gives_nothing(dialect):
    assert klines(dialect, startTime=str(NOW + DAY)) == []


@pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=SYMBOLS)
def test_every_price_and_quantity_obeys_the_filters(dialect, symbol):
    info = dialect.answer("/api/v3/exchangeInfo", {"symbol": symbol.name})
    rules = filters(info["symbols"][0])
    tick, step = Decimal(rules["PRICE_FILTER"]["tickSize"]), Decimal(rules["LOT_SIZE"]["stepSize"])
    book = dialect.answer("/api/v3/depth", {"symbol": symbol.name, "limit": "20"})
    row = klines(dialect, symbol=symbol.name, limit="5")
    prices = [p for p, _ in book["bids"] + book["asks"]] + [p for kline in row for p in kline[1:5]]
    quantities = [q for _, q in book["bids"] + book["asks"]] + [kline[5] for kline in row]
    assert all(Decimal(price) % tick == 0 and Decimal(price) > 0 for price in prices)
    assert all(Decimal(quantity) % step == 0 and Decimal(quantity) > 0 for quantity in quantities)


def test_the_book_is_sorted_from_the_best_price_and_does_not_cross(dialect):
    book = dialect.answer("/api/v3/depth", {"symbol": "BTCUSDT", "limit": "500"})
    bids, asks = ([Decimal(price) for price, _ in book[side]] for side in ("bids", "asks"))
    assert len(bids) == len(asks) == 500
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < asks[0]


def test_the_ticker_of_a_day_agrees_with_the_candles(dialect):
    ticker = dialect.answer("/api/v3/ticker/24hr", {"symbol": "BTCUSDT"})
    assert ticker["lastPrice"] == klines(dialect, limit="1")[0][4]
    assert Decimal(ticker["bidPrice"]) < Decimal(ticker["lastPrice"]) < Decimal(ticker["askPrice"])
    assert len(dialect.answer("/api/v3/ticker/24hr", {})) == len(SYMBOLS)


def test_several_symbols_are_listed_at_once(dialect):
    info = dialect.answer("/api/v3/exchangeInfo", {"symbols": '["ETHUSDT","BTCUSDT","ETHUSDT"]'})
    assert [each["symbol"] for each in info["symbols"]] == ["ETHUSDT", "BTCUSDT"]
    assert len(dialect.answer("/api/v3/exchangeInfo", {})["symbols"]) == len(SYMBOLS)


def test_the_last_price_is_that_of_the_day(dialect):
    day = dialect.answer("/api/v3/ticker/24hr", {"symbol": "BTCUSDT"})
    one = dialect.answer("/api/v3/ticker/price", {"symbol": "BTCUSDT"})
    assert one == {"symbol": "BTCUSDT", "price": day["lastPrice"]}
    assert dialect.answer("/api/v3/ticker/price", {"symbols": '["BTCUSDT"]'}) == [one]
    assert len(dialect.answer("/api/v3/ticker/price", {})) == len(SYMBOLS)


@pytest.mark.parametrize(
    ("path", "parameters", "status", "code"),
    [
        ("klines", {}, 400, -1102),
        ("klines", {"symbol": "BTCUSDT"}, 400, -1102),
        ("klines", {"symbol": "", "interval": "1m"}, 400, -1102),
        ("klines", {"symbol": "DOGEUSDT", "interval": "1m"}, 400, -1121),
        ("klines", {"symbol": "\0", "interval": "1m"}, 400, -1121),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, 400, -1120),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "x"}, 400, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "١"}, 400, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "9" * 5000}, 400, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, 400, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": "-1"}, 400, -1130),
        ("depth", {"limit": "5"}, 400, -1102),
        ("depth", {"symbol": "BTCUSDT", "limit": "-5"}, 400, -1130),
        ("exchangeInfo", {"symbol": "x"}, 400, -1121),
        ("exchangeInfo", {"symbols": '["BTCUSDT","DOGEUSDT"]'}, 400, -1121),
        ("exchangeInfo", {"symbols": '["BTCUSDT"]', "symbol": "BTCUSDT"}, 400, -1128),
        ("exchangeInfo", {"symbols": "[]"}, 400, -1100),
        ("exchangeInfo", {"symbols": "BTCUSDT"}, 400, -1100),
        ("exchangeInfo", {"symbols": '["BTCUSDT", "ETHUSDT"]'}, 400, -1100),
        ("exchangeInfo", {"symbols": '["BTCUSDT"]\n'}, 400, -1100),
        ("ticker/price", {"symbols": '["BTCUSDT"'}, 400, -1100),
        ("ticker/price", {"symbol": "DOGEUSDT"}, 400, -1121),
        ("ticker/24hr", {"symbols": "[]"}, 400, -1104),
        ("time", {"now": "1"}, 400, -1104),
        ("order", {}, 404, -1000),
    ],
)
def test_a_bad_request_is_refused_as_binance_refuses_it(dialect, path, parameters, status, code):
    with pytest.raises(ApiError) as refusal:
        dialect.answer(f"/api/v3/{path}", parameters)
    assert (refusal.value.status, refusal.value.code) == (status, code)
