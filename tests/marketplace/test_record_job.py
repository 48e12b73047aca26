"""The worker keeps the record of each public template: of the right bot, once, and whatever becomes of another's."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from marketplace.services import keeping, prices
from marketplace.services.demo.prices import demo_prices
from marketplace.tasks import keep_prices, keep_records
from tests.audit.world import entries_since, last_entry, sql
from tests.factories.engines import DCA
from tests.logins import as_login
from tests.marketplace.recorded import (
    DAYS,
    WORTH,
    begun,
    bot,
    closes,
    data,
    engine,
    force,
    platform_account,
    seen,
    shows,
    turn,
)
from tests.marketplace.written import made, template
from tradewise.simulation.exchange_process import ExchangeProcess
from tradewise.tenancy.context import PLATFORM

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _platform(transactional_db: None) -> None:
    platform_account()


@pytest.fixture
def public(alice: User) -> int:
    """A published template of alice's."""
    return made(alice, "published")


def run_here(number: int, worth: Any = WORTH, *, config: Any = None, phase: str = "up", **known: Any) -> int:
    """TradeWise's own bot of it, with an engine."""
    own = bot(PLATFORM, template(number).template_id, kind="platform", days=len(worth), **known)
    engine(PLATFORM, own, config, phase)
    seen(PLATFORM, own, worth)
    return own


def test_the_record_is_that_of_tradewises_own_bot(public: int) -> None:
    run_here(public)
    report = turn()
    assert (report.looked, report.written, report.failed) == (1, 1, 0)
    told = data(public)
    assert (told["tier"], told["mode"], told["is_replay"], told["version"], told["ended"]) == (
        "run_by_tradewise",
        "dry_run",
        False,
        1,
        False,
    )
    assert told["since"] == begun().date().isoformat()
    assert (told["days"], told["trades"], told["deleted_trades"], told["gaps"]) == (DAYS - 1, 24, 0, 0)
    assert told["is_enough"] is True
    # From the 1000 that it began with to the last worth; by hand.
    assert Decimal(told["return"]) == WORTH[-1] / 1000 - 1
    fall = (WORTH[19] - WORTH[20]) / WORTH[19]
    assert abs(Decimal(told["drawdown"]) - fall) < Decimal("1E-11")
    assert (told["win_rate"], told["profit_factor"]) == ("0.75", "1.875")
    assert told["average_trade"] == "0.00875"
    levels = told["curve"].split(" ")
    assert len(levels) == DAYS
    assert [Decimal(level) for level in levels] == [worth / 1000 for worth in WORTH]
    assert (told["hold"], told["hold_return"], told["subscribers"]) == (None, None, None)
    assert [month for month, _ in told["months"]] == sorted(
        {f"{begun() + timedelta(days=d):%Y-%m}" for d in range(DAYS)}
    )


def test_what_each_order_cost_is_told_where_every_trade_says_so(public: int) -> None:
    own = run_here(public)
    turn()
    assert data(public)["fee_rate"] is None
    sql("UPDATE bot_trades SET turnover = 200, fees = 0.15 WHERE bot_id = %s", own)
    sql("UPDATE bot_trades SET turnover = 400, fees = 0.4 WHERE bot_id = %s AND trade_id = 1", own)
    sql("UPDATE bot_figures SET taken_at = now() + interval '1 hour'")
    turn()
    # (23 x 0.15 + 0.4) / (23 x 200 + 400)
    assert data(public)["fee_rate"] == "0.00077"


def test_nothing_new_is_not_written_again_and_leaves_no_trace(public: int) -> None:
    own = run_here(public)
    before = last_entry()
    assert turn().written == 1
    assert (turn().looked, turn().written) == (1, 0)
    assert [entry.resource_type for entry in entries_since(before)] == []
    # Looked at once an hour: each record is in many indexes.
    sql("UPDATE bot_figures SET taken_at = now() + interval '1 hour'")
    sql(
        "UPDATE bot_days SET equity_close = 1500, equity_high = 1500 WHERE bot_id = %s AND day = current_date",
        own,
    )
    assert turn().written == 1
    assert data(public)["return"] == "0.5"


def test_a_turn_comes_every_five_minutes_and_no_sooner(public: int) -> None:
    run_here(public)
    turn()
    with as_login("tw_worker"):
        assert keeping.keep().looked == 0
    sql("UPDATE template_records SET next_at = next_at - interval '5 minutes'")
    with as_login("tw_worker"):
        assert keeping.keep().looked == 1


def test_of_a_replay_it_says_that_it_is_a_demo(public: int) -> None:
    """A bot of the platform without an engine: its days lie before it was made, on purpose."""
    own = bot(PLATFORM, template(public).template_id, kind="platform", created_at=datetime.now(UTC))
    seen(PLATFORM, own)
    turn()
    told = data(public)
    assert (told["is_replay"], told["mode"], told["tier"]) == (True, "simulated", "run_by_tradewise")
    assert told["since"] == begun().date().isoformat()
    assert any("invented prices" in caveat for caveat in told["caveats"])
    # Compared with the prices that it was replayed on, and nobody is asked for any.
    first, last = begun().date(), datetime.now(UTC).date() - timedelta(days=1)

    def close(pair: str, day: date) -> Decimal:
        return demo_prices(pair, day) or Decimal("NaN")

    bought = [close(pair, last) / close(pair, first - timedelta(days=1)) for pair in DCA["pairs"]]
    assert told["hold"].split()[-1] != "-"
    assert Decimal(told["hold_return"]) == round(sum(bought) / len(bought) - 1, 12)
    assert sql("SELECT 1 FROM market_pairs") == []


def test_an_engine_goes_before_a_replay(public: int) -> None:
    replay = bot(PLATFORM, template(public).template_id, kind="platform")
    seen(PLATFORM, replay, [Decimal(1), Decimal(2)])
    run_here(public)
    turn()
    assert data(public)["is_replay"] is False


def test_of_the_authors_bot_only_what_was_seen_counts(public: int, alice: User) -> None:
    shown = bot(alice.tenant_id, days=10)
    seen(alice.tenant_id, shown)  # forty days in the table, of which ten since it is here
    shows(public, shown)
    turn()
    told = data(public)
    assert (told["tier"], told["since"]) == ("observed", begun(10).date().isoformat())
    assert told["days"] == 9
    assert told["trades"] < 24
    assert told["is_enough"] is False
    assert told["sentence"].startswith("Not enough data: 9 days observed of at least 30")
    assert told["win_rate"] is None
    # From the first equity that was seen on: what it had before nobody knows.
    assert Decimal(told["return"]) == (WORTH[-1] / WORTH[-10] - 1).quantize(Decimal("1E-12"))


def test_another_tenants_bot_shows_nothing(public: int, mallory: User) -> None:
    theirs = bot(mallory.tenant_id)
    seen(mallory.tenant_id, theirs)
    shows(public, theirs)
    assert turn().failed == 0
    assert data(public) is None


def test_without_a_bot_there_is_no_record(public: int) -> None:
    assert turn().looked == 1
    assert data(public) is None


def test_a_bot_that_is_gone_leaves_its_record_ended(public: int) -> None:
    own = run_here(public)
    turn()
    before = data(public)
    sql("DELETE FROM bots WHERE id = %s", own)
    turn()
    assert data(public) == {**before, "ended": True}


def test_a_bot_that_was_stopped_has_ended(public: int) -> None:
    run_here(public, phase="off", desired_state="stopped")
    turn()
    assert data(public)["ended"] is True


def test_a_deposit_is_no_profit(public: int) -> None:
    worth = [*WORTH[:20], *(each + 500 for each in WORTH[20:])]
    own = run_here(public, worth)
    at = begun() + timedelta(days=20, hours=6)
    sql(
        "INSERT INTO bot_marks (tenant_id, bot_id, at, capital, change, equity) VALUES "
        "(%s, %s, %s, 1000, NULL, 1000), (%s, %s, %s, 1500, 500, 1560)",
        *(PLATFORM, own, begun() + timedelta(minutes=1), PLATFORM, own, at),
    )
    # On the day of the change the lowest equity was seen before it.
    sql("UPDATE bot_days SET equity_low = 1000 WHERE bot_id = %s AND day = %s", own, at.date())
    turn()
    expected = Decimal(1060) / 1000 * worth[-1] / 1560 - 1
    assert abs(Decimal(data(public)["return"]) - expected) < Decimal("1E-11")
    assert Decimal(data(public)["drawdown"]) < Decimal("0.05")


def test_gaps_and_deleted_trades_are_said(public: int) -> None:
    worth: list[Any] = [*WORTH[:5], None, None, *WORTH[7:]]
    own = run_here(public, worth)
    at = begun() + timedelta(days=30, hours=12)
    sql(
        "INSERT INTO bot_marks (tenant_id, bot_id, at, unseen_since, equity) VALUES (%s, %s, %s, %s, 1050)",
        *(PLATFORM, own, at, at - timedelta(hours=5)),
    )
    sql("UPDATE bot_figures SET closed_trades = 21")
    for status, hours in (("error", 20), ("running", 26)):
        sql(
            "INSERT INTO bot_events (tenant_id, bot_id, at, kind, status) VALUES (%s, %s, %s, 'health', %s)",
            *(PLATFORM, own, begun() + timedelta(days=10, hours=hours), status),
        )
    turn()
    told = data(public)
    assert (told["gaps"], told["deleted_trades"]) == (3, 3)
    assert told["curve"].split(" ")[5:7] == ["-", "-"]
    said = " ".join(told["caveats"])
    assert "3 trades were deleted from the bot" in said
    assert "Nothing was seen for" in said


def test_a_trade_that_closes_during_a_reading_was_not_deleted(public: int) -> None:
    """A bot is asked for its totals first and its trades last: what closes in between is seen, and not counted."""
    own = run_here(public)

    def read(hours: int, counted: int) -> tuple[int, int]:
        sql(
            "UPDATE bot_figures SET taken_at = now() + %s * interval '1 hour', closed_trades = %s",
            *(hours, counted),
        )
        if hours == 1:
            sql(
                "INSERT INTO bot_trades (tenant_id, bot_id, trade_id, pair, opened_at, closed_at, stake_amount, "
                "profit, profit_ratio, seen_at) SELECT tenant_id, bot_id, 25, 'BTC/USDT', taken_at - interval '1 h', "
                "taken_at - interval '1 s', 100, 1, 0.01, taken_at FROM bot_figures WHERE bot_id = %s",
                own,
            )
        turn()
        told = data(public)
        assert ("1 trade was deleted" in " ".join(told["caveats"])) == (told["deleted_trades"] == 1)
        return told["trades"], told["deleted_trades"]

    assert read(1, counted=24) == (25, 0)
    assert read(2, counted=25) == (25, 0)
    # And one that is gone is told, whenever it was seen.
    assert read(3, counted=24) == (25, 1)


@pytest.mark.parametrize(
    ("over", "gap", "told_as"),
    [
        (timedelta(minutes=5), timedelta(minutes=20), "less than a day"),  # 30 whole days, 29 without the gap
        (timedelta(hours=23, minutes=30), timedelta(hours=23), "less than a day"),  # 30 with it and without
        (timedelta(minutes=5), timedelta(hours=30), "more than 1 day"),  # 30 and 28
    ],
)
def test_what_was_not_seen_is_said_as_long_as_it_was(
    public: int, over: timedelta, gap: timedelta, told_as: str
) -> None:
    own = run_here(public)
    at = begun() + timedelta(days=20)
    sql(
        "INSERT INTO bot_marks (tenant_id, bot_id, at, unseen_since, equity) VALUES (%s, %s, %s, %s, 1050)",
        *(PLATFORM, own, at, at - gap),
    )
    sql("UPDATE bot_figures SET taken_at = %s", begun() + timedelta(days=30) + over)
    turn()
    told = data(public)
    assert (told["days"], told["gaps"]) == (30, 1)
    said = f"Nothing was seen for {told_as} in all: the drawdown may have been greater."
    assert [caveat for caveat in told["caveats"] if caveat.startswith("Nothing was seen")] == [said]


def test_a_set_up_of_no_version_and_changed_parameters_are_said(public: int) -> None:
    own = run_here(public, config={**DCA, "timeframe": "1h"})
    sql(
        "INSERT INTO bot_events (tenant_id, bot_id, at, kind) VALUES (%s, %s, now(), 'changed')",
        PLATFORM,
        own,
    )
    turn()
    told = data(public)
    assert told["version"] is None
    assert any("no version of this template" in caveat for caveat in told["caveats"])
    assert any("changed 1 time during" in caveat for caveat in told["caveats"])


def test_it_is_compared_with_holding_the_same_pairs(public: int) -> None:
    run_here(public)
    turn()
    assert sorted(row.pair for row in sql("SELECT pair FROM market_pairs")) == sorted(DCA["pairs"])
    closes("binance", "BTC/USDT", [100] * DAYS + [120])
    turn()
    # One of two pairs has no price: then it is unknown, and not that of the one.
    assert data(public)["hold_return"] is None
    closes("binance", "ETH/USDT", [10] * DAYS + [10])
    turn()
    told = data(public)
    assert told["hold_return"] == "0.1"
    held = told["hold"].split(" ")
    assert (len(held), held[0], held[-1]) == (DAYS, "1", "1.1")


def test_one_template_that_fails_stops_no_other(public: int, mallory: User, caplog: Any) -> None:
    run_here(public)
    other = made(mallory, "published", name="Other")
    run_here(other)
    sql("UPDATE bot_trades SET closed_at = 'infinity' WHERE bot_id = (SELECT min(id) FROM bots)")
    sql("UPDATE bot_trades SET opened_at = '0044-03-15 BC' WHERE bot_id = (SELECT min(id) FROM bots)")
    sql("UPDATE bot_figures SET taken_at = 'infinity' WHERE bot_id = (SELECT min(id) FROM bots)")
    report = turn()
    assert (report.looked, report.failed, report.written) == (2, 1, 1)
    assert data(public) is None
    assert data(other) is not None
    assert "a record was not computed" in caplog.text
    (row,) = sql(
        "SELECT failure, next_at > now() AS later FROM template_records WHERE template_id = %s", public
    )
    assert row.failure
    assert row.later


def test_a_withdrawn_templates_record_stays_as_it_was(public: int) -> None:
    own = run_here(public)
    turn()
    before = data(public)
    force("UPDATE bot_templates SET status = 'withdrawn', is_public = false WHERE id = %s", public)
    sql("UPDATE bot_days SET equity_close = 5000 WHERE bot_id = %s", own)
    sql("UPDATE bot_figures SET taken_at = now()")
    assert turn().looked == 0
    assert data(public) == before


def test_a_turn_whose_lease_is_lost_writes_nothing(public: int, monkeypatch: Any) -> None:
    run_here(public)
    real = keeping.find_source

    def slow(found: Any) -> Any:
        sql("UPDATE template_records SET lease_token = gen_random_uuid()")
        return real(found)

    monkeypatch.setattr(keeping, "find_source", slow)
    assert turn().written == 0
    assert data(public) is None


def test_two_workers_take_different_templates(alice: User) -> None:
    for number in range(6):
        run_here(made(alice, "published", name=f"T{number}"))
    sql("INSERT INTO template_records (template_id) SELECT id FROM bot_templates")
    reports: list[keeping.Report] = []

    def work() -> None:
        from django.db import connection

        try:
            reports.append(keeping.keep())
        finally:
            connection.close()

    with as_login("tw_worker"):
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(report.looked for report in reports) == 6
    assert sum(report.written for report in reports) == 6


def test_the_task_says_what_it_did(public: int, caplog: Any) -> None:
    run_here(public)
    caplog.set_level("INFO")
    with as_login("tw_worker"):
        keep_records()
    assert "records looked=1 written=1 failed=0" in caplog.text


def test_closes_come_from_the_exchange_once_a_day(
    alice: User, exchange_process: ExchangeProcess, settings: Any
) -> None:
    settings.BOT_SIMULATED_EXCHANGE = f"http://127.0.0.1:{exchange_process.port}"
    since = datetime.now(UTC).date() - timedelta(days=5)
    with as_login("tw_worker"):
        prices.want("simulated", ["BTC/USDT", "DOGE/USDT"], since)
        prices.want("unheard-of", ["BTC/USDT"], since)
        keep_prices()
        assert prices.fetch() == 0
    rows = sql("SELECT * FROM market_closes ORDER BY day")
    assert [row.day for row in rows] == [since + timedelta(days=number) for number in range(5)]
    assert {row.pair for row in rows} == {"BTC/USDT"}
    with as_login("tw_worker"):
        prices.want("simulated", ["BTC/USDT"], since - timedelta(days=3))
        prices.fetch()
    assert len(sql("SELECT 1 FROM market_closes")) == 8
    (due,) = sql("SELECT min(next_at) > now() AS later, count(*) AS n FROM market_pairs")
    assert (due.later, due.n) == (True, 2)


def test_an_exchange_that_does_not_answer_is_asked_again_soon(settings: Any) -> None:
    settings.BOT_SIMULATED_EXCHANGE = "http://127.0.0.1:9"
    with as_login("tw_worker"):
        prices.want("simulated", ["BTC/USDT"], datetime.now(UTC).date())
        assert prices.fetch() == 0
    (row,) = sql("SELECT failure, next_at < now() + interval '11 minutes' AS soon FROM market_pairs")
    assert (row.failure, row.soon) == ("The exchange did not say.", True)


def test_a_bot_that_calls_its_exchange_simulated_is_compared_with_nothing(public: int, alice: User) -> None:
    shown = bot(alice.tenant_id, exchange="simulated")
    seen(alice.tenant_id, shown)
    closes("simulated", "BTC/USDT", [100] * 41)
    closes("simulated", "ETH/USDT", [100] * 41)
    shows(public, shown)
    turn()
    assert (data(public)["tier"], data(public)["hold_return"], data(public)["hold"]) == (
        "observed",
        None,
        None,
    )
    assert sql("SELECT 1 FROM market_pairs") == []
