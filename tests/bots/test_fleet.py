"""The fleet: totals that are never mixed, problems first, cheap polls, rows that escape."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from bots import queries
from bots.models import Bot
from bots.queries import FleetFacts
from bots.views.rows import row_html
from tests.factories.bots import BotFactory
from tradewise.tenancy.context import NoTenantError, tenant_context

HTMX = {"HX-Request": "true", "HX-Target": "fleet"}
SILLY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7|add:7 }} {% now 'Y' %}",
    "%s %(name)s {0}",
    "’ OR 1=1; --",
    "ي\u202e مرحبا",
    "x" * 255,
]


def text_of(answer) -> str:
    return str(answer.content.decode())


def version_in(page: str) -> str:
    return str(re.findall(r"seen=(\w+)", page)[0])


def test_without_a_bot_the_page_says_what_to_do_next(client):
    page = text_of(client.get("/"))
    assert "Start or connect your first bot" in page
    assert "<table" not in page


def test_htmx_gets_the_list_alone(client, bot):
    page = text_of(client.get("/", headers=HTMX))
    assert page.strip().startswith('<div id="fleet"')
    assert "<html" not in page


def test_nobody_sees_anothers_bots(intruder, bot):
    assert "Grid of Alice" not in text_of(intruder.get("/"))


def test_a_question_whose_sql_is_kept_is_asked_for_each_tenant_anew(client, intruder, mallory, bot):
    BotFactory(tenant_id=mallory.tenant_id, name="Grid of Mallory")
    for _ in range(2):
        mine, hers = text_of(client.get("/")), text_of(intruder.get("/"))
        assert "Grid of Alice" in mine
        assert "Grid of Mallory" not in mine
        assert "Grid of Mallory" in hers
        assert "Grid of Alice" not in hers


@pytest.mark.django_db
def test_without_a_tenant_nothing_is_asked(bot):
    with pytest.raises(NoTenantError):
        queries.fleet_state()
    with pytest.raises(NoTenantError):
        queries.page_of_fleet(0, 50)


@pytest.mark.parametrize("path", ["/", "/?q=Bot&status=running&mode=live"])
def test_the_number_of_queries_does_not_grow(client, alice, path):
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries_:
            assert client.get(path).status_code == 200
        return len(queries_)

    BotFactory(tenant_id=alice.tenant_id, status="running", dry_run=False)
    one = asked()
    for _ in range(24):
        BotFactory(tenant_id=alice.tenant_id, status="running", dry_run=False)
    assert asked() == one


def test_a_poll_without_news_is_answered_with_nothing(client, alice, running):
    version = version_in(text_of(client.get("/")))
    assert client.get(f"/?seen={version}", headers=HTMX).status_code == 204
    with tenant_context(alice.tenant_id):
        Bot.objects.filter(pk=running.pk).update(checks=1)
    assert client.get(f"/?seen={version}", headers=HTMX).status_code == 200


def test_the_version_changes_with_whatever_a_trader_does(client, running):
    version = version_in(text_of(client.get("/")))
    client.post(f"/bots/{running.bot_id}/pause/")
    assert client.get(f"/?seen={version}", headers=HTMX).status_code == 200


def test_problems_come_first_with_the_reason_in_words(client, alice):
    BotFactory(tenant_id=alice.tenant_id, name="A fine one", status="running", health="ok")
    BotFactory(
        tenant_id=alice.tenant_id,
        name="Z is down",
        status="error",
        health="refused",
        connection_error="Nothing listens at example.com:8080.",
    )
    page = text_of(client.get("/"))
    assert page.index("Z is down") < page.index("A fine one")
    assert "Nothing listens at example.com:8080." in page
    assert "1 needs attention" in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"Alpha", "Beta", "Gamma"}),
        ("?q=alp", {"Alpha"}),
        ("?q=grid", {"Beta"}),
        ("?status=inactive", {"Gamma"}),
        ("?status=problem", {"Beta"}),
        ("?mode=live", {"Alpha"}),
        ("?mode=dry", {"Beta"}),
        ("?q=100%25", set()),
    ],
)
def test_filters(client, alice, query, shown):
    mine = {"tenant_id": alice.tenant_id}
    BotFactory(**mine, name="Alpha", status="running", health="ok", dry_run=False)
    BotFactory(**mine, name="Beta", status="error", health="refused", dry_run=True, strategy="GridOne")
    BotFactory(**mine, name="Gamma", status="inactive", health="stopped")
    page = text_of(client.get("/" + query))
    assert {name for name in ("Alpha", "Beta", "Gamma") if f">{name}</a>" in page} == shown


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "page=" + "9" * 50,
        "status=nonsense",
        "mode=1",
        "q=" + "x" * 2000,
        "q=a%0ab",
        "q=%00",
    ],
)
def test_bad_parameters_are_refused_with_a_message(client, bot, query):
    answer = client.get(f"/?{query}")
    assert 400 <= answer.status_code < 500
    assert len(text_of(answer)) > 200


def test_a_page_after_the_last_is_the_last(client, bot):
    assert "Grid of Alice" in text_of(client.get("/?page=9999"))


def test_fifty_bots_to_a_page(client, alice):
    for number in range(51):
        BotFactory(tenant_id=alice.tenant_id, name=f"Bot {number:03}")
    assert text_of(client.get("/")).count('<tr id="bot-') == 50
    assert text_of(client.get("/?page=2")).count('<tr id="bot-') == 1


@pytest.mark.parametrize("name", SILLY)
def test_no_name_becomes_markup(client, alice, name):
    bot = BotFactory(
        tenant_id=alice.tenant_id, name=name, strategy=name[:100], connection_error=name, status="error"
    )
    escaped = Template("{{ name }}").render(Context({"name": name}))
    for path in ("/", f"/bots/{bot.bot_id}/", f"/bots/{bot.bot_id}/stop/"):
        page = text_of(client.get(path))
        assert escaped in page
        if "<" in name:
            assert name not in page


def facts(**changes) -> FleetFacts:
    known = {
        "bot_id": "b",
        "name": "Bot",
        "status": "running",
        "health": "ok",
        "connection_error": None,
        "command": "",
        "is_under_way": False,
        "mode": "dry_run",
        "phase": None,
        "desired_state": None,
        "stake_currency": "USDT",
        "exchange": "binance",
        "strategy": "Demo",
        "last_ping": None,
        "profit_today": None,
        "profit_all": None,
        "open_trade_count": None,
        "max_open_trades": None,
        "trend": None,
        "rejected_reason": None,
    }
    return FleetFacts(**{**known, **changes})


def test_what_is_not_known_is_a_dash_and_never_zero():
    row = row_html(facts(), timezone.now())
    assert row.count("—") == 3
    assert ">0" not in row


def test_a_row_shows_what_is_known():
    now = timezone.now()
    row = row_html(
        facts(
            profit_today=Decimal("1.5"),
            profit_all=Decimal(-2),
            open_trade_count=0,
            max_open_trades=5,
            trend='["0", "1", null, "3"]',
            last_ping=now - timedelta(seconds=20),
        ),
        now,
    )
    for word in ("+1.50", "−2.00", "0 of 5", "spark--gain", "20\u00a0s ago", "Dry run", "Running"):
        assert word in row


def test_yesterdays_result_is_not_shown_as_todays(client, running, figures):
    figures(running, profit_today=Decimal(17), taken_at=timezone.now() - timedelta(days=1))
    with tenant_context(running.tenant_id):
        Bot.objects.update(dry_run=True, stake_currency="USDT")
    assert "17.00" not in text_of(client.get("/"))
    assert "17.00" not in text_of(client.get(f"/bots/{running.bot_id}/"))


def test_a_result_of_today_is_shown(client, running, figures):
    figures(running, profit_today=Decimal(17))
    with tenant_context(running.tenant_id):
        Bot.objects.update(dry_run=True, stake_currency="USDT")
    assert text_of(client.get("/")).count("+17.00") == 2
    assert "+17.00" in text_of(client.get(f"/bots/{running.bot_id}/"))


def test_the_same_values_a_minute_later_are_not_seen_as_fresh():
    now = timezone.now()
    seen = facts(last_ping=now)
    assert row_html(seen, now) != row_html(seen, now + timedelta(seconds=60))


@pytest.mark.parametrize("text", SILLY)
def test_every_text_of_a_row_is_escaped_and_shown_as_it_is(text):
    texts = {"name": text, "strategy": text, "exchange": text, "stake_currency": text[:20], "bot_id": text}
    told = facts(**texts, profit_all=Decimal(1))
    failed = facts(**texts, status="error", connection_error=text)
    for row in (row_html(told, timezone.now()), row_html(failed, timezone.now())):
        assert escape(text) in row
        if escape(text) != text:
            assert text not in row
        assert "\0" not in row
        assert "%(" not in row.replace(escape(text), "").replace(escape(text[:20]), "")


@pytest.mark.parametrize("text", SILLY[:5])
def test_what_was_searched_for_is_shown_again_and_never_markup(client, bot, text):
    for _ in ("made", "kept"):
        page = text_of(client.get("/", {"q": text, "status": "running"}))
        assert f'value="{escape(text)}"' in page
        assert '<option value="running" selected>' in page
    assert f'value="{escape(text)}"' not in text_of(client.get("/"))


def test_a_row_that_was_kept_shows_the_newest_check():
    now = timezone.now()
    first, second = (row_html(facts(last_ping=now - timedelta(seconds=age)), now) for age in (50, 5))
    assert "50\u00a0s ago" in first
    assert "5\u00a0s ago" in second
    assert "50\u00a0s ago" not in second


def test_two_bots_with_the_same_values_keep_their_own_rows():
    now = timezone.now()
    assert "bot-one" in row_html(facts(bot_id="one"), now)
    assert "bot-two" in row_html(facts(bot_id="two"), now)


def test_a_bot_whose_figures_were_rejected_says_so():
    assert "does not answer the bot" in row_html(facts(rejected_reason="prices missing"), timezone.now())


@pytest.mark.parametrize(
    ("status", "offered", "stops"),
    [
        ("running", "Pause", True),
        ("connected", "Resume", True),
        ("inactive", "Start", False),
        ("error", "Check now", False),
    ],
)
def test_the_row_offers_what_can_be_done(status, offered, stops):
    row = row_html(facts(status=status), timezone.now())
    assert f">{offered}</button>" in row
    assert ("/stop/" in row) is stops


def test_while_a_command_is_under_way_nothing_is_offered():
    row = row_html(facts(status="stopping", command="pause", is_under_way=True), timezone.now())
    assert "Pausing" in row
    assert "<button" not in row
    assert "/stop/" not in row


def test_totals_are_never_summed_across_currencies_or_modes(alice, figures):
    for currency, dry_run, profit in (
        ("USDT", True, 1),
        ("USDT", True, 2),
        ("USDT", False, 4),
        ("EUR", True, 8),
    ):
        bot = BotFactory(tenant_id=alice.tenant_id, stake_currency=currency, dry_run=dry_run)
        figures(bot, profit_all=profit)
    BotFactory(tenant_id=alice.tenant_id, stake_currency="EUR", dry_run=True)
    invented = BotFactory(tenant_id=alice.tenant_id, stake_currency="USDT", dry_run=True, is_simulated=True)
    figures(invented, profit_all=16)
    with tenant_context(alice.tenant_id):
        totals: Any = queries.fleet_state().totals
    assert {
        (total.stake_currency, total.mode): (total.profit_all, total.bots, total.reporting)
        for total in totals
    } == {
        ("USDT", "dry_run"): (3, 2, 2),
        ("USDT", "live"): (4, 1, 1),
        ("USDT", "simulated"): (16, 1, 1),
        ("EUR", "dry_run"): (8, 2, 1),
    }
    assert all(total.equity is None for total in totals)
