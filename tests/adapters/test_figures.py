from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bots.adapters import AdapterError, Rejection
from bots.enums import HealthReason
from tests.adapters import answers as said
from tests.adapters.conftest import PlayedBot

PRICED = {"profit": said.PROFIT, "status": [said.OPEN_TRADE], "daily": said.DAILY}


def figures(bot, *, known_capital=None, **changed):
    bot.answers |= {"show_config": said.SHOW_CONFIG} | PRICED | changed
    return bot.talk(lambda adapter: adapter.figures(known_capital=known_capital))


def trades(bot, after: int):
    return bot.talk(lambda adapter: adapter.trades(after))


def history(ids: Sequence[int]):
    """The trades page of a bot with these closed trades."""

    def answer(request):
        limit, offset = int(request.query["limit"]), int(request.query["offset"])
        page = ids[offset : offset + limit]
        return {
            "trades": [said.CLOSED_TRADE | {"trade_id": trade_id} for trade_id in page],
            "trades_count": len(page),
            "offset": offset,
            "total_trades": len(ids),
        }

    return answer


def test_equity_is_the_starting_capital_and_all_profit(bot) -> None:
    seen = figures(bot)
    assert seen.rejected is None
    assert seen.starting_capital == Decimal(990)
    assert seen.equity == Decimal("989.356099")
    assert (seen.profit_all, seen.profit_closed) == (Decimal("-0.643901"), Decimal("0.13115328"))
    assert (seen.closed_trades, seen.winning, seen.losing, seen.max_open_trades) == (1, 1, 0, 3)
    assert seen.stake_currency == "USDT"


def test_a_balance_that_cannot_be_asked_does_not_matter_where_the_capital_is_known(bot) -> None:
    seen = figures(bot, balance=(502, said.NOT_RUNNING))
    assert (seen.rejected, seen.equity) == (None, Decimal("989.356099"))


def test_days_may_be_missing_and_come_oldest_first(bot) -> None:
    seen = figures(bot)
    assert [result.day for result in seen.days] == [date(2026, 11, 20), date(2026, 11, 23)]
    assert figures(bot, daily=(502, said.NOT_RUNNING)).days == ()


def test_an_open_trade_is_read_with_its_time_in_utc(bot) -> None:
    (trade,) = figures(bot).open_trades
    assert trade.opened_at == datetime(2026, 11, 23, 6, 22, 41, 665000, tzinfo=UTC)
    assert (trade.pair, trade.profit_abs, trade.is_short) == ("ETH/USDT", Decimal("-0.27527716"), False)


def test_without_prices_there_is_no_equity_and_no_false_loss(bot) -> None:
    unknown = said.PROFIT | {"profit_all_coin": None, "profit_all_ratio": None}
    for changed in (
        {"profit": unknown, "status": [said.UNPRICED_TRADE]},
        {"profit": unknown, "status": []},
        {"status": [said.UNPRICED_TRADE]},
        {"status": [said.OPEN_TRADE, said.OPEN_TRADE | {"trade_id": 3, "current_rate": None}]},
    ):
        seen = figures(bot, **changed)
        assert str(seen.rejected) == "prices missing"
        assert seen.equity is None
        assert seen.profit_closed is not None


def test_nan_is_unknown_and_not_a_number(bot) -> None:
    body = b'{"profit_all_coin": NaN, "profit_all_ratio": Infinity, "closed_trade_count": 1}'
    assert figures(bot, profit=body, status=[]).rejected == Rejection.PROFIT_UNKNOWN


def test_a_position_valued_at_nothing_is_refused(bot) -> None:
    assert figures(bot, status=[said.OPEN_TRADE | {"current_rate": 0}]).rejected == Rejection.ZERO_VALUED


FRESH = {"profit_all_coin": 0.0, "profit_all_ratio": 0.0, "profit_closed_coin": 0, "profit_closed_ratio": 0}


def test_before_the_first_profit_the_balance_tells_the_capital(bot) -> None:
    seen = figures(bot, profit=said.PROFIT | FRESH, balance=said.BALANCE)
    assert (seen.starting_capital, seen.equity, seen.rejected) == (Decimal(990), Decimal(990), None)


def test_a_capital_that_is_known_saves_the_slow_question(bot) -> None:
    seen = figures(bot, profit=said.PROFIT | FRESH, status=[], known_capital=Decimal(500))
    assert seen.equity == Decimal(500)
    assert not any("balance" in path for path in bot.asked)


def test_a_balance_with_positions_at_nothing_is_refused(bot) -> None:
    down = said.BALANCE | {"currencies": [{"currency": "ETH", "balance": 0.0292, "est_stake": 0.0}]}
    seen = figures(bot, profit=said.PROFIT | FRESH, balance=down)
    assert (seen.rejected, seen.equity) == (Rejection.ZERO_VALUED, None)


@pytest.mark.parametrize(
    "balance", [(502, said.NOT_RUNNING), {}, {"starting_capital": None}, {"starting_capital": 0}]
)
def test_an_unknown_capital_is_said_and_not_guessed(bot, balance) -> None:
    seen = figures(bot, profit=said.PROFIT | FRESH, balance=balance)
    assert (seen.rejected, seen.equity) == (Rejection.CAPITAL_UNKNOWN, None)


def test_numbers_may_be_texts_and_limits_may_be_absent(bot) -> None:
    words = {name: str(value) for name, value in said.PROFIT.items()}
    bot.answers["show_config"] = said.SHOW_CONFIG
    seen = figures(bot, profit=words)
    assert seen.equity == Decimal("989.356099")
    assert figures(bot, show_config=said.SHOW_CONFIG | {"max_open_trades": -1}).max_open_trades is None


@pytest.mark.parametrize("profit", [[], {}, b"nonsense", {"closed_trade_count": "many"}])
def test_a_profit_that_says_nothing_is_an_error(bot, profit) -> None:
    with pytest.raises(AdapterError) as trouble:
        figures(bot, profit=profit)
    assert trouble.value.reason in (HealthReason.PROTOCOL, HealthReason.NOT_FREQTRADE)


def test_a_config_that_was_just_read_is_not_asked_for_again(bot) -> None:
    bot.answers |= {"show_config": said.SHOW_CONFIG} | PRICED

    async def both(adapter):
        await adapter.probe()
        return await adapter.figures()

    bot.talk(both)
    assert sum("show_config" in path for path in bot.asked) == 1


@pytest.mark.parametrize("after", [0, 1, 49, 50, 51, 119, 120, 500])
def test_closed_trades_after_a_cursor_come_once_and_in_order(bot, after: int) -> None:
    bot.answers["trades"] = history(list(range(1, 121)))
    assert [trade.trade_id for trade in trades(bot, after)] == list(range(after + 1, 121))
    assert len(bot.asked) <= 5


@pytest.mark.parametrize("after", [0, 7, 300, 301, 999, 1000, 2000])
def test_gaps_in_the_ids_lose_no_trade(bot, after: int) -> None:
    ids = [*range(3, 400, 7), *range(900, 1100)]
    bot.answers["trades"] = history(ids)
    assert [trade.trade_id for trade in trades(bot, after)] == [n for n in ids if n > after]


async def every_trade(adapter, after: int = 0) -> list[int]:
    """The ids that readings one after the other tell, until one tells none."""
    seen: list[int] = []
    while part := await adapter.trades(seen[-1] if seen else after):
        seen += [trade.trade_id for trade in part]
    return seen


def test_ids_with_many_holes_are_read_to_the_end_and_so_is_what_closes_later(bot) -> None:
    """Three ids for every two trades: by the end the first new trade is far before where its id would be."""
    ids = [n * 3 // 2 for n in range(1, 5001)]
    bot.answers["trades"] = history(ids)
    seen: list[int] = []
    while part := trades(bot, seen[-1] if seen else 0):
        seen += [trade.trade_id for trade in part]
        assert len(bot.asked) <= 20, "one reading, searching included"
        bot.asked.clear()
    assert seen == ids
    later = [ids[-1] + n for n in (1, 3, 4, 60)]
    bot.answers["trades"] = history(ids + later)
    assert [trade.trade_id for trade in trades(bot, ids[-1])] == later


#: Runs of trades: how many, how far apart their ids are, and how many ids are missing before them.
RUNS = st.lists(
    st.tuples(st.integers(1, 1500), st.integers(1, 4), st.sampled_from([0, 1, 60, 900, 4000, 40_000])),
    min_size=1,
    max_size=4,
)


def ids_of(runs: list[tuple[int, int, int]]) -> list[int]:
    ids = [0]
    for rows, apart, missing in runs:
        first = ids[-1] + missing + 1
        ids += range(first, first + rows * apart, apart)
    return ids[1:]


#: No shrinking: each example is a hundred requests.
@settings(max_examples=12, deadline=None, phases=[Phase.generate])
@given(runs=RUNS, closing=st.lists(st.integers(1, 90), max_size=3), data=st.data())
def test_whatever_ids_are_missing_every_trade_is_reached(runs, closing, data) -> None:
    """Trades close while they are read, too; and each reading is of so many requests at most."""
    ids, bot = ids_of(runs), PlayedBot()
    after = data.draw(st.integers(0, ids[-1] + 100))
    told, coming = history(ids), list(closing)

    def answer(request):
        if coming and len(bot.asked) % 7 == 0:
            ids.append(ids[-1] + coming.pop())
        return told(request)

    async def read(adapter):
        seen, cursor = [], after
        while part := await adapter.trades(cursor):
            assert len(bot.asked) <= 30
            bot.asked.clear()
            seen += [trade.trade_id for trade in part]
            cursor = seen[-1]
        return seen

    bot.answers["trades"] = answer
    seen = bot.talk(read)
    assert seen + bot.talk(lambda adapter: every_trade(adapter, max([after, *seen]))) == [
        n for n in ids if n > after
    ]


@pytest.mark.parametrize("after", [0, 1, 11, 5000, 2**31 - 1])
@pytest.mark.parametrize("ids", [[], [1], list(range(1, 11)), list(range(20, 2000, 3))])
def test_a_cursor_of_a_database_that_was_larger_finds_what_is_after_it_there(bot, ids, after: int) -> None:
    bot.answers["trades"] = history(ids)
    assert bot.talk(lambda adapter: every_trade(adapter, after)) == [n for n in ids if n > after]
    assert len(bot.asked) <= 25


def test_a_trade_that_closes_before_the_others_while_they_are_looked_for_hides_none(bot) -> None:
    ids = [9000 + n * 3 // 2 for n in range(1, 3001)]
    told = history(ids)

    def answer(request):
        page = told(request)
        ids.insert(0, ids[0] - 1)
        return page

    bot.answers["trades"] = answer
    after = ids[-41]
    assert [trade.trade_id for trade in trades(bot, after)] == [n for n in ids if n > after]


@pytest.mark.parametrize("share", range(1, 10))
def test_among_a_million_trades_the_first_new_one_is_found_with_few_requests(bot, share: int) -> None:
    ids = range(3, 3_000_001, 3)
    bot.answers["trades"] = history(ids)
    after = ids[len(ids) * share // 10]
    found = [trade.trade_id for trade in trades(bot, after)]
    assert len(found) >= 200
    assert found == list(range(after + 3, found[-1] + 1, 3))
    assert len(bot.asked) <= 30


def test_a_bot_that_leads_on_is_left_after_a_while(bot) -> None:
    """One old trade at each of the first places, a new one at all others, and 45 requests to find the first of them."""

    def answer(request):
        if len(bot.asked) > 50:
            return 502, {"error": "It is asked without end."}
        trade_id = 5 if int(request.query["offset"]) < 1000 else 2**31 - 1
        return {"trades": [said.CLOSED_TRADE | {"trade_id": trade_id}], "total_trades": 10**10}

    bot.answers["trades"] = answer
    assert len(trades(bot, 2**31 - 2)) == 1


def test_a_long_history_comes_in_parts(bot) -> None:
    ids = list(range(1, 2501))
    bot.answers["trades"] = history(ids)
    seen: list[int] = []
    while part := trades(bot, seen[-1] if seen else 0):
        assert len(part) <= 1000
        seen += [trade.trade_id for trade in part]
    assert seen == ids


def test_trades_with_endless_orders_are_asked_for_in_shorter_pages(bot) -> None:
    small = history(list(range(1, 31)))

    def answer(request):
        return b" " * (3 * 1024 * 1024) if request.query["limit"] == "50" else small(request)

    bot.answers["trades"] = answer
    assert len(trades(bot, 0)) == 30


def test_a_bot_that_pages_for_ever_is_left_after_a_while(bot) -> None:
    page = [said.CLOSED_TRADE | {"trade_id": trade_id} for trade_id in range(1, 51)]
    bot.answers["trades"] = {"trades": page, "total_trades": 10**9}
    assert len(trades(bot, 0)) == 50
    assert len(bot.asked) <= 21


def test_a_proxy_that_shortens_pages_loses_no_trade(bot) -> None:
    every = history(list(range(1, 46)))

    def answer(request):
        return every(request.clone(rel_url=request.rel_url.update_query(limit=20)))

    bot.answers["trades"] = answer
    assert len(trades(bot, 0)) == 45


def order(filled: Any, price: Any, *, entry: Any = True, **other: Any) -> dict[str, Any]:
    return {"filled": filled, "safe_price": price, "ft_is_entry": entry, **other}


FEES = {"fee_open": 0.001, "fee_close": 0.002}


@pytest.mark.parametrize(
    ("said_of_it", "turnover", "fees"),
    [
        ({"orders": [order(2, 50), order(1, 40), order(3, 60, entry=False)]}, "320", "0.5"),
        ({"orders": [order(2, 50), order(0, None), order(2, 40, entry=False)]}, "180", "0.26"),
        ({"orders": [order(2, 50, average=0), order(2, 50, entry=False)]}, "200", "0.3"),
        ({"orders": [order(2, 50)], "fee_open": -0.001}, "100", "-0.1"),
        ({"orders": [order(2, 50)], "fee_open": 0}, "100", "0"),
        ({}, None, None),
        ({"orders": []}, None, None),
        ({"orders": "none"}, None, None),
        ({"orders": [order(0, 50)]}, None, None),
        ({"orders": [order(2, 50), order(None, 50)]}, None, None),
        ({"orders": [order(2, 50), order(2, "NaN")]}, None, None),
        ({"orders": [order(2, 50), 7]}, None, None),
        ({"orders": [order(2, 50, entry="yes")]}, None, None),
        ({"orders": [order(2, 50)], "fee_open": None}, None, None),
        ({"orders": [order(9e14, 9e14)]}, None, None),
        ({"orders": [order("100000000000000.00000001", 1), order(-1e14, 1, entry=False)]}, None, None),
        ({"orders": [order(2, 0)]}, None, None),
        ({"orders": [order(2, -50)]}, None, None),
        ({"orders": [order(2, 50)], "fee_open": 1}, None, None),
    ],
)
def test_the_fees_of_a_trade_are_those_of_each_of_its_orders(bot, said_of_it, turnover, fees) -> None:
    trade = {key: value for key, value in said.CLOSED_TRADE.items() if key != "orders"}
    bot.answers["trades"] = {"trades": [trade | FEES | said_of_it], "total_trades": 1}
    (read,) = trades(bot, 0)
    assert (read.turnover, read.fees) == tuple(
        None if value is None else Decimal(value) for value in (turnover, fees)
    )


def test_a_closed_trade_is_read_whole(bot) -> None:
    bot.answers["trades"] = {"trades": [said.CLOSED_TRADE, {"trade_id": None}, 7], "total_trades": 3}
    (trade,) = trades(bot, 0)
    assert (trade.profit_abs, trade.exit_reason) == (Decimal("0.13115328"), "roi")
    assert trade.closed_at == datetime(2026, 11, 23, 6, 25, 11, 62000, tzinfo=UTC)
