"""A trader's own result, which the worker reckons from what the bot was seen to be worth, beside the template's."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import psycopg
import pytest

from accounts.models import User
from bots.enums import Mode, StopWay
from subscriptions.against import template_over
from subscriptions.models import Subscription
from subscriptions.services import following, reckoning
from subscriptions.tasks import reckon
from tests.audit.world import sql
from tests.factories.subscriptions import make_subscription, make_template, publish, withdraw_templates
from tests.logins import as_login
from tests.marketplace.written import raw
from tests.subscriptions.test_services import ask

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


def begun(user: User, days: int, template: Any = None, **options: Any) -> Subscription:
    """One that began so many days ago."""
    subscription = make_subscription(user, template or make_template(), **options)
    sql(
        "UPDATE subscriptions SET created_at = now() - make_interval(days => %s) WHERE id = %s",
        days,
        subscription.pk,
    )
    return subscription


def see(subscription: Subscription, first: int, last: int, *, flow_at: int = 99) -> None:
    """Readings every ten minutes between days since the beginning: 10 a day are won; on day `flow_at` 500 come."""
    sql(
        """INSERT INTO bot_samples (tenant_id, bot_id, taken_at, equity, profit_all)
        SELECT s.tenant_id, s.bot_id, s.created_at + make_interval(mins => m),
            round(m / 144.0, 8) + CASE WHEN m >= %s * 1440 THEN 1500 ELSE 1000 END, round(m / 144.0, 8)
        FROM subscriptions s, generate_series(%s * 1440, %s * 1440 - 10, 10) m WHERE s.id = %s""",
        flow_at,
        first,
        last,
        subscription.pk,
    )
    sql(
        """INSERT INTO bot_days (tenant_id, bot_id, day, equity_low, equity_high, equity_close)
        SELECT tenant_id, bot_id, (taken_at AT TIME ZONE 'UTC')::date, min(equity), max(equity),
            (array_agg(equity ORDER BY taken_at DESC))[1]
        FROM bot_samples WHERE bot_id = %s GROUP BY 1, 2, 3
        ON CONFLICT (tenant_id, bot_id, day) DO UPDATE SET equity_low = excluded.equity_low,
            equity_high = excluded.equity_high, equity_close = excluded.equity_close""",
        subscription.bot_id,
    )


def result(subscription: Subscription) -> Any:
    """Reckoned now, as the worker does it."""
    sql(
        "UPDATE subscriptions SET next_reckoning_at = now() WHERE id = %s AND next_reckoning_at IS NOT NULL",
        subscription.pk,
    )
    with as_login("tw_worker"):
        reckon()
    return row(subscription).performance_data


def row(subscription: Subscription) -> Any:
    return sql("SELECT * FROM subscriptions WHERE id = %s", subscription.pk)[0]


# ——— the own result ———


def test_nothing_seen_is_unknown_and_not_nought(alice: User) -> None:
    data = result(begun(alice, 10))
    assert (data["return"], data["drawdown"], data["days"], data["trades"]) == (None, None, 0, 0)
    assert (data["mode"], data["currency"]) == ("dry_run", "USDT")
    assert data["template_return"] is None


def test_a_result_is_told_from_seven_days_on(alice: User) -> None:
    subscription = begun(alice, 9)
    see(subscription, 0, 6)
    assert result(subscription)["return"] is None
    see(subscription, 6, 8)
    data = result(subscription)
    assert data["days"] == 7
    assert Decimal(data["return"]).quantize(Decimal("0.0001")) == Decimal("0.0799")
    assert Decimal(data["drawdown"]) == 0


def test_more_allocation_is_no_profit(alice: User) -> None:
    subscription = begun(alice, 11)
    see(subscription, 0, 10, flow_at=5)
    data = result(subscription)
    (flow,) = data["basis"]["flows"]
    assert Decimal(flow[1]) == 500
    last = Decimal(100) - Decimal(10) / 144
    expected = Decimal("1.05") * (1500 + last) / 1550 - 1
    assert abs(Decimal(data["return"]) - expected) < Decimal("1E-9")
    assert Decimal(data["drawdown"]) == 0, (
        "a day's low from before the change is no fall of what is there after it"
    )


def test_what_was_won_in_an_earlier_stint_of_the_same_mode_is_no_result_of_this_one(
    client: Any, alice: User
) -> None:
    """The engine's database goes on where it was: its profit tells of both."""
    subscription = begun(alice, 30)
    see(subscription, 19, 30)
    sql(
        "UPDATE bots SET record_since = s.created_at + interval '20 days' FROM subscriptions s WHERE s.bot_id = bots.id"
    )
    data = result(subscription)
    last = Decimal(300) - Decimal(10) / 144
    assert abs(Decimal(data["return"]) - ((1000 + last) / 1200 - 1)) < Decimal("1E-9")
    assert result(subscription)["return"] == data["return"]
    page = page_of(client)
    assert "all its trades in this mode" in page
    old = {**data, "basis": {**data["basis"], "capital": "1000.00"}}
    del old["basis"]["begun"]
    sql("UPDATE subscriptions SET performance_data = %s", json.dumps(old))
    assert result(subscription)["return"] == data["return"], (
        "what was kept before this was known is not believed"
    )


def test_a_gap_is_longer_than_the_time_between_two_readings(alice: User, settings: Any) -> None:
    subscription = begun(alice, 10)
    see(subscription, 0, 9)
    sql("DELETE FROM bot_samples WHERE extract(epoch FROM taken_at)::bigint / 600 %% 2 = %s", 0)
    settings.BOT_FIGURES_INTERVAL = 1200
    assert result(subscription)["basis"]["unseen"] == 0
    sql("UPDATE subscriptions SET performance_data = NULL")
    settings.BOT_FIGURES_INTERVAL = 60
    assert result(subscription)["basis"]["unseen"] > 86_400


def test_read_piece_by_piece_it_is_the_same_as_at_once(alice: User, mallory: User) -> None:
    pieces, whole = begun(alice, 11), begun(mallory, 11)
    for first, last in ((0, 3), (3, 5), (5, 6), (6, 10)):
        see(pieces, first, last, flow_at=5)
        result(pieces)
    see(whole, 0, 10, flow_at=5)
    one, other = result(pieces), result(whole)
    assert Decimal(one["return"]) == Decimal(other["return"])
    assert one["basis"]["flows"][0][1:2] == other["basis"]["flows"][0][1:2]
    assert one["days"] == other["days"]
    assert result(pieces) == one
    # What samples said is kept when they are gone.
    sql("DELETE FROM bot_samples")
    assert result(pieces)["return"] == one["return"]


def test_more_allocation_is_no_profit_either_after_readings_were_thrown_away(alice: User) -> None:
    """A bot that was off for longer than samples are kept, and came back with more."""
    subscription = begun(alice, 31)
    see(subscription, 0, 10)
    before = result(subscription)
    sql("DELETE FROM bot_samples")
    see(subscription, 20, 30, flow_at=15)
    data = result(subscription)
    (flow,) = data["basis"]["flows"]
    assert Decimal(flow[1]) == 500
    assert Decimal(before["return"]) < Decimal(data["return"]) < Decimal("0.3")
    assert (data["days"], data["days_observed"]) == (29, 19)


def test_the_mode_is_that_in_which_it_was_earned_whatever_the_engine_is_to_do_next(alice: User) -> None:
    subscription = begun(alice, 11)
    see(subscription, 0, 10)
    sql("UPDATE bots SET dry_run = false WHERE id = %s", subscription.bot_id)
    assert sql("SELECT mode FROM bot_engines WHERE bot_id = %s", subscription.bot_id)[0].mode == "dry_run"
    assert result(subscription)["mode"] == "live"


def test_what_was_not_seen_is_no_day_observed(alice: User) -> None:
    subscription = begun(alice, 12)
    see(subscription, 0, 3)
    see(subscription, 8, 11)
    data = result(subscription)
    assert (data["days"], data["days_observed"]) == (10, 5)
    assert data["return"] is None


def test_a_result_is_final_once_it_is_cancelled(alice: User) -> None:
    subscription = begun(alice, 11)
    see(subscription, 0, 10)
    ask(alice, following.cancel, subscription, way=StopWay.NOW)
    data = result(subscription)
    assert data["return"] is not None
    assert row(subscription).next_reckoning_at is None
    sql(
        "INSERT INTO bot_samples (tenant_id, bot_id, taken_at, equity, profit_all) VALUES (%s, %s, now(), 1, -999)",
        subscription.tenant_id,
        subscription.bot_id,
    )
    assert result(subscription) == data
    for statement in ("performance_data = '{}'", "next_reckoning_at = now()"):
        with pytest.raises(psycopg.errors.CheckViolation, match="is final"):
            sql(f"UPDATE subscriptions SET {statement} WHERE id = %s", subscription.pk)


# ——— the queue ———


def test_two_workers_claim_each_once_and_a_dead_one_leaves_it_due(alice: User) -> None:
    subscription = begun(alice, 1)
    with as_login("tw_worker"):
        assert reckoning.claim() == [(subscription.pk, alice.tenant_id)]
        assert reckoning.claim() == []
    sql("UPDATE subscriptions SET next_reckoning_at = next_reckoning_at - %s", reckoning.LEASE)
    with as_login("tw_worker"):
        assert reckon() == 1
        assert reckon() == 0
    due = row(subscription).next_reckoning_at
    assert timedelta(minutes=14) < due - datetime.now(UTC) <= reckoning.EVERY


def test_one_that_cannot_be_reckoned_keeps_no_other_waiting(alice: User, mallory: User) -> None:
    bad, good = begun(alice, 1), begun(mallory, 1)
    see(bad, 0, 1)
    data = result(bad)
    data["basis"]["begun"] = "nonsense"
    sql("UPDATE subscriptions SET performance_data = %s WHERE id = %s", json.dumps(data), bad.pk)
    sql("UPDATE subscriptions SET next_reckoning_at = now()")
    with as_login("tw_worker"):
        assert reckon() == 1
    assert row(good).performance_data is not None


@pytest.mark.parametrize("statement", ['performance_data = \'{"return": "9"}\''])
def test_the_site_writes_no_result(alice: User, statement: str) -> None:
    subscription = begun(alice, 1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="by the worker"):
        raw("tw_app", alice.tenant_id, f"UPDATE subscriptions SET {statement} WHERE id = %s", subscription.pk)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw(
            "tw_worker",
            alice.tenant_id,
            "UPDATE subscriptions SET version = 2 WHERE id = %s",
            subscription.pk,
        )
    assert row(subscription).performance_data is None


# ——— beside the template's ———


def record(days: int, growth: str = "0.01", **changes: Any) -> dict[str, Any]:
    """A record that began so many days ago and grows each day, up to today."""
    since = datetime.now(UTC).date() - timedelta(days=days)
    curve = " ".join(str((1 + Decimal(growth)) ** (number + 1)) for number in range(days + 1))
    known = {"tier": "run_by_tradewise", "mode": "dry_run", "is_replay": False, "version": 1}
    return {**known, "since": since.isoformat(), "currency": "USDT", "curve": curve, **changes}


def test_the_templates_result_is_over_the_same_days(alice: User) -> None:
    template = make_template(performance_data=json.dumps(record(30)))
    subscription = begun(alice, 10, template)
    see(subscription, 0, 10)
    data = result(subscription)
    since, until = (datetime.fromisoformat(data[key]).date() for key in ("since", "until"))
    expected = Decimal("1.01") ** ((until - since).days + 1) - 1
    assert abs(Decimal(data["template_return"]) - expected) < Decimal("1E-9")
    assert data["template_until"] == until.isoformat()


OVER: dict[str, Any] = {
    "mode": "dry_run",
    "currency": "USDT",
    "since": date(2026, 5, 3),
    "until": date(2026, 5, 5),
}
SEEN = {"since": "2026-05-01", "mode": "dry_run", "is_replay": False, "currency": "USDT"}


@pytest.mark.parametrize(
    ("changes", "asked", "ratio", "reason"),
    [
        ({"curve": "1.1 1.2 1.3 1.4 1.5"}, {}, "0.25", ""),
        ({"curve": "1.1 1.2 1.3 1.4 1.5"}, {"since": date(2026, 5, 1)}, "0.5", ""),
        ({"curve": "1.1 1.2 1.3 1.4"}, {}, "0.166666666667", ""),
        ({"curve": "1.1 1.2 1.3 1.4 -"}, {}, "0.166666666667", ""),
        ({"curve": "1.1 1.2"}, {}, None, "does not reach"),
        ({"curve": "1.1"}, {}, None, "ends before"),
        ({"curve": "1.1 - 1.3 1.4 1.5"}, {}, None, "not seen"),
        ({"curve": "1.1 0 1.3 1.4 1.5"}, {}, None, "not seen"),
        ({"curve": "NaN x Infinity 1 1"}, {}, None, "not seen"),
        ({"curve": ""}, {}, None, "ends before"),
        ({"curve": "1 1 1 1 1"}, {"since": date(2026, 4, 30)}, None, "begins after"),
        ({"curve": "1 1 1 1 1", "is_replay": True}, {}, None, "Invented"),
        ({"curve": "1 1 1 1 1", "mode": "simulated"}, {}, None, "Invented"),
        ({"curve": "1 1 1 1 1"}, {"mode": "simulated"}, None, "Invented"),
        ({"curve": "1 1 1 1 1", "currency": "EUR"}, {}, None, "another currency"),
        ({"curve": "1 1 1 1 1", "since": "soon"}, {}, None, "no record"),
    ],
)
def test_what_cannot_be_compared_is_unknown_with_the_reason(changes, asked, ratio, reason):
    found = template_over({**SEEN, **changes}, **{**OVER, **asked})
    assert found.ratio == (None if ratio is None else Decimal(ratio))
    assert (reason in found.reason) if reason else (found.reason == "")


def test_without_a_record_there_is_none() -> None:
    assert template_over(None, **OVER).reason == "The template has no record."


# ——— the page ———


def page_of(client: Any) -> str:
    return str(client.get("/subscriptions/").content.decode())


def test_the_list_shows_both_with_their_bases_and_why_they_differ(client: Any, alice: User) -> None:
    template = make_template(performance_data=json.dumps(record(30, version=2)))
    subscription = begun(alice, 12, template)
    see(subscription, 0, 11, flow_at=5)
    sql("UPDATE subscriptions SET paused_for = '3 days 5 hours' WHERE id = %s", subscription.pk)
    sql("UPDATE bot_engines SET config_json = jsonb_set(config_json, '{parameters,base_order}', '77')")
    data = result(subscription)
    page = page_of(client)
    assert f"{Decimal(data['return']) * 100:.2f}" in page
    assert f"{Decimal(data['template_return']) * 100:.2f}" in page
    for words in (
        "run by TradeWise",
        "dry run",
        "You began 18 days later than the template",
        "paused for 3 days",
        "changed the allocation 1 time;",
        "changed the parameters of your bot",
        "You follow version 1; the record is of version 2.",
        "what they come to is not known",
    ):
        assert words in page, words


def test_what_is_said_of_a_result_that_is_final_stays_what_it_was_compared_with(
    client: Any, alice: User
) -> None:
    template = make_template(performance_data=json.dumps(record(30, tier="observed", mode="live", version=1)))
    subscription = begun(alice, 12, template)
    see(subscription, 0, 11)
    ask(alice, following.cancel, subscription, way=StopWay.NOW)
    result(subscription)
    later = record(30, tier="run_by_tradewise", mode="dry_run", version=5, fee_rate="0.5")
    sql("UPDATE bot_templates SET performance_data = %s", json.dumps(later))
    sql("UPDATE bot_engines SET config_json = jsonb_set(config_json, '{parameters,base_order}', '77')")
    page = unescape(page_of(client))
    assert "real money, observed by TradeWise" in page
    assert "Yours is dry run, the template's is real money." in page
    for words in ("run by TradeWise", "version 5", "You have changed the parameters"):
        assert words not in page, words


def test_the_rate_of_a_template_that_nothing_is_compared_with_is_not_told(client: Any, alice: User) -> None:
    template = make_template(performance_data=json.dumps(record(3, fee_rate="0.001")))
    subscription = begun(alice, 12, template)
    see(subscription, 0, 11)
    closed_trades(subscription, "1")
    result(subscription)
    page = unescape(page_of(client))
    assert "took 1.00\xa0USDT, 0.100% of what was bought and sold." in page
    assert "begins after your subscription" in page


def test_where_nothing_is_compared_nothing_is_said_of_the_two(client: Any, alice: User) -> None:
    template = make_template(performance_data=json.dumps(record(30, currency="EUR", version=2, ended=True)))
    subscription = begun(alice, 12, template)
    see(subscription, 0, 11)
    result(subscription)
    page = unescape(page_of(client))
    assert "The template's record is in another currency." in page
    for words in ("compared are the same days", "the record is of version", "record has ended"):
        assert words not in page, words


def closed_trades(subscription: Subscription, *fees: Any) -> None:
    """One a day since the beginning, each with 1000 bought and sold, and with these fees."""
    for number, paid in enumerate(fees):
        sql(
            """INSERT INTO bot_trades (tenant_id, bot_id, trade_id, pair, opened_at, closed_at, profit, turnover, fees)
            SELECT tenant_id, bot_id, %s, 'BTC/USDT', created_at, created_at + make_interval(days => %s), 1, %s, %s
            FROM subscriptions WHERE id = %s""",
            *(number + 1, number + 1, None if paid is None else 1000, paid, subscription.pk),
        )


@pytest.mark.parametrize(
    ("fees", "theirs", "words"),
    [
        (
            ("0.75", "1.25"),
            "0.001",
            (
                "Fees of your closed trades took 2.00\xa0USDT, 0.100% of what was bought and sold; "
                "the template's bot pays the same rate."
            ),
        ),
        (
            ("0.5", "1"),
            "0.001",
            (
                "Fees of your closed trades took 1.50\xa0USDT, 0.075% of what was bought and sold; "
                "the template's bot pays 0.100%."
            ),
        ),
        (("0.5", "1"), None, "took 1.50\xa0USDT, 0.075% of what was bought and sold."),
        (("0.5", None), "0.001", "Fees are taken off; what they come to is not known."),
        ((), "0.001", "Fees are taken off; what they come to is not known."),
    ],
)
def test_what_fees_took_of_both_is_told_as_far_as_it_is_known(
    client, alice: User, fees, theirs, words
) -> None:
    subscription = begun(alice, 12, make_template(performance_data=json.dumps(record(30, fee_rate=theirs))))
    see(subscription, 0, 11)
    closed_trades(subscription, *fees)
    assert result(subscription)["trades"] == len(fees)
    page = unescape(page_of(client))
    assert words in page, page


def test_before_there_is_enough_the_list_says_so_and_shows_no_figure(client: Any, alice: User) -> None:
    subscription = begun(alice, 3)
    assert "not reckoned yet" in page_of(client)
    see(subscription, 0, 2)
    result(subscription)
    page = page_of(client)
    assert "told from 7 days on: 1 day seen so far" in page
    assert "The template has no record." in page
    assert "%" not in page.partition('id="subscriptions"')[2].partition("</table>")[0]


def test_invented_prices_are_never_beside_others(client: Any, alice: User) -> None:
    template = make_template(performance_data=json.dumps(record(30, is_replay=True)))
    subscription = begun(alice, 10, template)
    see(subscription, 0, 9)
    assert result(subscription)["template_return"] is None
    assert "Invented prices are not compared with others." in page_of(client)


def test_a_template_that_was_withdrawn_is_no_longer_offered(client: Any, alice: User) -> None:
    template = make_template(performance_data=json.dumps(record(30)))
    subscription = begun(alice, 10, template)
    publish(template, 2)
    withdraw_templates()
    see(subscription, 0, 9)
    assert result(subscription)["template_reason"] == "The template is no longer offered."
    assert "no longer offered" in page_of(client)


def test_pauses_add_up(alice: User) -> None:
    paused = {"status": "connected", "health": "paused", "desired_state": "paused"}
    subscription = make_subscription(alice, make_template(), "paused", bot=paused)
    sql("UPDATE subscriptions SET paused_at = now() - interval '2 days', paused_for = '1 day'")
    ask(alice, following.resume, subscription)
    assert timedelta(days=3) <= row(subscription).paused_for < timedelta(days=3, minutes=5)
    ask(alice, following.cancel, subscription, way=StopWay.NOW)
    assert timedelta(days=3) <= row(subscription).paused_for < timedelta(days=3, minutes=5)


def test_a_simulated_one_says_so(alice: User) -> None:
    subscription = begun(alice, 1)
    sql("UPDATE bot_engines SET mode = 'simulated'")
    sql("UPDATE bots SET is_simulated = true")
    assert result(subscription)["mode"] == Mode.SIMULATED
