"""A bot that changes its currency or its mode begins a new record; nothing of the old one bears the new label."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.adapters.answers import CLOSED_TRADE, OPEN_TRADE, PROFIT

TO_LIVE = "The bot went from dry run to live: its record begins anew."
TO_BTC = "The bot trades in BTC now, in USDT before: its record begins anew."


@pytest.fixture
def played(town):
    played = town.bot()
    played.answers["status"] = [OPEN_TRADE]
    played.answers["profit"] = PROFIT | {"trade_count": 2}
    played.answers["trades"] = {"trades": [CLOSED_TRADE], "trades_count": 1, "total_trades": 1}
    return played


@pytest.fixture
def bot(played, connected, sweeps):
    """Seen once, with its figures: in dry run, in USDT."""
    bot = connected(played.url)
    sweeps()
    return bot


def figures(sql, bot):
    return sql("SELECT * FROM bot_figures WHERE bot_id = %s", bot.pk)[0]


def told(sql, bot):
    return [sentence for kind, _, sentence in sql.events(bot) if kind == "health" and "record" in sentence]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"dry_run": False}, TO_LIVE),
        ({"stake_currency": "BTC"}, TO_BTC),
        (
            {"dry_run": False, "stake_currency": "BTC"},
            "The bot went from dry run to live and trades in BTC now, in USDT before: its record begins anew.",
        ),
    ],
)
def test_another_mode_or_currency_leaves_no_amount_with_a_wrong_label(
    played, bot, sweeps, sql, config, sentence
):
    assert figures(sql, bot).equity is not None
    played.config = config
    sql.make_due()
    sweeps()
    row, latest = sql.bot(bot), figures(sql, bot)
    assert (row.dry_run, row.stake_currency) == (
        config.get("dry_run", True),
        config.get("stake_currency", "USDT"),
    )
    assert row.record_since == row.checked_at
    assert row.next_figures_at == row.checked_at
    known = latest._asdict()
    assert {known.pop(name) for name in ("tenant_id", "bot_id")} == {row.tenant_id, row.id}
    assert (known.pop("open_trades"), known.pop("trend"), known.pop("rejected_reason")) == ([], [], "")
    assert (known.pop("last_trade_id"), known.pop("rejected_samples")) == (0, 0)
    assert set(known.values()) == {None}
    assert told(sql, bot) == [sentence]


def test_it_is_told_once_and_the_figures_come_with_the_next_check(played, bot, sweeps, sql):
    played.config = {"dry_run": False}
    sql.make_due()
    sweeps()
    since = sql.bot(bot).record_since
    assert sql.bot(bot).next_check_at - since <= timedelta(seconds=1)
    for _ in range(2):
        sql.make_due()
        sweeps()
    assert figures(sql, bot).taken_at > since
    assert figures(sql, bot).equity is not None
    assert sql.bot(bot).record_since == since
    assert told(sql, bot) == [TO_LIVE]


def test_a_reading_of_the_same_check_belongs_to_the_new_record(played, bot, sweeps, sql):
    before = figures(sql, bot)
    # What was known of the old record - its capital above all - is no part of the new figures.
    sql("UPDATE bot_figures SET starting_capital = 77777, last_trade_id = 50, closed_trades = 50")
    played.config = {"stake_currency": "BTC"}
    played.answers["balance"] = {"currencies": [], "starting_capital": 2.0}
    played.answers["status"] = []
    played.answers["profit"] = PROFIT | {
        "profit_all_coin": 0.5, "profit_all_ratio": None, "profit_closed_ratio": None, "trade_count": 1
    }  # fmt: skip
    sql.make_due(figures=True)
    sweeps()
    row, latest = sql.bot(bot), figures(sql, bot)
    assert (latest.starting_capital, latest.equity) == (2, Decimal("2.5"))
    assert latest.taken_at == row.record_since > before.taken_at
    assert latest.last_trade_id == 1
    assert row.next_figures_at > row.record_since
    samples = sql("SELECT equity FROM bot_samples WHERE taken_at >= %s", row.record_since)
    assert samples == [(Decimal("2.5"),)]
    assert told(sql, bot) == [TO_BTC]


def test_a_reading_that_is_refused_leaves_the_figures_unknown(played, bot, sweeps, sql):
    played.config = {"dry_run": False}
    played.answers["profit"] = PROFIT | {"profit_all_coin": None, "trade_count": 2}
    played.answers["status"] = [OPEN_TRADE | {"current_rate": None, "profit_abs": None}]
    sql.make_due(figures=True)
    sweeps()
    latest = figures(sql, bot)
    assert latest.rejected_reason
    assert (latest.equity, latest.profit_all, latest.taken_at, latest.trend) == (None, None, None, [])


def test_the_days_before_the_new_record_stay_as_they_were_recorded(played, bot, sweeps, sql):
    day = str(sql("SELECT (now() AT TIME ZONE 'UTC')::date - 3 AS day")[0].day)
    sql("DELETE FROM bot_days")
    sql("INSERT INTO bot_days (tenant_id, bot_id, day, profit) SELECT tenant_id, id, %s, 7 FROM bots", day)
    played.answers["daily"] = {"data": [{"date": day, "abs_profit": 99.0, "trade_count": 1}]}
    played.config = {"dry_run": False}
    for _ in range(2):
        sql.make_due(figures=True)
        sweeps()
    assert sql("SELECT profit FROM bot_days WHERE day = %s", day) == [(7,)]


def test_what_becomes_known_for_the_first_time_is_no_new_record(played, bot, sweeps, sql):
    sql("UPDATE bots SET stake_currency = '', dry_run = NULL")
    sql.make_due()
    sweeps()
    row = sql.bot(bot)
    assert (row.stake_currency, row.dry_run, row.record_since) == ("USDT", True, None)
    assert figures(sql, bot).equity is not None
    assert told(sql, bot) == []


def test_a_bot_that_says_nothing_of_it_once_begins_no_new_record(played, bot, sweeps, sql):
    played.config = {"stake_currency": "", "dry_run": None, "strategy": "Another"}
    sql.make_due()
    sweeps()
    row = sql.bot(bot)
    assert (row.strategy, row.stake_currency, row.dry_run) == ("Another", "USDT", True)
    assert (row.record_since, told(sql, bot)) == (None, [])


def test_another_bots_figures_stay(played, bot, town, connected, sweeps, sql):
    other = connected(town.bot().url)
    sql.make_due()
    sweeps()
    before = figures(sql, other)
    played.config = {"dry_run": False}
    sql.make_due()
    sweeps()
    assert figures(sql, other) == before
    assert sql.bot(other).record_since is None
