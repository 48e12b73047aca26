"""What a replay was worth day by day, reckoned by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal

from bots.replays.days import days_of
from bots.replays.engine import Order, Replay, ReplayedTrade
from tradewise.simulation.history import STEPS_PER_DAY

FIRST = date(2026, 3, 1)
FEE = Decimal("0.001")


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def trade(*orders: Order, profit: str, closed: datetime, pair: str = "BTC/USDT") -> ReplayedTrade:
    return ReplayedTrade(
        pair,
        orders[0].at,
        closed,
        Decimal(100),
        orders[0].price,
        orders[-1].price,
        Decimal(profit),
        Decimal(0),
        "roi",
        orders,
    )


def order(when: datetime, buys: bool, price: str, amount: str) -> Order:
    return Order(when, buys, Decimal(price), Decimal(amount), FEE)


def test_open_trades_count_at_the_price_of_the_moment_less_the_fee_of_selling():
    bought, sold = order(at(1, 12), True, "100", "2"), order(at(2, 12), False, "110", "2")
    # 2 x 110 x 0.999 - 2 x 100 x 1.001
    replay = Replay(
        Decimal(1000), Decimal("1019.58"), (trade(bought, sold, profit="19.58", closed=at(2, 12)),)
    )
    half = STEPS_PER_DAY // 2
    # 90 from noon on, 120 at midnight and until noon; ticks are cents.
    closes = {"BTC/USDT": [10000] * half + [9000] * (half - 1) + [12000] * (half + 1) + [11000] * half * 3}
    one, two, three = days_of(replay, closes, FIRST, 3)
    cash = 1000 - Decimal("200.2")
    assert (one.profit, one.trades, one.starting_balance) == (Decimal(0), 0, Decimal(1000))
    assert (one.low, one.high, one.close) == (
        cash + Decimal("180") * (1 - FEE),
        cash + Decimal("240") * (1 - FEE),
        cash + Decimal("240") * (1 - FEE),
    )
    assert (two.profit, two.trades, two.starting_balance) == (Decimal("19.58"), 1, Decimal(1000))
    assert (two.high, two.low, two.close) == (one.close, Decimal("1019.58"), Decimal("1019.58"))
    assert (three.profit, three.starting_balance) == (Decimal(0), Decimal("1019.58"))
    assert three.low == three.high == three.close == Decimal("1019.58")


def test_pairs_with_ticks_of_different_sizes_are_added_up():
    coins = trade(
        order(at(1, 0), True, "0.5", "100"),
        order(at(2, 0), False, "0.6", "100"),
        profit="9.89",
        closed=at(2, 0),
        pair="XRP/USDT",
    )
    bitcoin = trade(
        order(at(1, 0), True, "100", "1"), order(at(2, 0), False, "90", "1"), profit="-10.19", closed=at(2, 0)
    )
    replay = Replay(Decimal(1000), Decimal("999.7"), (coins, bitcoin))
    closes = {"XRP/USDT": [55000] * STEPS_PER_DAY * 2, "BTC/USDT": [9500] * STEPS_PER_DAY * 2}
    one, two = days_of(replay, closes, FIRST, 2)
    # 1000 - 50.05 - 100.1, and 55 + 95 less 0.1 %
    assert one.low == one.high == one.close == Decimal("849.85") + 150 * (1 - FEE)
    assert (two.profit, two.trades, two.close) == (Decimal("-0.3"), 2, Decimal("999.7"))
