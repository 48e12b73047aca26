"""What a bot earned, from its answers into the tables: once, truthfully, and whatever it sends."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bots.adapters import AdapterError, ClosedTrade, Figures, Rejection
from bots.enums import HealthReason
from bots.health import readings
from bots.health.figures import TREND_DAYS, trend
from bots.health.readings import Reading
from tests.adapters.answers import CLOSED_TRADE, OPEN_TRADE, PROFIT, UNPRICED_TRADE
from tests.adapters.test_figures import order
from tests.health.made import closed, days, figures, held
from tests.health.test_verdict import bot as leased

TODAY = datetime.now(UTC)


def rows(sql, table: str, columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in sql(f"SELECT {columns} FROM {table} ORDER BY {columns}")]


def read_again(sweeps, sql) -> None:
    sql.make_due(figures=True)
    sweeps()


# The first reading, and the next.


@pytest.fixture
def earner(town):
    """A bot with a month of days, two closed trades and an open one."""
    played = town.bot()
    played.answers |= {
        "profit": PROFIT
        | {
            "profit_closed_coin": 30.0,
            "profit_closed_ratio": 0.03,
            "profit_all_coin": 29.5,
            "profit_all_ratio": 0.0295,
            "closed_trade_count": 2,
            "winning_trades": 2,
        },
        "status": [OPEN_TRADE | {"trade_id": 3}],
        "daily": {
            "data": [
                {
                    "date": (datetime.now(UTC) - timedelta(days=back)).date().isoformat(),
                    "abs_profit": 1.0,
                    "starting_balance": 1000,
                    "trade_count": 1,
                }
                for back in range(30)
            ]
        },
        "trades": {
            "trades": [
                CLOSED_TRADE
                | {"fee_open": 0.001, "fee_close": 0.002}
                | {"orders": [order(2, 50), order(2, 60, entry=False)]},
                CLOSED_TRADE | {"trade_id": 2},
            ],
            "trades_count": 2,
            "total_trades": 2,
        },
        "balance": {
            "currencies": [{"currency": "ETH", "balance": 0.03, "est_stake": 99.6}],
            "total": 1029.5,
            "starting_capital": 1000.0,
        },
    }
    return played


def test_the_first_reading_writes_the_latest_a_sample_the_days_and_the_trades(earner, connected, sweeps, sql):
    bot = connected(earner.url)
    sweeps()
    ((latest,),) = sql("SELECT row_to_json(f) AS latest FROM bot_figures f WHERE bot_id = %s", bot.pk)
    assert {name: latest[name] for name in ("profit_all", "profit_closed", "profit_today", "equity")} == {
        "profit_all": 29.5,
        "profit_closed": 30.0,
        "profit_today": 1.0,
        "equity": 1029.5,
    }
    assert (latest["closed_trades"], latest["open_trade_count"], latest["last_trade_id"]) == (2, 1, 2)
    assert [trade["trade_id"] for trade in latest["open_trades"]] == [3]
    assert [float(level) for level in latest["trend"]] == [float(day) for day in range(1, 31)]
    assert rows(sql, "bot_samples", "equity, profit_all, open_trade_count") == [
        (Decimal("1029.5"), Decimal("29.5"), 1)
    ]
    assert sql("SELECT count(*), sum(profit) FROM bot_days")[0] == (30, 30)
    assert rows(sql, "bot_days WHERE equity_close IS NOT NULL", "day, equity_low, equity_high") == [
        (datetime.now(UTC).date(), Decimal("1029.5"), Decimal("1029.5"))
    ]
    assert rows(sql, "bot_trades", "trade_id, pair, turnover, fees") == [
        (1, "BTC/USDT", Decimal(220), Decimal("0.34")),
        (2, "BTC/USDT", None, None),
    ]


@pytest.mark.parametrize(("minutes", "asked"), [(10**6, 0), (1, 1)], ids=["known", "made up for"])
def test_reading_the_same_again_adds_a_point_and_nothing_else(
    earner, connected, sweeps, sql, monkeypatch, minutes: int, asked: int
):
    """Trades that are known are not asked for again, but once in so many minutes: never here, and always."""
    monkeypatch.setattr(readings, "MAKE_UP_MINUTES", minutes)
    connected(earner.url)
    sweeps()
    before = [rows(sql, table, columns) for table, columns in LASTING]
    first = earner.asked.count("trades")
    read_again(sweeps, sql)
    assert [rows(sql, table, columns) for table, columns in LASTING] == before
    assert len(rows(sql, "bot_samples", "equity")) == 2
    assert earner.asked.count("trades") - first == asked


LASTING = [
    ("bot_days", "day, profit, trades, equity_low, equity_high"),
    ("bot_trades", "trade_id, profit"),
    ("bot_figures", "equity, last_trade_id, closed_trades"),
]


def test_figures_are_read_once_a_minute_however_often_the_bot_is_checked(earner, connected, sweeps, sql):
    connected(earner.url)
    for _ in range(4):
        sql.make_due()
        sweeps()
    assert len(rows(sql, "bot_samples", "equity")) == 1
    assert earner.asked.count("profit") == 1


def test_the_day_keeps_its_lowest_and_highest_equity(earner, connected, sweeps, sql):
    connected(earner.url)
    for coin in (29.5, 10.0, 50.0, 20.0):
        earner.answers["profit"] = earner.answers["profit"] | {
            "profit_all_coin": coin,
            "profit_all_ratio": coin / 1000,
        }
        read_again(sweeps, sql)
    ((low, high, close),) = rows(
        sql, "bot_days WHERE equity_close IS NOT NULL", "equity_low, equity_high, equity_close"
    )
    assert (low, high, close) == (1010, 1050, 1020)


# Samples that are not to be believed.


def test_a_bot_without_prices_keeps_its_equity_and_is_counted_and_comes_back(earner, connected, sweeps, sql):
    bot = connected(earner.url)
    sweeps()
    earner.answers["status"] = [UNPRICED_TRADE | {"trade_id": 3}]
    earner.answers["profit"] = earner.answers["profit"] | {
        "profit_all_coin": -970.0,
        "profit_all_ratio": -0.97,
    }
    for _ in range(2):
        read_again(sweeps, sql)
    assert rows(sql, "bot_figures", "equity, rejected_samples, rejected_reason") == [
        (Decimal("1029.5"), 2, "prices missing")
    ]
    assert len(rows(sql, "bot_samples", "equity")) == 1, "no loss that is none"
    assert (sql.bot(bot).status, sql.bot(bot).health) == ("running", "exchange_unreachable")
    sql.make_due()
    sweeps()
    assert sql.bot(bot).health == "exchange_unreachable", "until prices are seen again"
    earner.answers["status"] = [OPEN_TRADE | {"trade_id": 3}]
    earner.answers["profit"] = earner.answers["profit"] | {"profit_all_coin": 31.0, "profit_all_ratio": 0.031}
    read_again(sweeps, sql)
    assert rows(sql, "bot_figures", "equity, rejected_samples, rejected_reason") == [(Decimal(1031), 2, "")]
    assert sql.bot(bot).health == "ok"
    sentences = [sentence for _, _, sentence in sql.events(bot)]
    assert len(sentences) == 3
    assert "no prices" in sentences[1]


def test_positions_that_the_balance_values_at_nothing_are_not_a_loss(earner, connected, sweeps, sql):
    connected(earner.url)
    earner.answers["balance"] = earner.answers["balance"] | {
        "currencies": [{"currency": "ETH", "balance": 0.03, "est_stake": 0.0}]
    }
    sweeps()
    assert rows(sql, "bot_figures", "equity, rejected_samples, rejected_reason") == [
        (None, 1, "positions valued at 0")
    ]
    assert rows(sql, "bot_samples", "equity") == []


def test_trades_that_closed_while_samples_were_rejected_are_not_lost(earner, connected, sweeps, sql):
    connected(earner.url)
    earner.answers["status"] = [UNPRICED_TRADE | {"trade_id": 3}]
    sweeps()
    earner.answers["status"] = []
    read_again(sweeps, sql)
    assert [row[0] for row in rows(sql, "bot_trades", "trade_id")] == [1, 2]


# A bot whose database was reset.


def test_a_reset_bot_counts_its_trades_from_one_again_and_the_old_ones_stay(earner, connected, sweeps, sql):
    connected(earner.url)
    sweeps()
    anew = CLOSED_TRADE | {"open_timestamp": CLOSED_TRADE["open_timestamp"] + 10**9, "pair": "ETH/USDT"}
    anew["close_timestamp"] = anew["open_timestamp"] + 1000
    earner.answers["status"] = []
    earner.answers["profit"] = earner.answers["profit"] | {"closed_trade_count": 1}
    earner.answers["trades"] = {"trades": [anew], "trades_count": 1, "total_trades": 1}
    read_again(sweeps, sql)
    assert rows(sql, "bot_trades", "trade_id, pair") == [(1, "BTC/USDT"), (1, "ETH/USDT"), (2, "BTC/USDT")]
    assert rows(sql, "bot_figures", "last_trade_id, closed_trades") == [(1, 1)]


# Whatever a bot sends.

HUGE = 9 * 10**14


@pytest.mark.parametrize(
    "said",
    [
        {"profit_all_coin": float("nan"), "profit_closed_coin": float("inf")},
        {
            "profit_all_coin": HUGE,
            "profit_closed_coin": -HUGE,
            "profit_all_ratio": 1,
            "profit_closed_ratio": 1,
        },
        {"profit_all_coin": 10**300, "profit_closed_coin": "1e999"},
        {"profit_all_coin": 1e-300, "profit_closed_coin": -1e-18},
        {"closed_trade_count": 2**62, "winning_trades": 2**62, "losing_trades": 2**62},
        {"closed_trade_count": None, "winning_trades": None, "losing_trades": None},
        {"profit_all_coin": "12; DROP TABLE bots", "closed_trade_count": "two"},
    ],
)
def test_no_number_keeps_its_bot_or_another_from_being_checked(earner, town, connected, sweeps, sql, said):
    other = connected(town.bot().url)
    bot = connected(earner.url)
    earner.answers["profit"] = earner.answers["profit"] | said
    report = sweeps()
    assert report.written == 2
    assert (sql.bot(bot).status, sql.bot(other).status) == ("running", "running")


@pytest.mark.parametrize(
    "trade",
    [
        {"trade_id": 2**40},
        {"trade_id": -1},
        {"pair": "A\x00B\ud800'\";--" + "x" * 500},
        {"open_rate": HUGE, "close_rate": 1e-18, "stake_amount": HUGE, "close_profit": HUGE},
        {"open_timestamp": 10**18, "open_date": "never"},
        {"exit_reason": "y" * 5000},
        {"close_profit": None, "close_profit_abs": None, "stake_amount": None},
    ],
)
def test_no_trade_keeps_the_figures_from_being_written(earner, connected, sweeps, sql, trade):
    connected(earner.url)
    earner.answers["trades"]["trades"][0] = CLOSED_TRADE | trade
    earner.answers["status"] = [OPEN_TRADE | {"trade_id": 2**40, "pair": "\x00" + "z" * 900}]
    assert sweeps().written == 1
    assert rows(sql, "bot_figures", "equity") == [(Decimal("1029.5"),)]
    assert 2 in [row[0] for row in rows(sql, "bot_trades", "trade_id")]


# The cursor: pure.


class Listed:
    """Answers like an adapter, from a list of closed trades; `pages` at most this many are given at once."""

    def __init__(
        self, answer: Figures, *trades: ClosedTrade, page: int = 1000, fails_after: int = 10**6
    ) -> None:
        self.answer, self.closed, self.page, self.left = answer, trades, page, fails_after
        self.asked: list[int] = []

    async def figures(self, **_: object) -> Figures:
        return self.answer

    async def trades(self, after: int) -> tuple[ClosedTrade, ...]:
        self.asked.append(after)
        if not self.left:
            raise AdapterError(HealthReason.TIMED_OUT, "No answer.")
        self.left -= 1
        return tuple(trade for trade in self.closed if trade.trade_id > after)[: self.page]


def read(adapter: Listed, **known: Any) -> Reading:
    reading = asyncio.run(readings.read(adapter, leased(id=1, **known)))  # type: ignore[arg-type]
    assert reading is not None
    return reading


def ids(reading: Reading) -> list[int]:
    return [trade.trade_id for trade in reading.trades]


def test_an_open_trade_with_a_lower_id_holds_the_cursor_back():
    reading = read(Listed(figures(open_trades=(held(2),)), closed(1), closed(3)))
    assert (ids(reading), reading.cursor) == ([1, 3], 1)
    known = {"last_trade_id": 1, "closed_trades": 2}
    later = read(Listed(figures(closed_trades=3), closed(1), closed(2), closed(3)), **known)
    assert (ids(later), later.cursor) == ([2, 3], 3)


def test_what_is_known_is_not_asked_for_again_but_for_every_quarter_of_an_hour():
    known = {"last_trade_id": 2, "closed_trades": 2}
    asked = []
    for minute in range(60):
        adapter = Listed(figures(), closed(1), closed(2))
        read(adapter, leased_at=TODAY.replace(minute=minute), **known)
        asked.append(bool(adapter.asked))
    assert sum(asked) == 4


def test_many_trades_are_read_page_after_page():
    reading = read(Listed(figures(closed_trades=10), *map(closed, range(1, 11)), page=3))
    assert (ids(reading), reading.cursor) == (list(range(1, 11)), 10)


def test_what_came_before_a_failure_is_kept_and_the_rest_is_asked_for_at_the_next_reading():
    everything = [closed(number) for number in range(1, 11)]
    first = read(Listed(figures(closed_trades=10), *everything, page=3, fails_after=2))
    assert (ids(first), first.cursor) == ([1, 2, 3, 4, 5, 6], 6)
    at = TODAY.replace(minute=1)
    rest = read(
        Listed(figures(closed_trades=10), *everything), last_trade_id=6, closed_trades=10, leased_at=at
    )
    assert (ids(rest), rest.cursor) == ([7, 8, 9, 10], 10)


def test_a_bot_too_slow_for_its_trades_still_shows_its_figures(monkeypatch):
    class Slow(Listed):
        async def trades(self, after: int) -> tuple[ClosedTrade, ...]:
            if after:
                await asyncio.sleep(60)
            return await super().trades(after)

    monkeypatch.setattr(readings, "TRADES_UNTIL", 0.1)
    reading = read(Slow(figures(closed_trades=10), *map(closed, range(1, 11)), page=3))
    assert (reading.figures.equity, ids(reading), reading.cursor) == (Decimal("1012.5"), [1, 2, 3], 3)


@pytest.mark.parametrize(
    ("now", "known", "start"),
    [
        (figures(closed_trades=1), {"closed_trades": 9, "last_trade_id": 9}, 0),
        (figures(closed_trades=9, open_trades=(held(3),)), {"closed_trades": 9, "last_trade_id": 9}, 0),
        (figures(closed_trades=10), {"closed_trades": 9, "last_trade_id": 9}, 9),
        (figures(), {}, 0),
    ],
)
def test_a_reset_is_seen_by_fewer_trades_or_an_open_one_that_was_passed(now, known, start):
    assert readings.start_of(now, leased(**known)) == start


@pytest.mark.parametrize("rejected", list(Rejection))
def test_only_missing_prices_say_something_about_the_exchange(rejected):
    error = Reading(figures(rejected=rejected, equity=None), (), 0).exchange_error("http://bot.example.com")
    assert bool(error) is (rejected in (Rejection.PRICES_MISSING, Rejection.ZERO_VALUED))


# The trend: pure.


def test_the_trend_ends_at_the_profit_of_all_time():
    levels = trend(days(TODAY, "1", "2", "-0.5"), Decimal(100), TODAY.date())
    assert len(levels) == TREND_DAYS
    assert levels[-4:] == ["97.50000000", "98.50000000", "100.50000000", "100.00000000"]
    assert set(levels[:-3]) == {"97.50000000"}


def test_days_that_are_missing_or_unknown_move_nothing():
    with_gap = days(TODAY, "1", None, "2")
    levels = trend((with_gap[0], with_gap[1], with_gap[2]), None, TODAY.date())
    assert [float(level) for level in levels[-4:]] == [0, 1, 1, 3]
    assert trend((), Decimal(5), TODAY.date()) == ["5.00000000"] * TREND_DAYS


def test_days_outside_the_window_are_no_part_of_it():
    old = days(TODAY - timedelta(days=40), "7", "7")
    assert trend(old, None, TODAY.date()) == ["0.00000000"] * TREND_DAYS
