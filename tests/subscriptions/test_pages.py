"""The pages about subscriptions, without JavaScript and with."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from bots.enums import Mode, Phase
from bots.models import Bot, BotEngine
from subscriptions.models import Subscription
from tests.bots.test_run_services import at_once
from tests.factories.engines import DCA, machine
from tests.factories.subscriptions import (
    NEEDED,
    make_subscription,
    make_template,
    subscribers,
    withdraw_templates,
)
from tradewise.secrets import seal
from tradewise.tenancy.context import tenant_context
from tradewise.web import formatting

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true", "HX-Target": "subscriptions"}
LONG = "<b>" + "Ünïcode " * 12


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def mine(user: Any) -> list[Subscription]:
    with tenant_context(user.tenant_id):
        return list(Subscription.objects.select_related("bot__engine").order_by("pk"))


def url(subscription: Subscription, verb: str) -> str:
    return f"/subscriptions/{subscription.bot.bot_id}/{verb}/"


# ——— subscribing ———


def test_the_page_says_what_will_happen_with_the_minimum_filled_in(client):
    machine()
    template = make_template(LONG, description="<i>Buys dips.</i>")
    page = text_of(client.get(f"/templates/{template.template_id}/subscribe/"))
    assert escape(LONG) in page
    assert LONG not in page
    assert "&lt;i&gt;Buys dips." in page
    assert f'value="{NEEDED}"' in page
    assert re.search(r'value="dry_run"[^>]* checked', page)
    for words in ("BTC/USDT, ETH/USDT", "0 of the 5 bots", "on one of its machines", "Simulated"):
        assert words in page


def test_the_simulated_exchange_is_offered_where_there_is_one(client):
    machine(simulates=False)
    where = f"/templates/{make_template().template_id}/subscribe/"
    assert "Simulated" not in text_of(client.get(where))
    assert client.post(where, {"allocation": "1000", "mode": "simulated"}).status_code == 422


@pytest.mark.parametrize("mode", ["dry_run", "simulated"])
def test_one_confirmation_subscribes_and_leads_to_the_list(client, alice, mode):
    machine()
    template = make_template("Calm")
    where = f"/templates/{template.template_id}/subscribe/"
    answer = client.post(where, {"allocation": "400", "mode": mode})
    assert (answer.status_code, answer["Location"]) == (303, "/subscriptions/")
    (made,) = mine(alice)
    assert (made.allocation_amount, made.bot.engine.mode) == (Decimal(400), mode)
    page = text_of(client.get("/subscriptions/"))
    assert "You are subscribed to Calm" in page
    assert "Starting" in page
    again = client.post(where, {"allocation": "500", "mode": mode})
    assert again.status_code == 303
    assert "already" in text_of(client.get("/subscriptions/"))
    assert "You are subscribed already" in text_of(client.get(where))
    assert len(mine(alice)) == subscribers(template) == 1


def test_a_double_click_makes_one(client_of, alice):
    machine()
    template = make_template()
    where, form = f"/templates/{template.template_id}/subscribe/", {"allocation": "400", "mode": "dry_run"}
    browsers = [client_of(alice) for _ in range(3)]
    answers: Any = at_once(*[lambda browser=browser: browser.post(where, form) for browser in browsers])
    assert [answer.status_code for answer in answers] == [303] * 3
    assert len(mine(alice)) == 1


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"allocation": "330.32"}, "need 330.33 USDT"),
        ({"allocation": ""}, "Enter an amount."),
        ({"allocation": "NaN"}, "Enter an amount"),
        ({"allocation": "1e99"}, "more than TradeWise can count"),
        ({"allocation": "400.001"}, "At most 2 decimal places."),
        ({"mode": "live"}, "Select a valid choice."),
    ],
)
def test_what_will_not_do_is_said_at_its_field(client, alice, form, words):
    machine()
    where = f"/templates/{make_template().template_id}/subscribe/"
    answer = client.post(where, {"allocation": "400", "mode": "dry_run", **form})
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert mine(alice) == []


def test_without_room_it_is_said_and_the_form_kept(client, alice):
    where = f"/templates/{make_template().template_id}/subscribe/"
    answer = client.post(where, {"allocation": "444", "mode": "dry_run"})
    assert answer.status_code == 409
    assert "No machine of TradeWise" in text_of(answer)
    assert 'value="444"' in text_of(answer)
    assert mine(alice) == []


def test_what_no_engine_runs_says_why(client):
    template = make_template("Arb", {**DCA, "strategy": "arbitrage"}, strategy_type="arbitrage")
    where = f"/templates/{template.template_id}/subscribe/"
    assert "Arbitrage cannot be run here" in text_of(client.get(where))
    assert client.post(where, {"allocation": "400", "mode": "dry_run"}).status_code == 409


def test_what_is_not_public_is_not_there_not_even_for_its_author(client, alice):
    template = make_template(public=False, creator_tenant_id=alice.tenant_id)
    where = f"/templates/{template.template_id}/subscribe/"
    assert client.get(where).status_code == client.post(where).status_code == 404


# ——— the list ———


def test_an_empty_list_says_what_to_do_next(client):
    page = text_of(client.get("/subscriptions/"))
    assert "You follow no template yet" in page
    assert 'href="/templates/"' in page


def test_a_row_has_the_result_with_its_currency_and_mode_and_unknown_is_a_dash(client, alice, figures):
    known = make_subscription(alice, make_template("Known"))
    make_subscription(alice, make_template("Unread"))
    figures(known.bot, profit_all="12.5", open_trade_count=1)
    page = text_of(client.get("/subscriptions/"))
    assert re.search(r"\+12\.50.*USDT", page)
    assert page.count('class="badge badge--dry-run"') == 2
    assert "—" in page
    assert page.count(formatting.number(Decimal(1000))) == 2
    assert "since" in page


def test_those_that_go_on_come_first_and_cancelled_ones_offer_nothing(client, alice):
    make_subscription(alice, make_template("Over"), "cancelled", Phase.OFF)
    make_subscription(alice, make_template("Going on"), "paused")
    page = text_of(client.get("/subscriptions/"))
    assert page.index("Going on") < page.index("Over")
    assert page.count("/cancel/") == page.count("/resume/") == 1
    assert "/pause/" not in page


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("status", ["active", "paused", "cancelled"])
def test_the_pages_open_whatever_the_bot_does(client, alice, status, phase):
    subscription = make_subscription(alice, make_template(LONG), status, phase)
    for where in ("/subscriptions/", url(subscription, "allocation"), url(subscription, "cancel")):
        page = text_of(client.get(where))
        assert escape(LONG) in page
        assert LONG not in page


@pytest.mark.parametrize(
    ("status", "bot", "words"),
    [
        ("active", {"desired_state": "stopped"}, "was stopped on its own page. Resume to start it again."),
        ("active", {"desired_state": "paused", "status": "connected"}, "was paused on its own page"),
        ("paused", {}, "was started again on its own page, so it trades"),
        ("cancelled", {}, "is being stopped"),
        ("active", {"connection_error": "It ended."}, "It ended."),
    ],
)
def test_what_a_trader_would_not_expect_is_said(client, alice, status, bot, words):
    make_subscription(alice, make_template(), status, bot=bot)
    assert words in text_of(client.get("/subscriptions/"))


@pytest.mark.parametrize("status", ["active", "paused"])
def test_a_bot_that_trades_although_it_is_to_be_paused_is_told_of_and_can_be_paused_again(
    client, alice, status
):
    words, bot = "although it is to be paused", {"desired_state": "paused"}
    subscription = make_subscription(alice, make_template(), status, bot=bot)
    page = text_of(client.get("/subscriptions/"))
    assert words in page
    assert "was paused on its own page" not in page
    for verb in ("pause", "resume"):
        assert f'formaction="{url(subscription, verb)}"' in page
    assert client.post(url(subscription, "pause")).status_code == 303
    page = text_of(client.get("/subscriptions/"))
    assert "was asked to open no new trades" in page
    assert words not in page
    assert mine(alice)[0].bot.command == "pause"


@pytest.mark.parametrize("status", ["active", "paused"])
def test_a_bot_that_is_paused_although_it_is_to_run_is_told_of_and_can_be_resumed_again(
    client, alice, status
):
    words, bot = (
        "although it is to run",
        {"desired_state": "running", "status": "connected", "health": "paused"},
    )
    subscription = make_subscription(alice, make_template(), status, bot=bot)
    page = text_of(client.get("/subscriptions/"))
    assert words in page
    assert "so it trades" not in page
    assert client.post(url(subscription, "resume")).status_code == 303
    page = text_of(client.get("/subscriptions/"))
    assert "was asked to go on" in page
    assert words not in page
    assert mine(alice)[0].bot.command == "start"


@pytest.mark.parametrize(
    "bot",
    [
        {"status": "connected", "health": "paused"},
        {"status": "error"},
        {"status": "stopping"},
        # Its engine has just come up, and is told.
        {"status": "running", "command": "pause", "command_asked_at": timezone.now},
    ],
)
def test_a_paused_one_is_not_said_to_trade_where_that_is_not_seen(client, alice, bot):
    bot = {name: value() if callable(value) else value for name, value in bot.items()}
    subscription = make_subscription(alice, make_template(), "paused", bot={**bot, "desired_state": "paused"})
    page = text_of(client.get("/subscriptions/"))
    assert "although it is to be paused" not in page
    assert url(subscription, "pause") not in page


def test_one_of_a_template_that_is_public_no_longer_stays(client, alice):
    template = make_template("Withdrawn")
    subscription = make_subscription(alice, template)
    withdraw_templates()
    page = text_of(client.get("/subscriptions/"))
    assert "Withdrawn" in page
    assert "The template was withdrawn: " in page
    assert "Your bot goes on as it is set up." in page
    assert client.post(url(subscription, "cancel"), {"way": "exits"}).status_code == 303
    assert subscribers(template) == 0


def test_the_list_asks_again_and_hears_nothing_until_something_changed(client, alice, figures):
    subscription = make_subscription(alice, make_template("Calm"))

    def poll() -> Any:
        return client.get(f"/subscriptions/?page=1&seen={version}", headers=HTMX)

    (version,) = re.findall(r"seen=([0-9a-f]+)", text_of(client.get("/subscriptions/")))
    assert poll().status_code == 204
    figures(subscription.bot, profit_all=1)
    answer = poll()
    assert answer.status_code == 200
    assert "<html" not in text_of(answer)
    (version,) = re.findall(r"seen=([0-9a-f]+)", text_of(answer))
    with tenant_context(alice.tenant_id):
        BotEngine.objects.update(phase=Phase.LAUNCHED)
    assert poll().status_code == 200


def test_one_and_three_cost_the_same(client, alice):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/subscriptions/").status_code == 200
        return len(asked)

    make_subscription(alice, make_template("One"))
    before = queries()
    make_subscription(alice, make_template("Two"))
    make_subscription(alice, make_template("Three"), "cancelled")
    assert queries() == before


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999", "2"])
def test_odd_pages_are_held_out(client, alice, page):
    make_subscription(alice, make_template())
    assert client.get("/subscriptions/", {"page": page, "seen": "x" * 100}).status_code == 200


# ——— what may be asked of one ———


def test_pausing_and_resuming_from_the_list(client, alice):
    subscription = make_subscription(alice, make_template("Calm"))
    assert client.post(url(subscription, "pause")).status_code == 303
    assert mine(alice)[0].status == "paused"
    page = text_of(client.get("/subscriptions/"))
    assert "Calm was asked to open no new trades." in page
    assert "Paused since" in page
    refused = client.post(url(subscription, "resume"))
    assert refused.status_code == 409
    assert "is pausing. Wait" in text_of(refused)
    assert mine(alice)[0].status == "paused"


def test_changing_the_allocation(client, alice):
    subscription = make_subscription(alice, make_template())
    page = text_of(client.get(url(subscription, "allocation")))
    assert 'value="1000"' in page
    assert "At least 330.33" in page
    answer = client.post(url(subscription, "allocation"), {"allocation": "10"})
    assert answer.status_code == 422
    assert "need 330.33 USDT" in text_of(answer)
    assert client.post(url(subscription, "allocation"), {"allocation": "750.50"}).status_code == 303
    (after,) = mine(alice)
    assert str(after.allocation_amount) == str(after.bot.engine.allocation) == "750.50"


def test_parameters_that_are_not_valid_any_more_are_said(client, alice):
    subscription = make_subscription(alice, make_template())
    with tenant_context(alice.tenant_id):
        BotEngine.objects.update(config_json={**DCA, "timeframe": "7m"})
    for answer in (client.get(url(subscription, "allocation")), client.post(url(subscription, "allocation"))):
        assert answer.status_code == 409
        assert "Choose one of: 1m" in text_of(answer)


def test_cancelling_offers_the_choice_about_open_trades_the_safest_first(client, alice, figures):
    subscription = make_subscription(alice, make_template())
    figures(subscription.bot, open_trade_count=2)
    page = text_of(client.get(url(subscription, "cancel")))
    assert "It has 2 open trades." in page
    assert re.findall(r'name="way" value="(\w+)"( checked)?', page) == [
        ("exits", " checked"),
        ("close", ""),
        ("now", ""),
    ]
    assert client.post(url(subscription, "cancel")).status_code == 422
    assert client.post(url(subscription, "cancel"), {"way": "close"}).status_code == 303
    (after,) = mine(alice)
    assert (after.status, after.bot.engine.stop_way) == ("cancelled", "close")
    # The back button, and a second click.
    assert client.post(url(subscription, "cancel"), {"way": "now"}).status_code == 303
    assert mine(alice)[0].bot.engine.stop_way == "close"


@pytest.mark.parametrize("phase", [Phase.OFF, Phase.FAILED])
def test_one_whose_bot_is_off_is_cancelled_without_a_choice(client, alice, phase):
    subscription = make_subscription(alice, make_template(), phase=phase)
    page = text_of(client.get(url(subscription, "cancel")))
    assert "Its bot is off" in page
    assert 'type="radio"' not in page
    assert client.post(url(subscription, "cancel"), {"way": hidden_way(page)}).status_code == 303
    (after,) = mine(alice)
    assert (after.status, after.bot.engine.phase) == ("cancelled", Phase.OFF)


def hidden_way(page: str) -> str:
    """What the page sends where it shows no choice."""
    (way,) = re.findall(r'type="hidden" name="way" value="(\w+)"', page)
    return str(way)


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.LAUNCHED, Phase.UP, Phase.CLOSING])
@pytest.mark.parametrize("was", [Phase.OFF, Phase.FAILED])
def test_a_page_that_is_stale_cancels_nothing_whose_bot_was_started_meanwhile(
    client, alice, figures, was, phase
):
    subscription = make_subscription(alice, make_template(), phase=was)
    figures(subscription.bot, open_trade_count=2)
    way = hidden_way(text_of(client.get(url(subscription, "cancel"))))
    with tenant_context(alice.tenant_id):
        BotEngine.objects.update(phase=phase)
        Bot.objects.update(desired_state="running", status="running")
    answer = client.post(url(subscription, "cancel"), {"way": way})
    page = text_of(answer)
    assert answer.status_code == 409
    for words in ("The subscription is not cancelled", "choose a way to stop it", "It has 2 open trades."):
        assert words in page
    assert re.findall(r'name="way" value="(\w+)"', page) == ["exits", "close", "now"]
    (after,) = mine(alice)
    assert (after.status, after.bot.desired_state, after.bot.engine.phase) == ("active", "running", phase)
    assert client.post(url(subscription, "cancel"), {"way": "exits"}).status_code == 303
    assert mine(alice)[0].bot.engine.stop_way == "exits"


@pytest.mark.parametrize(
    ("verb", "form"), [("pause", {}), ("resume", {}), ("allocation", {"allocation": "500"})]
)
def test_one_that_is_over_is_409_and_stays(client, alice, verb, form):
    subscription = make_subscription(alice, make_template(), "cancelled", Phase.OFF)
    answer = client.post(url(subscription, verb), form)
    assert answer.status_code == 409
    assert "which is final" in text_of(answer)
    assert mine(alice)[0].allocation_amount == 1000


@pytest.mark.parametrize("verb", ["pause", "resume", "allocation", "cancel"])
def test_anothers_is_404_and_who_is_not_signed_in_is_sent_to_log_in(intruder, alice, verb):
    subscription = make_subscription(alice, make_template())
    assert intruder.post(url(subscription, verb), {"way": "now", "allocation": "5"}).status_code == 404
    assert Client().post(url(subscription, verb)).status_code == 302
    assert mine(alice)[0].status == "active"


@pytest.mark.parametrize("mode", list(Mode))
def test_the_mode_is_on_every_page(client, alice, mode):
    subscription = make_subscription(alice, make_template())
    with tenant_context(alice.tenant_id):
        BotEngine.objects.update(mode=mode, exchange_keys=seal("a:b", context="x"))
    badge = f"badge--{mode.replace('_', '-')}"
    for where in ("/subscriptions/", url(subscription, "cancel")):
        assert badge in text_of(client.get(where))
