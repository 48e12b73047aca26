"""Nothing that was recorded in another currency or mode is shown as of the present one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots import curves, queries
from bots.adapters import Credentials, Probe
from bots.enums import EngineState, HealthReason
from bots.models import Bot, BotDay
from bots.services import editing
from bots.services.connecting import Address
from tests.factories.bots import BotFactory
from tests.logins import as_login
from tradewise.tenancy.context import tenant_context
from tradewise.web import formatting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def turned(alice, now) -> Bot:
    """It went over to BTC two and a half days ago, having been connected for long."""
    bot: Bot = BotFactory(
        tenant_id=alice.tenant_id, status="running", health="ok", stake_currency="BTC", dry_run=False
    )
    with tenant_context(alice.tenant_id):
        since = now - timedelta(days=2, hours=12)
        Bot.objects.filter(pk=bot.pk).update(created_at=now - timedelta(days=60), record_since=since)
        bot.refresh_from_db()
    return bot


def add_days(bot: Bot, results: list[tuple[Any, Any]]) -> None:
    with as_login("tw_worker"), tenant_context(bot.tenant_id):
        BotDay.across_tenants.bulk_create(
            BotDay(
                tenant_id=bot.tenant_id,
                bot=bot,
                day=day,
                profit=value,
                equity_low=value,
                equity_high=value,
                equity_close=value,
            )
            for day, value in results
        )


def values(points: Any) -> list[Any]:
    return [point[1] for point in points if point[1] is not None]


@pytest.mark.parametrize("reach", ["week", "month", "all"])
def test_a_curve_begins_with_the_record(alice, turned, samples, now, reach):
    since = turned.record_since
    assert since is not None
    samples(turned, [(since - timedelta(hours=1), 9000), (since, 1), (now - timedelta(hours=1), 2)])
    add_days(turned, [((now - timedelta(days=20)).date(), 9000)])
    with tenant_context(alice.tenant_id):
        points = curves.equity_curve(turned, reach, now).points
    assert values(points) == [1, 2]
    assert not any(point.drawdown for point in points)


def test_a_curve_of_days_leaves_out_the_day_on_which_two_records_meet(alice, turned, now, settings):
    settings.BOT_SAMPLE_RETENTION_DAYS = 1
    turn = turned.record_since.astimezone(UTC).date()
    add_days(turned, [(turn - timedelta(days=1), 9000), (turn, 5000), (turn + timedelta(days=1), 2)])
    with tenant_context(alice.tenant_id):
        points = curves.equity_curve(turned, "month", now).points
    assert values(points) == [2]
    assert not any(point.drawdown for point in points)


@pytest.mark.parametrize("reach", ["7d", "30d", "all"])
def test_the_drawing_of_the_page_begins_with_the_record(alice, turned, samples, now, reach):
    since = turned.record_since
    samples(turned, [(since - timedelta(hours=1), 9000), (since, 1), (now - timedelta(hours=1), 2)])
    with tenant_context(alice.tenant_id):
        assert values(queries.equity_points(turned, reach, now)) == [1, 2]


def test_the_drawing_of_a_long_record_has_only_its_own_days(alice, turned, now):
    since = now - timedelta(days=40)
    turned.record_since = since
    turn = since.astimezone(UTC).date()
    add_days(turned, [(turn - timedelta(days=1), 9000), (turn, 5000), (turn + timedelta(days=1), 2)])
    with tenant_context(alice.tenant_id):
        assert values(queries.equity_points(turned, "all", now)) == [2]


def test_days_and_closed_trades_are_those_of_the_record(alice, turned, trades, now):
    since = turned.record_since
    turn = since.astimezone(UTC).date()
    add_days(turned, [(turn - timedelta(days=1), 9000), (turn, 5000), (turn + timedelta(days=1), 2)])
    trades(turned, [(1, since - timedelta(seconds=1)), (2, since), (3, now)])
    with tenant_context(alice.tenant_id):
        assert [day.profit for day in queries.daily_results(turned)] == [2]
        shown, more = queries.closed_trades(turned, None)
    assert ([trade.trade_id for trade in shown], more) == ([3, 2], False)


def test_a_trade_seen_before_is_of_the_old_record_whatever_its_date(alice, turned, trades, now):
    trades(turned, [(1, now + timedelta(hours=2))])
    turned.record_since = timezone.now() + timedelta(seconds=1)
    with tenant_context(alice.tenant_id):
        assert queries.closed_trades(turned, None) == ([], False)


def test_figures_that_are_blank_are_in_no_total(alice, turned, figures):
    figures(turned, taken_at=None)
    other = BotFactory(tenant_id=alice.tenant_id, stake_currency="BTC", dry_run=False)
    figures(other, profit_all=2, equity=10)
    with tenant_context(alice.tenant_id):
        (total,) = queries.fleet_state().totals
        row = queries.fleet_row(turned)
    assert (total.bots, total.reporting, str(total.profit_all), str(total.equity)) == (
        2,
        1,
        "2.00000000",
        "10.00000000",
    )
    assert (row.profit_all, row.profit_today, row.open_trade_count, row.trend) == (None, None, None, "[]")


def test_the_page_says_since_when_the_record_is(client, turned, running, samples, trades):
    since = turned.record_since
    samples(turned, [(since - timedelta(hours=1), 9000), (since, 1)])
    trades(turned, [(1, since - timedelta(hours=1)), (2, since + timedelta(hours=1))])
    page = client.get(f"/bots/{turned.bot_id}/").content.decode()
    assert f"Record since {formatting.day(since.astimezone(UTC))}" in page
    assert "PAIR2/USDT" in page
    assert "PAIR1/USDT" not in page
    assert "9\u202f000" not in page
    assert "Record since" not in client.get(f"/bots/{running.bot_id}/").content.decode()


def test_a_curve_of_before_is_not_taken_for_unchanged(client, turned):
    address = f"/bots/{turned.bot_id}/equity.json?range=month"
    first = client.get(address)
    assert json.loads(first.content)["currency"] == "BTC"
    with tenant_context(turned.tenant_id):
        Bot.objects.filter(pk=turned.pk).update(record_since=timezone.now())
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200


def test_an_edit_leaves_the_label_of_what_was_read_to_the_worker(alice, as_alice, freqtrade, turned):
    seen = Probe(
        reason=HealthReason.OK,
        sentence="",
        latency_ms=1,
        state=EngineState.RUNNING,
        stake_currency="USDT",
        dry_run=True,
        strategy="Other",
    )
    tested = editing.Tested(Address(freqtrade.url, Credentials("name", "password")), seen)
    bot = editing.edit_bot(
        actor=alice, bot=turned, name="x", description="", url=freqtrade.url, tested=tested
    )
    assert (bot.stake_currency, bot.dry_run, bot.strategy) == ("BTC", False, "Other")
    assert bot.next_check_at <= timezone.now()
