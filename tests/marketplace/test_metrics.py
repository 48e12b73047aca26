"""The figures of records: what must always hold, the edges, and an independent computation of the same."""

import json
import math
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from marketplace.records import (
    EquityPoint,
    Flow,
    Gap,
    Observed,
    Price,
    Skipped,
    SubscriberResult,
    Tier,
    Trade,
    caveats,
    measure,
    record,
    subscribers_got,
    tier_sentence,
)
from marketplace.records.curve import Drawdown

START = datetime(2026, 5, 3, 9, tzinfo=UTC)
NAN, INFINITE = float("nan"), Decimal("Infinity")
CLOSE = Decimal("1E-9")

#: Number, minutes from START to the close, minutes held, stake, profit: sixty trades of a bot with 1000 USDT.
TRADES = """
1 1043 12 130.55 -1.99891081
2 1253 45 149.23 0.01375713
3 1348 12 198.92 2.54834243
4 2253 45 205.53 1.42883080
5 4463 380 177.65 2.12569947
6 5073 12 99.94 3.24291367
7 5683 380 68.07 1.34029766
8 5778 12 82.33 1.57008639
9 6388 380 143.50 3.83436882
10 7878 900 97.03 -1.26085749
11 9368 12 68.03 -0.81532775
12 9578 133 125.14 2.14969673
13 10188 45 121.01 -1.31790931
14 10798 900 107.81 5.44919430
15 11703 12 62.50 2.98148964
16 12313 12 179.43 3.42317226
17 12923 133 149.54 1.54823781
18 13018 380 71.69 -1.69625932
19 13113 380 220.69 3.05326082
20 14603 12 129.90 -1.81226056
21 14943 380 167.31 1.70524538
22 15553 900 109.84 -1.09078151
23 16163 380 72.94 -0.71051259
24 16373 45 234.76 2.13615518
25 18583 45 221.94 -4.28721008
26 18678 133 113.98 -6.73037313
27 19288 45 159.23 0.00000000
28 19628 12 178.04 3.31913949
29 19968 133 175.44 -0.74893313
30 20578 900 106.12 1.30990335
31 22788 45 62.09 -0.74114207
32 22883 900 153.49 -2.70970650
33 23788 133 236.51 2.66407999
34 23883 133 214.30 3.46557576
35 25660 133 193.73 3.96270276
36 26270 45 125.29 -0.00999144
37 26880 133 82.07 -2.53504949
38 26975 133 106.98 2.64775500
39 27880 45 217.96 5.92568888
40 28090 380 197.17 1.60324322
41 28185 380 147.33 -1.71304677
42 28395 380 219.74 8.11362306
43 29885 380 237.86 -4.44079612
44 32095 12 115.87 0.00000000
45 33872 380 186.98 8.87377913
46 34212 12 80.50 1.84302485
47 35989 900 200.08 -2.51344828
48 37766 45 205.25 -8.13589589
49 37861 45 232.23 -5.02530185
50 37956 133 167.50 -1.46284372
51 39446 900 67.32 -1.23424648
52 40056 900 118.18 1.55879809
53 40666 900 234.16 -1.67304662
54 42876 380 215.93 -2.90654943
55 42971 900 97.98 -0.99137173
56 43876 900 136.50 2.71071347
57 46086 900 189.10 4.64504707
58 46426 380 219.25 11.24410359
59 48636 45 120.59 1.40947602
60 48846 380 149.70 2.29608200
"""


def recorded():
    rows = [line.split() for line in TRADES.split("\n") if line]
    return [
        trade(int(n), int(at), stake=stake, profit=profit, held=int(held))
        for n, at, held, stake, profit in rows
    ]


def trade(number, minutes, profit, held=30, stake="100", ratio=None):
    closed = START + timedelta(minutes=minutes)
    return Trade(
        trade_id=number,
        opened_at=closed - timedelta(minutes=held),
        closed_at=closed,
        profit=Decimal(profit) if isinstance(profit, str) else profit,
        profit_ratio=ratio,
        stake=Decimal(stake),
    )


def points(*equities, hours=24, start=START):
    """One every so many hours, the first at the start."""
    return [
        EquityPoint(start + timedelta(hours=hours * index), Decimal(str(equity)))
        for index, equity in enumerate(equities)
    ]


def seen(equity=(), trades=(), last=None, **more):
    moments = [point.at for point in equity if isinstance(point.at, datetime)]
    moments += [each.closed_at for each in trades]
    return Observed(
        first_at=START, last_at=last or max([START, *moments]), equity=equity, trades=trades, **more
    )


def figures_of(observed) -> Any:
    """Any, because a test knows which figures are there."""
    return measure(observed)


def near(value, expected, tolerance=CLOSE):
    return abs(Decimal(str(value)) - Decimal(str(expected))) <= tolerance * max(
        1, abs(Decimal(str(expected)))
    )


# ——— by hand ———


def test_a_return_and_a_drawdown_that_a_child_can_check():
    figures = figures_of(seen(points(1000, 1100, 880, 990, 1210)))
    assert figures.total_return == Decimal("0.21")
    assert figures.drawdown == Drawdown(
        Decimal("0.2"), date(2026, 5, 4), date(2026, 5, 5), recovery_day=date(2026, 5, 7)
    )
    assert (figures.best_day.day, figures.worst_day.day) == (date(2026, 5, 7), date(2026, 5, 5))
    assert figures.worst_day.ratio == Decimal("-0.2")
    assert figures.months[0].ratio == Decimal("0.21")


def test_a_fall_that_is_not_made_good_has_no_recovery():
    assert figures_of(seen(points(100, 50, 99))).drawdown.recovery_day is None


def test_what_never_fell_has_no_days_of_a_fall():
    assert figures_of(seen(points(100, 100, 101))).drawdown == Drawdown(Decimal(0))


def test_the_starting_capital_is_where_the_record_begins():
    later = points(900, start=START + timedelta(hours=2))
    assert figures_of(seen(later, starting_capital=Decimal(1000))).total_return == Decimal("-0.1")
    assert figures_of(seen(later)).total_return is None


def test_trades_that_a_child_can_check():
    figures = figures_of(
        seen(trades=[trade(1, 10, "10"), trade(2, 20, "-4"), trade(3, 30, "0"), trade(4, 40, "2")])
    )
    assert (figures.trades, figures.win_rate, figures.profit_factor) == (4, Decimal("0.5"), 3)
    assert (figures.average_profit, figures.average_ratio) == (2, Decimal("0.02"))
    assert figures.profit_factor_words == ""


def test_the_low_of_a_day_counts_and_its_high_may_have_come_later():
    day = START.date()
    equity = [
        EquityPoint(day, Decimal(100)),
        EquityPoint(day + timedelta(1), Decimal(100), low=Decimal(70), high=Decimal(200)),
    ]
    figures = figures_of(seen(equity, last=START + timedelta(3)))
    # From 100 to 70 is certain, from 200 to 100 too; from 200 to 70 is not.
    assert figures.drawdown.ratio == Decimal("0.5")
    assert figures.total_return == 0
    calm = [equity[0], replace(equity[1], high=None)]
    recovered = figures_of(seen(calm, last=START + timedelta(3))).drawdown
    assert (recovered.ratio, recovered.recovery_day) == (Decimal("0.3"), day + timedelta(1))


def test_a_day_is_one_of_utc():
    tokyo = START.replace(hour=23).astimezone(ZoneInfo("Asia/Tokyo"))
    figures = figures_of(
        Observed(first_at=tokyo, last_at=tokyo + timedelta(1), equity=points(1, 2, start=tokyo))
    )
    assert figures.best_day.day == date(2026, 5, 4)


def test_a_change_over_several_days_is_no_best_day():
    equity = [*points(100, 101), EquityPoint(START + timedelta(5), Decimal(150))]
    assert figures_of(seen(equity)).best_day.day == date(2026, 5, 4)


def test_a_month_without_equity_is_unknown_and_the_next_one_bears_what_changed():
    equity = [
        EquityPoint(date(2026, 5, 4), 100),
        EquityPoint(date(2026, 5, 31), 110),
        EquityPoint(date(2026, 7, 9), 121),
    ]
    figures = figures_of(seen(equity, [trade(1, 60, "1")], last=datetime(2026, 7, 10, tzinfo=UTC)))
    assert [(month.month, month.ratio, month.trades) for month in figures.months] == [
        (5, Decimal("0.1"), 1),
        (6, None, 0),
        (7, Decimal("0.1"), 0),
    ]


# ——— deposits ———


def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss():
    noon = START + timedelta(hours=36)
    for amount, after in ((500, 1500), (-400, 600)):
        figures = figures_of(seen(points(1000, 1000, after, after), flows=[Flow(noon, Decimal(amount))]))
        assert figures.total_return == 0
        assert figures.drawdown.ratio == 0


def test_with_equity_at_the_deposit_the_return_is_exact():
    flows = [Flow(START + timedelta(1), Decimal(1000))]
    # 10 % on 1000, then 10 % on 2100.
    assert figures_of(seen(points(1000, 2100, 2310), flows=flows)).total_return == Decimal("0.21")


def test_without_it_the_deposit_counts_for_the_time_that_it_was_there():
    flows = [Flow(START + timedelta(hours=12), Decimal(1000))]
    assert figures_of(seen(points(1000, 2150), flows=flows)).total_return == Decimal("0.1")


def test_a_withdrawal_of_nearly_all_does_not_make_a_fortune_of_a_cent():
    flows = [Flow(START + timedelta(minutes=1), Decimal("-1000"))]
    assert figures_of(seen(points(1000, "0.01"), flows=flows)).total_return == Decimal("0.00001")


def test_a_deposit_of_unknown_amount_makes_the_return_unknown():
    for amount in (NAN, None, INFINITE):
        figures = figures_of(seen(points(1000, 2000), flows=[Flow(START + timedelta(hours=3), amount)]))
        assert figures.total_return is None
        assert figures.return_words == "The allocation was changed by an amount that is not known."
        assert figures.skipped.flows == 1


def test_money_from_nowhere_is_no_profit():
    all_out = [Flow(START + timedelta(1), Decimal(-1000))]
    figures = figures_of(seen(points(1000, 0, 700), flows=all_out))
    assert (figures.total_return, figures.return_words) == (None, "Money came in that no deposit explains.")
    assert figures_of(seen(points(0, 0, 700, 770))).total_return == Decimal("0.1")


def test_what_an_empty_account_lost_after_its_first_deposit_is_not_forgotten():
    flows = [Flow(START + timedelta(hours=36), Decimal(1000))]
    assert figures_of(seen(points(0, 0, 750, 750), flows=flows)).total_return == Decimal("-0.5")


# ——— edges ———


def test_nothing_seen_is_nothing_known():
    figures = figures_of(seen())
    assert figures.total_return is figures.drawdown is figures.best_day is figures.win_rate is None
    assert figures.profit_factor is figures.average_profit is figures.buy_and_hold is None
    assert (figures.trades, figures.days, figures.profit_factor_words) == (0, 0, "No closed trade")
    assert figures.return_words == "No equity was seen yet."


def test_one_trade_is_one_trade():
    figures = figures_of(seen(trades=[trade(1, 5, "3")]))
    assert (figures.trades, figures.win_rate, figures.profit_factor) == (1, 1, None)
    assert figures.profit_factor_words == "No losing trade"


def test_only_losses_make_a_factor_of_zero():
    figures = figures_of(seen(trades=[trade(1, 5, "-3"), trade(2, 6, "-1")]))
    assert (figures.win_rate, figures.profit_factor, figures.average_profit) == (0, 0, -2)


def test_equity_of_nothing_is_the_loss_of_everything_for_good():
    for ruin in (0, -30):
        figures = figures_of(seen(points(100, ruin, 50, 80)))
        assert (figures.total_return, figures.drawdown.ratio) == (-1, 1)
        assert figures.drawdown.recovery_day is None
        assert figures.best_day == figures.worst_day


def test_what_is_no_number_is_left_out_and_counted():
    good = points(100, 110, 121)
    bad = [
        EquityPoint(START + timedelta(hours=5), value)
        for value in (NAN, INFINITE, Decimal("sNaN"), Decimal("1E30"))
    ]
    figures = figures_of(seen([*good, *bad, EquityPoint(START + timedelta(hours=6), None)], [
        trade(1, 5, "1"), trade(2, 6, NAN), trade(3, 7, INFINITE), trade(4, 8, None), trade(5, 9, "1", held=-4),
    ]))  # fmt: skip
    assert (figures.total_return, figures.trades) == (Decimal("0.21"), 1)
    assert figures.skipped == Skipped(equity=4, trades=4)
    assert figures.skipped.refused == 8


def test_what_lies_outside_the_record_does_not_count():
    equity = [
        EquityPoint(START - timedelta(1), 10),
        *points(100, 110),
        EquityPoint(START + timedelta(9), 500),
    ]
    trades = [trade(1, -5, "9"), trade(2, 5, "1", held=500), trade(3, 99999, "9")]
    figures = figures_of(seen(equity, trades, last=START + timedelta(2)))
    assert (figures.total_return, figures.trades, figures.skipped.outside) == (Decimal("0.1"), 1, 4)


def test_of_two_accounts_of_one_trade_the_worse_counts():
    same = [trade(1, 5, "3"), trade(1, 5, "-3"), trade(1, 5, "3")]
    figures = figures_of(seen(trades=same))
    assert (figures.trades, figures.average_profit, figures.skipped.duplicates) == (1, -3, 2)


def test_of_two_accounts_of_one_moment_the_worse_counts():
    for twice in ((110, 90), (90, 110)):
        equity = [*points(100), *(EquityPoint(START + timedelta(1), worth) for worth in twice)]
        figures = figures_of(seen(equity))
        assert (figures.total_return, figures.skipped.duplicates) == (Decimal("-0.1"), 1)


def test_a_bot_that_was_reset_counts_its_trades_from_one_again():
    assert figures_of(seen(trades=[trade(1, 5, "3"), trade(1, 50, "3")])).trades == 2


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="has no zone"):
        figures_of(seen(trades=[replace(trade(1, 5, "3"), opened_at=datetime(2026, 5, 3))]))
    with pytest.raises(ValueError, match="before it begins"):
        Observed(first_at=START, last_at=START - timedelta(1))


def test_gaps_are_time_that_was_not_observed():
    hour = timedelta(hours=1)
    gaps = [
        Gap(START + 30 * hour, START + 60 * hour),
        Gap(START + 12 * hour, START + 36 * hour),
        Gap(START - 90 * hour, START - 80 * hour),
        Gap(START + 70 * hour, START + 69 * hour),
    ]
    figures = figures_of(seen(last=START + 96 * hour, gaps=gaps))
    assert (figures.days, figures.days_observed, figures.unseen_share) == (4, 2, Decimal("0.5"))
    assert figures.unseen == 48 * hour


# ——— buy and hold ———


def held(prices, equity=None):
    return figures_of(seen(equity or points(100, 110, 120), prices=prices))


def test_the_same_pairs_held_are_the_measure():
    days = [START.date() + timedelta(index) for index in range(-1, 3)]
    prices = {
        "BTC/USDT": [Price(day, price) for day, price in zip(days, (100, 7, 150, 1), strict=True)],
        "ETH/USDT": [Price(day, price) for day, price in zip(days, (10, 7, 9, 1), strict=True)],
    }
    # From the close before the start to the close before the end: +50 % and -10 %.
    figures = held(prices)
    assert (figures.buy_and_hold, figures.against_buy_and_hold) == (Decimal("0.2"), 0)


@pytest.mark.parametrize("price", [NAN, 0, -3, None])
def test_one_pair_without_a_price_leaves_the_comparison_unknown(price):
    good = [Price(START + timedelta(index), 5) for index in range(3)]
    assert held({"A/B": good}).buy_and_hold == 0
    assert held({"A/B": good, "C/D": []}).buy_and_hold is None
    figures = held({"A/B": good, "C/D": [*good[:2], Price(START + timedelta(1.5), price)]})
    assert figures.buy_and_hold == 0
    assert figures.skipped.prices == 1
    assert held({"A/B": [*good[:1], Price(START + timedelta(2), price)]}).against_buy_and_hold is None


# ——— what is shown ———


def test_too_little_data_shows_no_return_and_no_rate():
    equity = points(*range(100, 107))
    shown = record(seen(equity, [trade(1, 5, "3")]))
    assert shown.quality.sentence == (
        "Not enough data: 6 days observed of at least 30 and 1 closed trade of at least 20."
    )
    assert shown.figures.total_return is None
    assert shown.figures.drawdown is None
    assert shown.figures.months[0].ratio is None
    assert shown.figures.return_words == shown.figures.profit_factor_words == shown.quality.sentence
    assert shown.figures.win_rate is None
    assert (shown.figures.trades, shown.figures.months[0].trades) == (1, 1)


def test_after_a_week_a_return_is_shown_and_still_no_rate():
    shown = record(seen(points(*range(100, 108)), [trade(1, 5, "3")]))
    assert shown.figures.total_return == Decimal("0.07")
    assert shown.figures.win_rate is None
    assert not shown.quality.is_enough


def test_thirty_days_and_twenty_trades_are_enough_unless_a_fifth_was_not_seen():
    trades = [trade(number, number, "1") for number in range(20)]
    enough = seen(points(*range(100, 131)), trades)
    assert record(enough).quality.sentence == "Enough data: 30 days observed, 20 closed trades."
    assert record(enough).figures.win_rate == 1
    longer = seen(points(*range(100, 150)), trades, gaps=[Gap(START, START + timedelta(10))])
    assert record(longer).quality.sentence == (
        "Not enough data: nothing seen for 21 % of the time, of at most 20 %."
    )


def test_a_week_in_gaps_is_no_week():
    shown = record(seen(points(*range(100, 110)), gaps=[Gap(START, START + timedelta(4))]))
    assert (shown.figures.days, shown.figures.days_observed) == (9, 5)
    assert shown.figures.total_return is None


def test_the_tier_is_said_in_words():
    day = date(2026, 5, 3)
    assert (
        tier_sentence(Tier.RUN_BY_TRADEWISE, day, "dry_run") == "Run by TradeWise since 3 May 2026, dry run"
    )
    assert tier_sentence(Tier.OBSERVED, day, "live") == "Observed by TradeWise since 3 May 2026, real money"
    assert (
        tier_sentence(Tier.OBSERVED)
        == "Observed by TradeWise and nothing seen yet, dry run or real money unknown"
    )
    assert (
        tier_sentence(Tier.SELF_REPORTED) == "Self-reported: what the author says, and TradeWise has not seen"
    )


def test_what_is_wrong_with_a_record_is_said_beside_it():
    assert caveats(unseen=timedelta(0), deleted_trades=0, refused=0) == ()
    assert caveats(unseen=timedelta(1), deleted_trades=2, refused=1) == (
        "Nothing was seen for 1 day in all: the drawdown may have been greater.",
        "2 trades were deleted from the bot after TradeWise saw them; the figures keep them.",
        "1 reading could not be believed and did not count.",
    )


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0.01, "less than a day"), (23.9, "less than a day"), (25, "more than 1 day"), (48, "2 days")],
)
def test_what_was_not_seen_is_told_in_days_that_are_true(hours, words):
    (said,) = caveats(unseen=timedelta(hours=hours), deleted_trades=0, refused=0)
    assert said == f"Nothing was seen for {words} in all: the drawdown may have been greater."


def test_no_database_and_no_setting_is_asked():
    code = "import sys, marketplace.records; sys.exit(any(name.startswith('django') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ——— subscribers ———


def results(*ratios):
    return [SubscriberResult(f"s{index}", ratio) for index, ratio in enumerate(ratios)]


def told(given) -> Any:
    """Any, because a test knows whether there is an answer."""
    return subscribers_got(given)


def percent(got):
    return tuple(int(value * 100) for value in (got.lower, got.median, got.upper))


def test_below_five_subscribers_nothing_is_told():
    assert told(results(0.1, 0.1, 0.1, 0.1)) is None
    assert told([*results(0.1, 0.1, 0.1, 0.1), SubscriberResult("s0", 0.2)]) is None
    assert told(results(0.1, 0.1, 0.1, 0.1, NAN, None)) is None


def test_five_are_told_in_whole_points():
    assert percent(told(results(-0.073, 0.0123, 0.0351, 0.0449, 3.2))) == (1, 4, 5)


def test_four_that_are_equal_tell_nothing_of_the_fifth():
    answers = {told(results(0.0312, 0.0312, 0.0312, 0.0312, fifth)) for fifth in (-1, 0, 0.0312, 9)}
    assert len(answers) == 1
    assert percent(answers.pop()) == (3, 3, 4)


def test_five_that_are_equal_are_known_to_a_point_and_no_more():
    assert percent(told(results(*[0] * 5))) == (0, 0, 1)
    assert percent(told(results(*[-1] * 5))) == (-100, -100, -99)


def test_the_number_of_subscribers_does_not_tell_who_came():
    assert [told(results(*[0.1] * count)).at_least for count in (5, 9, 10, 49, 50, 4000)] == [
        5, 5, 10, 20, 50, 1000,
    ]  # fmt: skip


@given(st.lists(st.decimals(-1, 50, places=6), min_size=5, max_size=40), st.randoms())
@settings(max_examples=60, deadline=None)
def test_quartiles_are_rounded_outwards_and_need_no_order(ratios, shuffled):
    got = told(results(*ratios))
    given_again = results(*ratios)
    shuffled.shuffle(given_again)
    assert told(given_again) == got
    assert got.lower <= got.median <= got.upper
    assert got.upper - got.lower >= Decimal("0.01")
    assert got.lower <= quantile(ratios, Fraction(1, 4)) < got.lower + Decimal("0.01")
    assert got.upper - Decimal("0.01") <= quantile(ratios, Fraction(3, 4)) <= got.upper
    assert abs(Fraction(got.median) - quantile(ratios, Fraction(1, 2))) <= Fraction(1, 200)


def quantile(ratios, share):
    """The definition itself, in fractions."""
    ordered = sorted(map(Fraction, ratios))
    whole, rest = divmod((len(ordered) - 1) * share, 1)
    return ordered[whole] + rest * (ordered[min(whole + 1, len(ordered) - 1)] - ordered[whole])


# ——— what must always hold ———

AMOUNTS = st.decimals(100, 10_000, places=2)
HOSTILE = st.one_of(
    st.none(), st.floats(), st.decimals(), st.decimals(-500, 500, places=2), st.decimals(-500, 500, places=2)
)
HOURS = st.integers(1, 60)


@st.composite
def series(draw, least=2):
    """Equity above 0 at rising moments from START on."""
    at, found = START, []
    for equity in draw(st.lists(AMOUNTS, min_size=least, max_size=25)):
        found.append(EquityPoint(at, equity))
        at += timedelta(hours=draw(HOURS))
    return found


@st.composite
def hostile(draw):
    moments = st.integers(-50, 2000).map(lambda hours: START + timedelta(hours=hours))
    spans = st.tuples(moments, moments)
    return Observed(
        first_at=START,
        last_at=START + timedelta(hours=1500),
        equity=draw(st.lists(st.builds(EquityPoint, moments, HOSTILE, HOSTILE, HOSTILE), max_size=20)),
        trades=[
            Trade(
                trade_id=number,
                opened_at=opened,
                closed_at=closed,
                profit=profit,
                profit_ratio=ratio,
                stake=ratio,
            )
            for number, (opened, closed), profit, ratio in draw(
                st.lists(st.tuples(st.integers(1, 4), spans, HOSTILE, HOSTILE), max_size=12)
            )
        ],
        flows=draw(
            st.lists(st.builds(Flow, moments, HOSTILE.filter(lambda value: value is not None)), max_size=3)
        ),
        starting_capital=draw(HOSTILE),
        prices={"A/B": draw(st.lists(st.builds(Price, moments, HOSTILE), max_size=4))},
        gaps=[Gap(*span) for span in draw(st.lists(spans, max_size=4))],
    )


def known(figures):
    """Every number in it."""
    found = [figures.win_rate, figures.profit_factor, figures.average_profit, figures.average_ratio]
    found += [figures.total_return, figures.buy_and_hold, figures.against_buy_and_hold, figures.unseen_share]
    found += [month.ratio for month in figures.months]
    return [value for value in found if value is not None]


@given(hostile())
@settings(max_examples=200, deadline=None)
def test_whatever_is_handed_in_every_figure_is_within_its_bounds_or_unknown(observed):
    figures = figures_of(observed)
    assert all(value.is_finite() for value in known(figures))
    assert (figures.total_return is None) == bool(figures.return_words)
    assert figures.total_return is None or figures.total_return >= -1
    assert figures.win_rate is None or 0 <= figures.win_rate <= 1
    assert figures.profit_factor is None or figures.profit_factor >= 0
    assert 0 <= figures.days_observed <= figures.days
    assert 0 <= figures.unseen_share <= 1
    fall = figures.drawdown
    if fall is not None:
        assert 0 <= fall.ratio <= 1
        assert (fall.ratio == 0) == (fall.trough_day is None)
        days = [day for day in (fall.peak_day, fall.trough_day, fall.recovery_day) if day]
        assert days == sorted(days)
    assert record(observed).quality.tells_return == (figures.days_observed >= 7)


@given(hostile(), st.randoms())
@settings(max_examples=100, deadline=None)
def test_order_and_repetition_change_nothing(observed, shuffled):
    def again(items):
        more = [*items, *items]
        shuffled.shuffle(more)
        return more

    repeated = replace(
        observed,
        equity=again(observed.equity),
        trades=again(observed.trades),
        flows=again(observed.flows),
        gaps=again(observed.gaps),
        prices={pair: again(prices) for pair, prices in observed.prices.items()},
    )
    assert replace(figures_of(repeated), skipped=Skipped()) == replace(
        figures_of(observed), skipped=Skipped()
    )


@given(series())
@settings(max_examples=100, deadline=None)
def test_the_drawdown_is_the_greatest_fall_between_any_two_points(equity):
    worths = [Fraction(point.equity) for point in equity]
    worst = max(1 - later / before for i, before in enumerate(worths) for later in worths[i:])
    figures = figures_of(seen(equity))
    assert near(figures.drawdown.ratio, float(worst))
    assert near(figures.total_return, float(worths[-1] / worths[0] - 1))


@given(series(3), st.data())
@settings(max_examples=100, deadline=None)
def test_the_returns_of_two_parts_make_that_of_the_whole(equity, data):
    cut = data.draw(st.integers(1, len(equity) - 2))
    amount = data.draw(st.decimals(1, 1000, places=2))
    flows = [Flow(equity[1].at - timedelta(minutes=20), amount)]
    whole = figures_of(seen(equity, flows=flows))
    first = figures_of(seen(equity[: cut + 1], flows=flows))
    second = figures_of(replace(seen(equity[cut:], flows=flows), first_at=equity[cut].at))
    assert near((1 + first.total_return) * (1 + second.total_return), 1 + whole.total_return)
    assert whole.drawdown.ratio >= max(first.drawdown.ratio, second.drawdown.ratio)


@given(series())
@settings(max_examples=60, deadline=None)
def test_the_months_make_the_whole(equity):
    figures = figures_of(seen(equity))
    ratios = [month.ratio for month in figures.months if month.ratio is not None]
    assert near(math.prod(1 + ratio for ratio in ratios), 1 + figures.total_return)


@given(
    series(),
    st.sampled_from([Decimal("0.0001"), Decimal(3), Decimal("63017.5")]),
    st.decimals(1, 900, places=2),
)
@settings(max_examples=60, deadline=None)
def test_in_another_currency_the_ratios_are_the_same(equity, rate, amount):
    flow = Flow(equity[-1].at - timedelta(minutes=20), amount)
    profits = [trade(number, number, point.equity - 5000) for number, point in enumerate(equity)]
    ours = figures_of(seen(equity, profits, flows=[flow]))
    theirs = figures_of(
        seen(
            [replace(point, equity=point.equity * rate) for point in equity],
            [replace(each, profit=each.profit * rate, stake=each.stake * rate) for each in profits],
            flows=[replace(flow, amount=amount * rate)],
        )
    )
    assert near(theirs.total_return, ours.total_return)
    assert near(theirs.drawdown.ratio, ours.drawdown.ratio)
    assert theirs.win_rate == ours.win_rate
    assert near(theirs.profit_factor or 0, ours.profit_factor or 0)
    assert near(theirs.average_ratio, ours.average_ratio)
    assert near(theirs.average_profit, ours.average_profit * rate)


@given(series())
@settings(max_examples=60, deadline=None)
def test_a_day_of_no_change_changes_only_the_days(equity):
    before = figures_of(seen(equity))
    more = [*equity, EquityPoint(equity[-1].at + timedelta(1), equity[-1].equity)]
    after = figures_of(seen(more))
    assert after.days == before.days + 1
    assert (after.total_return, after.drawdown) == (before.total_return, before.drawdown)


@given(series(), st.data())
@settings(max_examples=100, deadline=None)
def test_who_deposits_has_the_return_of_who_does_not(equity, data):
    """From the deposit on there is more by one factor; equity was seen at the deposit."""
    where = data.draw(st.integers(1, len(equity) - 1))
    share = data.draw(st.fractions(Fraction(-9, 10), 10, max_denominator=10))
    assume(share)
    grown = Decimal((1 + share).numerator) / (1 + share).denominator
    richer = [replace(point, equity=point.equity * grown) for point in equity[where:]]
    flow = Flow(equity[where].at, equity[where].equity * (grown - 1))
    plain, with_flow = figures_of(seen(equity)), figures_of(seen([*equity[:where], *richer], flows=[flow]))
    assert near(with_flow.total_return, plain.total_return)
    assert near(with_flow.drawdown.ratio, plain.drawdown.ratio)


# ——— an independent computation ———

#: Freqtrade's own metrics, and pandas for what it has no function for.
INDEPENDENT = """
import json, sys
import pandas as pd
from freqtrade.data import metrics

def frame(rows, *columns):
    made = pd.DataFrame(rows, columns=["date", *columns])
    made["date"] = pd.to_datetime(made["date"], utc=True, format="ISO8601")
    return made

def trades_of(case):
    trades = frame(case["trades"], "profit_abs").rename(columns={"date": "close_date"})
    expectancy, _ = metrics.calculate_expectancy(trades)
    profits = trades["profit_abs"]
    lost = profits[profits < 0].sum()
    found = {"expectancy": expectancy, "rate": float((profits > 0).mean()) if len(trades) else None,
             "factor": float(profits[profits > 0].sum() / -lost) if lost else None}
    if len(trades):
        fall = metrics.calculate_max_drawdown(trades, starting_balance=case["capital"], relative=True)
        found |= {"fall": fall.relative_account_drawdown, "high": str(fall.high_date.date()),
                  "low": str(fall.low_date.date())}
    return found

def equity_of(case):
    equity = frame(case["equity"], "total_quote")
    fall = metrics.calculate_max_drawdown_from_balance(equity, relative=True)
    seen = equity.dropna().set_index("date")["total_quote"]
    flows = frame(case["flows"], "amount").set_index("date")["amount"].reindex(seen.index).fillna(0.0)
    growth = (seen - flows) / seen.shift(1)
    index = growth.fillna(1.0).cumprod()
    months = index.resample("ME").last()
    return {"fall": fall.relative_account_drawdown, "high": str(fall.high_date.date()),
            "low": str(fall.low_date.date()), "total": float(index.iloc[-1] - 1),
            "fall_of_index": float((1 - index / index.cummax()).max()),
            "months": list(months / months.shift(1).fillna(1.0) - 1),
            "best": float(growth.max() - 1), "worst": float(growth.min() - 1)}

def market_of(case):
    return metrics.calculate_market_change({pair: frame(rows, "close") for pair, rows in case["prices"].items()})

work = {"trades": trades_of, "equity": equity_of, "market": market_of}
print(json.dumps({name: work[name.split()[0]](case) for name, case in json.load(sys.stdin).items()}))
"""


def deposits():
    """A daily curve of eighty days with a NaN in it, and the same with two changes of the allocation."""
    flows = [Flow(START + timedelta(21), Decimal(750)), Flow(START + timedelta(63), Decimal("-430.5"))]
    plain, moved = [], []
    for day in range(80):
        at, worth = START + timedelta(day), Decimal(1000 + (day * 7919) % 137 - day % 11 * 9)
        added = Decimal(750 if day >= 21 else 0) - Decimal("430.5" if day >= 63 else 0)
        plain.append(EquityPoint(at, NAN if day == 40 else worth))
        moved.append(EquityPoint(at, NAN if day == 40 else worth + added))
    return plain, moved, flows


@pytest.fixture(scope="module")
def independent(freqtrade_venv):
    """What Freqtrade and pandas say to each case, asked once."""
    plain, moved, flows = deposits()

    def trades_of(trades):
        return {
            "capital": 1000,
            "trades": [[each.closed_at.isoformat(), float(each.profit)] for each in trades],
        }

    def equity_of(equity, flows=()):
        rows = [[point.at.isoformat(), float(point.equity)] for point in equity]
        return {"equity": rows, "flows": [[flow.at.isoformat(), float(flow.amount)] for flow in flows]}

    cases = {f"trades {name}": trades_of(trades) for name, trades in CASES.items()}
    cases |= {"equity plain": equity_of(plain), "equity with deposits": equity_of(moved, flows)}
    prices = {pair: [[at.isoformat(), price] for at, price in rows] for pair, rows in market().items()}
    cases["market"] = {"prices": prices}
    asked = subprocess.run(
        [freqtrade_venv / "bin" / "python", "-c", INDEPENDENT],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert asked.returncode == 0, asked.stderr[-2000:]
    return json.loads(asked.stdout)


def market():
    days = [START + timedelta(day) for day in range(80)]
    return {
        "BTC/USDT": [(at, 60000 + (index * 733) % 9001) for index, at in enumerate(days)],
        "ETH/USDT": [(at, 2500 - (index * 37) % 411) for index, at in enumerate(days)],
    }


CASES = {
    "recorded": recorded(),
    "none": [],
    "one": recorded()[:1],
    "only losses": [each for each in recorded() if each.profit < 0],
}


@pytest.mark.engine
@pytest.mark.parametrize("name", CASES)
def test_trades_agree_with_freqtrade(independent, name):
    trades, theirs = CASES[name], independent[f"trades {name}"]
    figures = figures_of(seen(trades=trades))
    assert figures.trades == len(trades)
    for ours, other in ((figures.win_rate, theirs["rate"]), (figures.profit_factor, theirs["factor"])):
        assert (ours is None and other is None) or near(ours, other)
    if not trades:
        assert theirs["expectancy"] == 0
        assert figures.average_profit is None
        return
    assert near(figures.average_profit, theirs["expectancy"])
    worth, equity = Decimal(1000), []
    for each in sorted(trades, key=lambda each: each.closed_at):
        worth += each.profit
        equity.append(EquityPoint(each.closed_at, worth))
    figures = figures_of(seen(equity, trades, starting_capital=1000))
    assert near(figures.total_return, sum(each.profit for each in trades) / 1000)
    assert near(figures.drawdown.ratio, theirs["fall"])
    if name == "recorded":
        assert [str(figures.drawdown.peak_day), str(figures.drawdown.trough_day)] == [
            theirs["high"],
            theirs["low"],
        ]
        closed = Counter(each.closed_at.month for each in trades)
        assert {month.month: month.trades for month in figures.months} == closed


@pytest.mark.engine
@pytest.mark.parametrize("name", ["plain", "with deposits"])
def test_a_daily_curve_agrees_with_freqtrade_and_pandas(independent, name):
    plain, moved, flows = deposits()
    theirs = independent[f"equity {name}"]
    figures = figures_of(seen(plain) if name == "plain" else seen(moved, flows=flows))
    assert figures.skipped.equity == 1
    assert near(figures.total_return, theirs["total"])
    assert near(figures.drawdown.ratio, theirs["fall_of_index"])
    assert all(
        near(month.ratio, other) for month, other in zip(figures.months, theirs["months"], strict=True)
    )
    assert near(figures.best_day.ratio, theirs["best"])
    assert near(figures.worst_day.ratio, theirs["worst"])
    if name == "plain":
        assert near(figures.drawdown.ratio, theirs["fall"])
        assert [str(figures.drawdown.peak_day), str(figures.drawdown.trough_day)] == [
            theirs["high"],
            theirs["low"],
        ]


@pytest.mark.engine
def test_buy_and_hold_agrees_with_freqtrade(independent):
    plain, _, _ = deposits()
    prices = {pair: [Price(at, price) for at, price in rows] for pair, rows in market().items()}
    assert near(figures_of(seen(plain, prices=prices)).buy_and_hold, independent["market"])
