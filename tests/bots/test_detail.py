"""The page of one bot."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots import queries
from bots.models import Bot, BotEvent
from tests.factories.bots import BotFactory
from tradewise.tenancy.context import tenant_context

LIVE = {"HX-Request": "true", "HX-Target": "live"}
RECORD = {"HX-Request": "true", "HX-Target": "record"}


def text_of(answer) -> str:
    return str(answer.content.decode())


def version_in(page: str) -> str:
    return str(re.findall(r"seen=([\w.-]+)", page)[0])


def page_of(client, bot, query="") -> str:
    answer = client.get(f"/bots/{bot.bot_id}/{query}")
    assert answer.status_code == 200
    return text_of(answer)


def trades_on(page: str) -> list[str]:
    return re.findall(r"PAIR\d+/USDT", page)


def test_a_bot_without_figures_shows_dashes_and_sentences(client, bot):
    page = page_of(client, bot)
    assert "The first check comes within seconds." in page
    assert "No closed trade has been seen yet." in page
    assert "Not enough has been recorded yet" in page
    assert '<span class="tile__value">0' not in page


def test_htmx_gets_the_live_part_or_the_record(client, running):
    live = text_of(client.get(f"/bots/{running.bot_id}/", headers=LIVE))
    record = text_of(client.get(f"/bots/{running.bot_id}/", headers=RECORD))
    assert live.strip().startswith('<div id="live"')
    assert record.strip().startswith('<div id="record"')
    assert "<html" not in live + record


def test_a_poll_without_news_is_answered_with_nothing(client, alice, running):
    version = version_in(page_of(client, running))
    assert client.get(f"/bots/{running.bot_id}/?seen={version}", headers=LIVE).status_code == 204
    with tenant_context(alice.tenant_id):
        Bot.objects.filter(pk=running.pk).update(checks=1)
    assert client.get(f"/bots/{running.bot_id}/?seen={version}", headers=LIVE).status_code == 200


def test_figures_and_open_trades(client, running, figures):
    trade = {
        "pair": "BTC/USDT",
        "opened_at": timezone.now().isoformat(),
        "stake_amount": "100",
        "profit_abs": "1.25",
    }
    nothing = {"pair": "<b>ETH</b>", "opened_at": "nonsense", "open_rate": "NaN", "profit_ratio": None}
    figures(
        running,
        profit_all=50,
        starting_capital=1000,
        equity=1050,
        open_trade_count=2,
        open_trades=[trade, nothing],
    )
    page = page_of(client, running)
    for word in ("BTC/USDT", "+1.25", "+5.00%", "1\u202f050", "&lt;b&gt;ETH"):
        assert word in page


def test_a_rejected_sample_is_said_in_words(client, running, figures):
    figures(running, rejected_reason="prices missing", taken_at=datetime(2026, 11, 20, 12, tzinfo=UTC))
    page = page_of(client, running)
    assert "The exchange does not answer the bot; equity is not updated since 20\u00a0Nov\u00a02026" in page


def test_the_curve_has_at_most_300_points_in_one_query(alice, running, samples):
    now = timezone.now()
    running.created_at = now - timedelta(days=60)
    samples(
        running, [(now - timedelta(minutes=minute), 1000 + minute) for minute in range(0, 7 * 24 * 60, 7)]
    )
    with tenant_context(alice.tenant_id), CaptureQueriesContext(connection) as asked:
        points = queries.equity_points(running, "7d", now)
    assert len(asked) == 1
    assert 200 < len(points) <= queries.MOST_POINTS
    assert points == sorted(points)
    assert points[-1][1] == 1000


@pytest.mark.parametrize("reach", ["1d", "7d", "30d", "all"])
def test_a_bot_of_some_minutes_has_a_curve_already(alice, running, samples, reach):
    now = timezone.now()
    running.created_at = now - timedelta(minutes=8)
    samples(running, [(now - timedelta(minutes=minute), 1000 + minute) for minute in range(8)])
    with tenant_context(alice.tenant_id):
        points = queries.equity_points(running, reach, now)
    assert 7 <= len(points) <= 8
    assert None not in [value for _, value in points]


def test_a_gap_in_the_record_is_a_gap_in_the_curve(alice, running, samples):
    now = timezone.now()
    running.created_at = now - timedelta(days=60)
    samples(running, [(now - timedelta(hours=hours), 1000) for hours in (20, 19.9, 2, 1.9)])
    with tenant_context(alice.tenant_id):
        points = queries.equity_points(running, "1d", now)
    assert [value is None for _, value in points] == [False, False, True, False, False]


def test_closed_trades_are_paged_without_losing_or_repeating_one(client, running, trades):
    same = timezone.now() - timedelta(days=1)
    trades(
        running, [(number, same if number < 40 else same - timedelta(minutes=number)) for number in range(60)]
    )
    seen: list[str] = []
    query = ""
    for _ in range(9):
        page = page_of(client, running, query)
        seen += trades_on(page)
        older = re.search(r'rel="next" href="[^"?]*(\?[^"#]*)', page)
        if older is None:
            break
        query = older[1].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 60


@pytest.mark.parametrize("query", ["range=2y", "before=x", "before=" + "9" * 60, "seen=" + "x" * 100])
def test_bad_parameters_are_refused_with_a_message(client, running, query):
    answer = client.get(f"/bots/{running.bot_id}/?{query}")
    assert answer.status_code == 422
    assert "errorlist" in text_of(answer)


def test_a_cursor_beyond_all_time_is_no_error(client, running):
    assert client.get(f"/bots/{running.bot_id}/?before={'9' * 18}-{'9' * 18}").status_code == 200


def test_health_by_day_is_read_from_the_diary(alice, bot):
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with tenant_context(alice.tenant_id):
        Bot.objects.filter(pk=bot.pk).update(created_at=now - timedelta(days=3))
        bot = Bot.objects.get(pk=bot.pk)
        for back, status in ((timedelta(days=1, hours=12), "error"), (timedelta(days=1, hours=6), "running")):
            BotEvent.objects.create(
                tenant_id=alice.tenant_id, bot=bot, at=now - back, kind="health", status=status
            )
        days = queries.days_of_health(bot, now)
    assert len(days) == 90
    assert days[-1] == (now.date(), 1.0)
    assert days[-2] == ((now - timedelta(days=1)).date(), 0.75)
    assert days[0][1] is None


def test_the_number_of_queries_does_not_depend_on_the_history(client, alice, running, trades):
    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            page_of(client, running)
        return len(found)

    trades(running, [(1, timezone.now())])
    one = asked()
    trades(running, [(number, timezone.now()) for number in range(2, 30)])
    BotFactory(tenant_id=alice.tenant_id)
    assert asked() == one
