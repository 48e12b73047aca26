"""The equity curve as data."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots import curves
from bots.models import Bot, BotDay
from tests import servers
from tests.logins import as_login
from tradewise.tenancy.context import tenant_context

MIDNIGHT = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)


def data_of(client: Client, bot: Bot, reach: str = "week") -> dict[str, Any]:
    answer = client.get(f"/bots/{bot.bot_id}/equity.json?range={reach}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    data: dict[str, Any] = json.loads(answer.content, parse_constant=pytest.fail)
    return data


def values_of(data: dict[str, Any]) -> list[float | None]:
    return [point.get("value") for point in data["points"]]


@pytest.fixture
def days(transactional_db: None) -> Callable[..., None]:
    """`days(bot, [(days ago, low, high, close), …])`: what the worker, and nobody else, may write."""

    def write(bot: Bot, results: list[tuple[int, Any, Any, Any]]) -> None:
        with as_login("tw_worker"), tenant_context(bot.tenant_id):
            BotDay.across_tenants.bulk_create(
                BotDay(
                    tenant_id=bot.tenant_id,
                    bot=bot,
                    day=(MIDNIGHT - timedelta(days=ago)).date(),
                    equity_low=low,
                    equity_high=high,
                    equity_close=close,
                )
                for ago, low, high, close in results
            )

    return write


@pytest.fixture
def minutes(transactional_db: None) -> Callable[..., None]:
    """`minutes(bot, 43200)`: a sample for each of so many minutes until now, written by the database."""

    def write(bot: Bot, count: int) -> None:
        with psycopg.connect(servers.admin_dsn(servers.process_database())) as admin:
            admin.execute(
                "INSERT INTO bot_samples (tenant_id, bot_id, taken_at, equity) "
                "SELECT %s, %s, now() - n * interval '1 minute', 1000 + n %% 97 FROM generate_series(0, %s) n",
                [bot.tenant_id, bot.pk, count],
            )

    return write


@pytest.fixture
def spoken(running: Bot) -> Bot:
    """A bot that has said what it trades with."""
    with tenant_context(running.tenant_id):
        Bot.objects.filter(pk=running.pk).update(stake_currency="USDT", dry_run=True)
    return running


def test_a_curve_has_its_points_its_currency_its_mode_and_its_words(client, spoken, samples):
    now = timezone.now()
    hours = [(3, "1000"), (2, "1200.5"), (1, "900"), (0, "1100")]
    samples(spoken, [(now - timedelta(hours=ago), Decimal(value)) for ago, value in hours])
    data = data_of(client, spoken, "week")
    assert (data["range"], data["currency"], data["mode"]) == ("week", "USDT", "dry run")
    known = [point for point in data["points"] if "value" in point]
    assert [point["value"] for point in known] == [1000, 1200.5, 900, 1100]
    assert known[1]["amount"] == "1\u202f200.50\u00a0USDT"
    assert known[0]["time"] == int((now - timedelta(hours=3)).timestamp())
    assert [point["drawdown"] for point in known] == [0, 0, 0.250312, 0.083715]
    assert data["summary"]["start"].startswith("1\u202f000.00\u00a0USDT on ")
    assert data["summary"]["change"] == "+10.00% (dry run)"
    assert data["summary"]["drawdown"] == "25.0%"


def test_a_bot_without_a_record_has_no_points_and_no_zero(client, bot):
    for reach in ("day", "week", "month", "all"):
        data = data_of(client, bot, reach)
        assert (data["points"], data["summary"]) == ([], None)
        assert (data["currency"], data["mode"], data["read_at"]) == (None, None, None)


def test_one_point_is_a_point_and_no_summary(client, spoken, samples):
    samples(spoken, [(timezone.now(), 1000)])
    data = data_of(client, spoken)
    assert values_of(data) == [1000]
    assert data["summary"] is None


def test_a_stretch_without_samples_is_a_gap_as_long_as_it_was(client, spoken, samples):
    now = timezone.now()
    samples(spoken, [(now - timedelta(hours=ago), 1000) for ago in (20, 19.95, 2, 1.95)])
    values = values_of(data_of(client, spoken, "day"))
    assert values[0] == values[-24] == 1000
    assert 210 <= values[1:-24].count(None) <= 217
    # Nothing was seen since either, and the curve says so up to now.
    assert values[-22:] == [None] * 22


def test_what_was_rejected_or_is_no_number_is_a_gap_and_no_zero(client, spoken, samples):
    now = timezone.now()
    points = [(6, 1000), (5, None), (4, None), (3, 0), (0, 1001)]
    samples(spoken, [(now - timedelta(hours=ago), value) for ago, value in points])
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as admin:
        admin.execute("UPDATE bot_samples SET equity = 'NaN' WHERE equity = 0")
    values = values_of(data_of(client, spoken, "day"))
    assert [value for value in values if value is not None] == [1000, 1001]
    assert None in values


def test_a_sample_that_is_missing_now_and_then_is_no_gap(client, spoken, samples):
    now = timezone.now()
    samples(spoken, [(now - timedelta(minutes=ago), 1000) for ago in range(0, 120, 10)])
    assert None not in values_of(data_of(client, spoken, "day"))


@pytest.mark.parametrize("reach", ["day", "week", "month", "all"])
def test_a_month_of_minutes_is_at_most_500_points_in_one_or_two_queries(alice, running, minutes, days, reach):
    minutes(running, 31 * 1440)
    days(running, [(ago, 1000, 1097, 1050) for ago in range(31)])
    now = timezone.now()
    with tenant_context(alice.tenant_id), CaptureQueriesContext(connection) as asked:
        points = curves.equity_curve(running, reach, now).points
    assert len(asked) == (2 if reach == "all" else 1)
    assert (25 if reach == "all" else 200) < len(points) <= curves.MOST_POINTS
    times = [point.time for point in points]
    assert times == sorted(set(times))
    assert None not in [point.equity for point in points]


def test_a_long_life_is_thinned_out_and_a_short_one_is_not(client, spoken, days, samples):
    days(spoken, [(ago, 900, 1100, 1000) for ago in range(2000)])
    long = data_of(client, spoken, "all")
    assert 380 < len(long["points"]) <= curves.MOST_POINTS
    assert long["seconds"] == 5 * 86400
    assert None not in values_of(long)


def test_the_whole_of_a_short_life_is_drawn_from_its_samples(client, spoken, days, samples):
    now = timezone.now()
    days(spoken, [(0, 1000, 1019, 1019)])
    first = max(MIDNIGHT, now - timedelta(minutes=19))
    samples(spoken, [(first + (now - first) / 19 * part, 1000 + part) for part in range(20)])
    data = data_of(client, spoken, "all")
    assert data["seconds"] < 86400
    assert values_of(data)[-1] == 1019


def test_missing_days_are_a_gap(client, spoken, days):
    days(spoken, [(ago, 1000, 1000, 1000) for ago in (60, 59, 20, 0)])
    values = values_of(data_of(client, spoken, "all"))
    assert [value for value in values if value is not None] == [1000] * 4
    assert values.count(None) == 38 + 19


def test_a_fall_between_two_points_is_not_lost(client, spoken, samples, days):
    now = timezone.now()
    fall = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=1)
    samples(
        spoken,
        [(fall, 1000), (fall + timedelta(minutes=1), 500), (fall + timedelta(minutes=2), 1000), (now, 1000)],
    )
    data = data_of(client, spoken, "month")
    assert 500 not in values_of(data)
    assert data["summary"]["drawdown"] == "50.0%"


def test_the_low_of_a_day_is_measured_against_the_days_before(client, spoken, days):
    days(spoken, [(50, 900, 1000, 1000), (49, 800, 2000, 2000)])
    data = data_of(client, spoken, "all")
    # The low of 800 may have come before the high of 2000, and then nothing fell from there.
    assert data["summary"]["drawdown"] == "20.0%"


def test_a_dry_run_that_lost_everything_is_drawn(client, spoken, samples):
    now = timezone.now()
    samples(spoken, [(now - timedelta(hours=ago), value) for ago, value in ((2, 0), (1, -5), (0, 0))])
    data = data_of(client, spoken)
    assert values_of(data) == [0, -5, 0]
    assert data["summary"]["change"] == "—"
    assert data["summary"]["drawdown"] == "—"


def test_no_news_is_304_and_nothing_is_stored(client, spoken, samples, figures):
    samples(spoken, [(timezone.now(), 1000)])
    figures(spoken)
    first = client.get(f"/bots/{spoken.bot_id}/equity.json?range=month")
    assert first.headers["Cache-Control"] == "no-store"
    tag = first.headers["ETag"]
    address = f"/bots/{spoken.bot_id}/equity.json"
    again = client.get(f"{address}?range=month", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{address}?range=day", headers={"If-None-Match": tag}).status_code == 200
    with tenant_context(spoken.tenant_id):
        Bot.objects.filter(pk=spoken.pk).update(dry_run=False)
    assert client.get(f"{address}?range=month", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("query", ["range=2y", "range=7d", "range=%3Cb%3E", "range=day&range=x"])
def test_a_range_that_is_none_is_refused(client, running, query):
    answer = client.get(f"/bots/{running.bot_id}/equity.json?{query}")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/json"


def test_only_its_trader_sees_a_curve(intruder, running, samples):
    samples(running, [(timezone.now(), 4242)])
    theirs = intruder.get(f"/bots/{running.bot_id}/equity.json")
    assert theirs.status_code == 404
    assert b"4242" not in theirs.content


def test_a_stranger_is_sent_to_the_login(running):
    answer = Client().get(f"/bots/{running.bot_id}/equity.json")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/account/login/")


def test_it_only_reads(client, running):
    assert client.post(f"/bots/{running.bot_id}/equity.json").status_code == 405


def test_the_number_of_queries_does_not_depend_on_the_record(client, spoken, samples):
    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            data_of(client, spoken)
        return len(found)

    few = asked()
    now = timezone.now()
    samples(spoken, [(now - timedelta(minutes=ago), 1000) for ago in range(500)])
    assert asked() == few


def test_the_page_names_its_data_and_loads_the_chart(client, running, settings, tmp_path):
    settings.CHARTS = tmp_path
    page = client.get(f"/bots/{running.bot_id}/?range=30d").content.decode()
    assert f'data-equity="/bots/{running.bot_id}/equity.json?range=month"' in page
    assert "lightweight-charts.standalone.production.js" in page
    assert 'href="https://www.tradingview.com/"' in page


def test_the_page_works_where_npm_has_fetched_nothing(client, running, settings, tmp_path):
    settings.CHARTS = tmp_path / "none"
    page = client.get(f"/bots/{running.bot_id}/").content.decode()
    assert "lightweight-charts" not in page
    assert "chart.js" not in page
    assert "tradingview" not in page
