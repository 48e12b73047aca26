"""Figures are stored once, as the bot says them, and no sample that would show a loss that is none."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bots.adapters import DayResult
from bots.health.figures import trend
from tests.adapters.answers import CLOSED_TRADE, OPEN_TRADE, PROFIT, UNPRICED_TRADE


@pytest.fixture
def played(town):
    return town.bot()


@pytest.fixture
def bot(played, connected):
    return connected(played.url)


@pytest.fixture
def read(sweeps, sql):
    """One sweep in which the figures are due."""

    def read():
        sql.make_due(figures=True)
        return sweeps()

    return read


def figures(sql, bot):
    rows = sql("SELECT * FROM bot_figures WHERE bot_id = %s", bot.pk)
    return rows[0] if rows else None


def closed(*ids, start=1_795_000_000_000):
    trades = [
        CLOSED_TRADE
        | {
            "trade_id": n,
            "open_timestamp": start + n * 60_000,
            "close_timestamp": start + n * 60_000 + 30_000,
        }
        for n in ids
    ]
    return {"trades": trades, "trades_count": len(trades), "total_trades": len(trades)}


def test_the_first_reading_comes_with_the_first_check(played, bot, sweeps, sql):
    today = datetime.now(UTC).date()
    played.answers["profit"] = PROFIT | {"profit_all_coin": 12.5, "closed_trade_count": 1}
    played.answers["trades"] = closed(1)
    played.answers["daily"] = {
        "data": [
            {"date": str(today), "abs_profit": 0.5, "starting_balance": 990.0, "trade_count": 1},
            {"date": str(today - timedelta(days=1)), "abs_profit": -0.25, "trade_count": 2},
        ]
    }
    sweeps()
    row = figures(sql, bot)
    assert (row.profit_all, row.profit_today, row.closed_trades) == (Decimal("12.5"), Decimal("0.5"), 1)
    assert row.equity == row.starting_capital + Decimal("12.5")
    assert (row.open_trade_count, row.open_trades, row.rejected_samples) == (0, [], 0)
    assert len(row.trend) == 30
    assert row.trend[-1] == "0.13115328"
    assert row.trend[-2] == "-0.36884672"
    ((equity,),) = sql("SELECT equity FROM bot_samples WHERE bot_id = %s", bot.pk)
    assert equity == row.equity
    days = sql("SELECT day, profit, trades, equity_close FROM bot_days ORDER BY day DESC")
    assert [tuple(day) for day in days] == [
        (today, Decimal("0.5"), 1, row.equity),
        (today - timedelta(days=1), Decimal("-0.25"), 2, None),
    ]
    ((trade_id, pair, profit),) = sql("SELECT trade_id, pair, profit FROM bot_trades")
    assert (trade_id, pair, profit) == (1, "BTC/USDT", Decimal("0.13115328"))


def test_figures_are_not_asked_for_more_often_than_once_a_minute(played, bot, sweeps, sql):
    sweeps()
    for _ in range(3):
        sql.make_due()
        sweeps()
    assert played.asked.count("profit") == 1
    row = sql.bot(bot)
    assert (row.next_figures_at - row.checked_at).total_seconds() > 50


def test_reading_again_adds_a_sample_and_repeats_nothing(played, bot, read, sql):
    played.answers["trades"] = closed(1)
    read()
    read()
    assert sql("SELECT count(*) FROM bot_samples") == [(2,)]
    assert sql("SELECT count(*) FROM bot_trades") == [(1,)]
    assert sql("SELECT count(*) FROM bot_figures") == [(1,)]
    ((most,),) = sql("SELECT max(n) FROM (SELECT count(*) AS n FROM bot_days GROUP BY bot_id, day) d")
    assert most == 1


def test_a_day_keeps_its_lowest_highest_and_last_equity(played, bot, read, sql):
    for profit in (10.0, 4.0, 7.0):
        played.answers["profit"] = PROFIT | {"profit_all_coin": profit, "trade_count": 1}
        read()
    ((low, high, close),) = sql(
        "SELECT equity_low, equity_high, equity_close FROM bot_days WHERE equity_close IS NOT NULL"
    )
    assert (high - low, close - low) == (6, 3)


def test_open_trades_are_kept_as_they_are_listed(played, bot, read, sql):
    played.answers["status"] = [OPEN_TRADE]
    played.answers["profit"] = PROFIT | {"trade_count": 2}
    read()
    row = figures(sql, bot)
    assert row.open_trade_count == 1
    assert row.open_trades[0]["pair"] == "ETH/USDT"
    assert row.open_trades[0]["profit_abs"] == "-0.27527716"


def test_without_prices_no_sample_is_stored_and_the_exchange_is_named(played, bot, read, sweeps, sql):
    read()
    good = figures(sql, bot)
    played.answers["status"] = [UNPRICED_TRADE]
    played.answers["profit"] = PROFIT | {"profit_all_coin": None, "trade_count": 2}
    read()
    row, seen = figures(sql, bot), sql.bot(bot)
    assert (row.equity, row.taken_at, row.profit_all) == (good.equity, good.taken_at, good.profit_all)
    assert (row.rejected_samples, row.rejected_reason) == (1, "prices missing")
    assert row.rejected_at is not None
    assert sql("SELECT count(*) FROM bot_samples") == [(1,)]
    assert (seen.status, seen.health, seen.failures) == ("running", "exchange_unreachable", 0)
    assert "no prices from its exchange" in seen.connection_error
    assert seen.last_ping is not None
    # Between two readings nobody can tell, so it stays; it leaves with the next prices.
    sql.make_due()
    sweeps()
    assert sql.bot(bot).health == "exchange_unreachable"
    played.answers["status"] = []
    played.answers["profit"] = PROFIT | {"profit_all_coin": 12.5, "trade_count": 1}
    read()
    assert (sql.bot(bot).health, sql.bot(bot).connection_error) == ("ok", None)
    assert (figures(sql, bot).rejected_samples, figures(sql, bot).rejected_reason) == (1, "")


def test_a_trade_has_the_moment_of_the_reading_that_brought_it(played, bot, read, sql):
    """A record tells by it whether the bot's totals, which are asked for before, can have counted the trade."""
    played.answers["trades"] = closed(1, 2)
    played.answers["profit"] = PROFIT | {"closed_trade_count": 1}
    read()
    first = figures(sql, bot).taken_at
    assert sql("SELECT trade_id, seen_at FROM bot_trades ORDER BY id") == [(1, first), (2, first)]
    played.answers["trades"] = closed(1, 2, 3)
    played.answers["profit"] = PROFIT | {"closed_trade_count": 3}
    read()
    second = figures(sql, bot).taken_at
    assert second > first
    assert sql("SELECT trade_id, seen_at FROM bot_trades ORDER BY id")[2:] == [(3, second)]


def test_only_trades_that_are_new_are_asked_for(played, bot, read, sql):
    played.answers["profit"] = PROFIT | {"profit_all_coin": 1.0, "closed_trade_count": 2, "trade_count": 2}
    played.answers["trades"] = closed(1, 2)
    read()
    assert figures(sql, bot).last_trade_id == 2
    played.answers["trades"] = closed(1, 2, 3)
    played.answers["profit"] = PROFIT | {"profit_all_coin": 1.0, "closed_trade_count": 3, "trade_count": 3}
    read()
    assert sql("SELECT array_agg(trade_id ORDER BY id) AS ids FROM bot_trades")[0].ids == [1, 2, 3]


def test_a_trade_that_closes_after_a_later_one_is_not_missed(played, bot, read, sql):
    played.answers["status"] = [OPEN_TRADE]  # trade 2
    played.answers["profit"] = PROFIT | {"closed_trade_count": 2, "trade_count": 3}
    played.answers["trades"] = closed(1, 3)
    read()
    assert figures(sql, bot).last_trade_id == 1
    played.answers["status"] = []
    played.answers["profit"] = PROFIT | {"closed_trade_count": 3, "trade_count": 3}
    played.answers["trades"] = closed(1, 2, 3)
    read()
    assert sql("SELECT array_agg(trade_id ORDER BY trade_id) AS ids FROM bot_trades")[0].ids == [1, 2, 3]


def test_a_bot_whose_database_was_reset_counts_from_one_again(played, bot, read, sql):
    played.answers["profit"] = PROFIT | {"closed_trade_count": 3, "trade_count": 3}
    played.answers["trades"] = closed(1, 2, 3)
    read()
    played.answers["profit"] = PROFIT | {"closed_trade_count": 1, "trade_count": 1}
    played.answers["trades"] = closed(1, start=1_796_000_000_000)
    read()
    assert sql("SELECT count(*) FROM bot_trades WHERE trade_id = 1") == [(2,)]
    assert sql("SELECT count(*) FROM bot_trades") == [(4,)]
    assert figures(sql, bot).last_trade_id == 1


def test_numbers_that_no_column_holds_break_nothing(played, bot, read, sql):
    played.answers["profit"] = PROFIT | {
        "profit_all_coin": 9e14, "closed_trade_count": 2**40, "winning_trades": 2**62, "trade_count": 2**50
    }  # fmt: skip
    played.answers["trades"] = closed(2**40)
    played.answers["daily"] = {"data": [{"date": "2199-01-01", "abs_profit": 1e300, "trade_count": 2**60}]}
    report = read()
    assert report.written == 1
    assert figures(sql, bot).winning_trades is None
    assert sql("SELECT count(*) FROM bot_trades") == [(0,)]
    assert sql.bot(bot).health == "ok"


def test_a_bot_that_gives_no_figures_is_well_all_the_same(played, bot, read, sql):
    played.answers["profit"] = (500, {"detail": "no"})
    read()
    assert sql.bot(bot).health == "ok"
    assert figures(sql, bot) is None


def test_the_trend_is_reckoned_back_from_the_profit_of_all_time():
    today = date(2026, 11, 23)
    days = [
        DayResult(today, Decimal("2"), 1, None),
        DayResult(today - timedelta(days=29), Decimal("5"), 1, None),
        DayResult(today - timedelta(days=40), Decimal("99"), 1, None),
    ]
    levels = trend(days, Decimal("10"), today)
    assert [levels[0], levels[1], levels[-2], levels[-1]] == [
        "8.00000000",
        "8.00000000",
        "8.00000000",
        "10.00000000",
    ]
    assert trend(days, None, today)[-1] == "7.00000000"
