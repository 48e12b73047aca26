"""What a curve must know beside its points: where it begins, another capital, and when nothing was seen."""

from decimal import Decimal

import pytest

from tests.adapters.answers import PROFIT


@pytest.fixture
def played(town):
    return town.bot()


@pytest.fixture
def bot(played, connected):
    return connected(played.url)


@pytest.fixture
def read(played, bot, sweeps, sql):
    """One reading of a bot that names this capital, and all marks since the first one."""

    def read(capital, profit=1.0):
        ratio = profit / capital
        played.answers["profit"] = PROFIT | {
            "profit_closed_coin": profit,
            "profit_closed_ratio": ratio,
            "profit_all_coin": profit,
            "trade_count": 1,
        }
        sql.make_due(figures=True)
        sweeps()
        return sql("SELECT at, unseen_since, capital, change, equity FROM bot_marks ORDER BY id")

    return read


def test_a_curve_begins_with_a_mark_and_goes_on_without(read):
    ((_, unseen, capital, change, equity),) = read(1000)
    assert (unseen, capital, change, equity) == (None, 1000, None, 1001)
    assert len(read(1000, 2.5)) == 1


def test_another_capital_is_a_change_of_it_with_the_equity_after(read, sql):
    read(1000)
    *_, mark = read(1500, 2)
    assert (mark.capital, mark.change, mark.equity) == (1500, 500, 1502)
    *_, mark = read(1200, 2)
    assert (mark.capital, mark.change, mark.equity) == (1200, -300, 1202)
    ((taken_at,),) = sql("SELECT taken_at FROM bot_figures")
    assert mark.at == taken_at


def test_small_changes_add_up_to_a_large_one(read):
    read(1000)
    assert len(read(1000.05)) == 1
    assert len(read(1000.09)) == 1
    *_, mark = read(1000.13)
    assert (mark.capital, mark.change) == (Decimal("1000.13"), Decimal("0.13"))


def test_a_long_time_without_a_reading_is_a_gap(read, sql):
    read(1000)
    sql("UPDATE bot_figures SET taken_at = now() - interval '14 minutes'")
    assert len(read(1000)) == 1
    sql("UPDATE bot_figures SET taken_at = now() - interval '3 hours'")
    ((before,),) = sql("SELECT taken_at FROM bot_figures")
    *_, mark = read(1000.04)
    # The capital is still that of the mark before: what was not told of does not get lost in a gap.
    assert (mark.unseen_since, mark.change, mark.capital) == (before, None, 1000)


def test_another_mode_begins_anew_and_is_no_deposit(read, played, sql):
    read(1000)
    played.config = {"dry_run": False}
    sql.make_due()
    *_, mark = read(77)
    ((since,),) = sql("SELECT record_since FROM bots")
    assert (mark.change, mark.capital) == (None, 77)
    assert mark.at >= since
