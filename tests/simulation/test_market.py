"""Prices are a pure function of seed, symbol and time, and every timeframe tells the same story."""

import statistics
from itertools import pairwise
from math import log

import pytest

from tradewise.simulation.market import DAY, INTERVALS, LISTED_AT, MINUTE, SYMBOLS, Market

NOW = LISTED_AT + 100 * DAY + (12 * 60 + 7) * MINUTE + 17_345
BTC = SYMBOLS["BTCUSDT"]


@pytest.fixture(scope="module")
def market():
    return Market()


def candles(market, symbol, minutes, count, now=NOW):
    return list(market.candles(symbol, minutes, now - count * minutes * MINUTE, now, now))


def test_a_restart_shows_the_same_candles(market):
    assert candles(Market(), BTC, 1, 500) == candles(market, BTC, 1, 500)


def test_another_seed_and_another_symbol_are_another_market(market):
    assert candles(Market(seed=43), BTC, 1, 5) != candles(market, BTC, 1, 5)
    ours, others = ([c.close / c.open for c in candles(market, s, 1, 50)] for s in (BTC, SYMBOLS["ETHUSDT"]))
    assert ours != others


def test_what_has_happened_does_not_change_when_time_goes_on(market):
    then = candles(market, BTC, 1, 100)
    later = {candle.opens_at: candle for candle in candles(market, BTC, 1, 200, NOW + 60 * MINUTE)}
    assert all(later[candle.opens_at] == candle for candle in then[:-1])


@pytest.mark.parametrize("interval", [name for name in INTERVALS if name != "1m"])
@pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=SYMBOLS)
def test_a_candle_is_exactly_the_sum_of_its_minutes(market, symbol, interval):
    length = INTERVALS[interval] * MINUTE
    opens_at = NOW // length * length - length
    whole = market.candle(symbol, INTERVALS[interval], opens_at, NOW)
    minutes = [market.candle(symbol, 1, at, NOW) for at in range(opens_at, opens_at + length, MINUTE)]
    assert (whole.open, whole.close) == (minutes[0].open, minutes[-1].close)
    assert whole.high == max(minute.high for minute in minutes)
    assert whole.low == min(minute.low for minute in minutes)
    assert whole.volume == sum(minute.volume for minute in minutes)


def test_each_candle_opens_where_the_last_one_closed_even_over_midnight(market):
    row = candles(market, BTC, 1, 2_000)
    assert any(candle.opens_at % DAY == 0 for candle in row[1:])
    assert all(before.close == after.open for before, after in pairwise(row))
    assert all(c.low <= min(c.open, c.close) <= max(c.open, c.close) <= c.high for c in row)


def test_the_candle_that_is_still_forming_closes_at_the_present_price(market):
    forming = candles(market, BTC, 60, 3)[-1]
    assert forming.closes_at == NOW
    assert forming.close == market.price(BTC, NOW)
    assert candles(market, BTC, 1, 5)[-1].volume < forming.volume


def test_there_are_no_candles_before_the_listing_nor_after_now(market):
    row = list(market.candles(BTC, 1440, 0, NOW + DAY, NOW))
    assert row[0].opens_at == LISTED_AT
    assert row[-1].opens_at <= NOW


def test_bid_is_below_ask(market):
    for symbol in SYMBOLS.values():
        bid, ask = market.book(symbol, NOW)
        assert 0 < bid < market.price(symbol, NOW) < ask


@pytest.mark.parametrize("volatility", [0.0006, 0.0012, 0.005])
def test_the_volatility_is_what_was_asked_for(volatility):
    closes = [candle.close for candle in candles(Market(volatility=volatility), BTC, 1, 1_400)]
    measured = statistics.pstdev(log(after / before) for before, after in pairwise(closes))
    assert measured == pytest.approx(volatility, rel=0.15)


def test_prices_stay_within_reason_for_years(market):
    month = 30 * DAY
    prices = [market.price(BTC, LISTED_AT + month * i) for i in range(60)]
    assert min(prices) > 64_000_00 * 0.65
    assert max(prices) < 64_000_00 * 1.5
