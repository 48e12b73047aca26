"""Real Freqtrade on candles written by hand: which orders it makes, and why just these.

A candle is a minute. In a backtest Freqtrade looks once at each candle, at its open, and enters on the candle after a
signal; the profit target and the stop are looked for within the candle. The first candle has no signal before it, and
the second is where the history begins, so nothing is bought before minute 2. Amounts are cut to 0.0001 ETH.
"""

import pytest

from tests.strategies.backtesting import Order, Trade, backtest, flat
from tests.strategies.examples import example

pytestmark = pytest.mark.engine


@pytest.fixture
def trades(freqtrade_venv, exchange, tmp_path):
    def run(candles, kind, **parameters) -> list[Trade]:
        return backtest(tmp_path, exchange.url, example(kind, pairs=["ETH/USDT"], **parameters), candles)

    return run


def test_dca_buys_the_dips_and_sells_everything_at_the_profit(trades):
    candles = [
        *flat(1000, 1000),
        *flat(1000),  # 2: the base order, 100 / 1000
        *flat(990.01),  # not yet 1 % below
        *flat(990),  # 4: 1 % below 1000: 50 / 990
        *flat(970.01),  # not yet 1 % + 2 % below
        *flat(960),  # 6: a gap past 970: 100 at the price that is there
        *flat(960, 801, 960),  # no third safety order, and 801 is above the stop
        (960, 1000, 955, 990),  # 10: sold within the candle
        *flat(990),  # 11: the next trade's base order, 100 / 990
        *flat(980.1),  # 12: 1 % below 990: 50 / 980.10
        (980, 980, 780, 790),  # 13: 792 is 20 % below the base order; 20 % below the average would be 789.34
        *flat(790, 790),
    ]
    first, second, _ = trades(
        candles,
        "dca",
        base_order=100,
        safety_order=50,
        max_safety_orders=2,
        price_deviation_pct=1,
        step_scale=2,
        volume_scale=2,
        take_profit_pct=1,
        stop_loss_pct=20,
    )
    assert first.orders == (
        Order(2, "buy", 1000, 0.1, "dca-base"),
        Order(4, "buy", 990, 0.0505, "dca-safety-1"),
        Order(6, "buy", 960, 0.1041, "dca-safety-2"),
        # Bought for 249.931, on average at 981.66. After 0.1 % each way 1 % is left at 981.66 x 1.001 x 1.01 / 0.999.
        Order(10, "sell", 993.46, 0.2546, "roi"),
    )
    assert first.profit == pytest.approx(249.931 * 1.001 * 0.01, abs=0.005)
    assert second.orders == (
        Order(11, "buy", 990, 0.101, "dca-base"),
        Order(12, "buy", 980.1, 0.051, "dca-safety-1"),
        Order(13, "sell", 792, 0.152, "stop_loss"),
    )


def test_dca_buys_by_the_clock_at_any_price(trades):
    candles = [
        *flat(1000, 1000, 1000, 1005, 1010, 900, 1020, 1020, 1020, 1020),
        (1020, 1100, 1020, 1090),
        *flat(1090, 1090),
    ]
    (first, *_) = trades(
        candles,
        "dca",
        mode="interval",
        interval_minutes=2,
        base_order=100,
        safety_order=50,
        max_safety_orders=2,
        take_profit_pct=5,
    )
    assert first.orders == (
        Order(2, "buy", 1000, 0.1, "dca-base"),
        Order(4, "buy", 1010, 0.0495, "dca-safety-1"),
        Order(6, "buy", 1020, 0.049, "dca-safety-2"),  # and no third one two minutes later
        # Bought for 199.975, on average at 1007.43, which x 1.001 x 1.05 / 0.999 is 1059.92.
        Order(10, "sell", 1059.92, 0.1985, "roi"),
    )


def test_grid_buys_at_each_line_and_sells_one_line_higher(trades):
    candles = [
        *flat(1010, 1000),
        *flat(999),  # 2: bought at line 2, which is 1000: 100 / 999
        *flat(1000),  # line 2 is held
        *flat(951),  # not yet at line 1
        *flat(950),  # 5: line 1: 100 / 950
        *flat(930, 949.99),  # still line 1, and no sale below 1000
        *flat(899),  # 8: line 0: 100 / 899
        *flat(840, 840),  # more than a step below the grid: nothing
        *flat(950),  # 11: line 0 is sold, all of it
        *flat(1000),  # 12: line 1 is sold
        *flat(950),  # 13: and bought again
        *flat(1051),  # 14: a gap past both: all is left is sold at once
        *flat(1051),  # nothing is bought between the two highest lines
        *flat(1000),  # 16: its candle closes within the grid …
        *flat(1000),  # 17: … so here a new trade begins, at line 2: 100 / 1000
        *flat(900),  # 18: a gap past line 1: line 0 alone
        *flat(960),  # 19: line 0 is sold, to the last 0.0001 (in binary it would be cut to 0.1110)
        *flat(700, 700),  # 20: the stop is at 810
        *flat(700),
    ]
    first, second = trades(candles, "grid", lower=900, upper=1100, levels=5, unit=100, stop_loss_pct=10)
    assert first.orders == (
        Order(2, "buy", 999, 0.1001, "grid-first"),
        Order(5, "buy", 950, 0.1052, "grid-buy-1"),
        Order(8, "buy", 899, 0.1112, "grid-buy-0"),
        Order(11, "sell", 950, 0.1112, "grid-sell-0-0"),
        Order(12, "sell", 1000, 0.1052, "grid-sell-1-1"),
        Order(13, "buy", 950, 0.1052, "grid-buy-1"),
        Order(14, "sell", 1051, 0.2053, "grid-sell-1-2"),
    )
    assert first.reason == "grid-sell-1-2"
    # (950 - 899) x 0.1112 + 50 x 0.1052 + (1051 - 950) x 0.1052 + (1051 - 999) x 0.1001, less 0.1 % of each order.
    assert first.profit == pytest.approx(26.76 - 0.8265, abs=0.01)
    assert second.orders == (
        Order(17, "buy", 1000, 0.1, "grid-first"),
        Order(18, "buy", 900, 0.1111, "grid-buy-0"),
        Order(19, "sell", 960, 0.1111, "grid-sell-0-0"),
        Order(20, "sell", 700, 0.1, "grid-stop-2-2"),
    )


#: The averages over 2 and 4 candles, and the RSI over 2, computed apart: fast += (close - fast) x 2/3 and so on.
WAVE = [
    *flat(*[1000] * 14),
    *flat(990, 985),  # 15: fast 987.78, slow 991.60
    *flat(1000),  # 16: fast 995.93 crosses above slow 994.96, and the RSI is 75
    *flat(1010, 1012),  # 17: bought
    *flat(1000),  # 19: fast 1003.26, slow 1003.23
    *flat(990),  # 20: fast 994.42 is below slow 997.94
    *flat(995),  # 21: sold
    *flat(1020),  # 22: fast 1011.60 crosses above slow 1006.06, but the RSI is 87.35
    *flat(1030, 1040, 1050),
]
SHORT = {"fast": 2, "slow": 4, "rsi_period": 2, "stake": 100, "stop_loss_pct": 5}


def test_momentum_buys_the_crossing_and_sells_when_it_is_undone(trades):
    (only,) = trades(WAVE, "momentum", **SHORT, rsi_max=80, take_profit_pct=0)
    assert only.orders == (
        Order(17, "buy", 1010, 0.099, "ema-above"),
        Order(21, "sell", 995, 0.099, "ema-below"),
    )


def test_momentum_follows_a_rising_price_and_leaves_when_it_turns(trades):
    candles = [
        *WAVE[:17],
        *flat(1010),  # 17: bought
        *flat(1040),  # a profit of 2.76 %, more than twice 1 %: the stop goes to 1040 less 1 %
        (1040, 1040, 1020, 1025),  # 19
        *flat(1025, 1025),
    ]
    (only,) = trades(candles, "momentum", **SHORT, rsi_max=80, take_profit_pct=0, trailing_pct=1)
    assert only.orders == (
        Order(17, "buy", 1010, 0.099, "ema-above"),
        Order(19, "sell", 1029.6, 0.099, "trailing_stop_loss"),
    )


def test_momentum_takes_its_profit(trades):
    candles = [*WAVE[:17], *flat(1010), (1010, 1100, 1010, 1090), *flat(1090, 1090)]
    (only,) = trades(candles, "momentum", **SHORT, rsi_max=80, take_profit_pct=3)
    assert only.orders == (
        Order(17, "buy", 1010, 0.099, "ema-above"),
        Order(18, "sell", 1042.38, 0.099, "roi"),  # 1010 x 1.001 x 1.03 / 0.999
    )
