"""A stretch of the simulated exchange's past is what the exchange itself would have said."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from marketplace.services.demo.prices import demo_prices
from tradewise.simulation.history import FIELDS, STEPS_PER_DAY, close_of_day, milliseconds, stretch
from tradewise.simulation.market import DAY, SYMBOLS, Market

DAY_ONE = date(2026, 3, 1)


def test_a_stretch_is_the_candles_of_the_exchange():
    found = stretch("ETH/USDT", DAY_ONE, 2)
    assert len(found.rows) == 2 * STEPS_PER_DAY * FIELDS
    start = milliseconds(DAY_ONE)
    daily = Market().candle(SYMBOLS["ETHUSDT"], 1440, start, start + DAY)
    first = found.rows[: STEPS_PER_DAY * FIELDS]
    assert (first[0], max(first[1::5]), min(first[2::5]), first[-2], sum(first[4::5])) == (
        daily.open,
        daily.high,
        daily.low,
        daily.close,
        daily.volume,
    )
    assert list(found.closes(DAY_ONE + timedelta(days=1))) == list(
        found.rows[STEPS_PER_DAY * FIELDS + 3 :: 5]
    )


@pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=str)
def test_the_close_of_a_day_is_that_of_its_candle(symbol):
    start = milliseconds(DAY_ONE)
    candle = Market().candle(symbol, 1440, start, start + DAY)
    pair = f"{symbol.base}/{symbol.quote}"
    assert close_of_day(pair, DAY_ONE) == Decimal(symbol.price(candle.close)) == demo_prices(pair, DAY_ONE)


def test_what_the_exchange_never_had_has_no_price():
    assert demo_prices("DOGE/USDT", DAY_ONE) is None
    assert demo_prices("BTC/USDT", date(2025, 12, 31)) is None
    with pytest.raises(ValueError, match="no prices before 2026-01-01"):
        stretch("BTC/USDT", date(2025, 12, 31), 1)
