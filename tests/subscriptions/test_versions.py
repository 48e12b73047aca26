"""A newer version is out: it is shown, and nobody moves to it but by consent to that very version."""

from decimal import Decimal
from typing import Any

import pytest

from bots.enums import BotStatus, Phase
from bots.exceptions import SetupRefused
from subscriptions.exceptions import (
    CannotMove,
    SubscriptionIsGone,
    SubscriptionIsOver,
    TemplateNotOffered,
    VersionNotOffered,
)
from subscriptions.models import Subscription
from subscriptions.services import following, moving
from tests.audit.world import entries_since, last_entry, sql
from tests.bots.test_run_services import at_once
from tests.factories.engines import DCA, machine
from tests.factories.subscriptions import make_subscription, make_template, publish, withdraw_templates
from tests.subscriptions.test_services import ask, now, rows, subscribe
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)


def state(subscription: Subscription) -> tuple[list[Any], list[Any]]:
    number = subscription.pk
    return (
        sql("SELECT * FROM subscriptions WHERE id = %s", number),
        sql("SELECT * FROM bot_engines WHERE bot_id = %s", subscription.bot_id),
    )


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def where(subscription: Subscription) -> str:
    return f"/subscriptions/{subscription.bot.bot_id}/version/"


# ——— the service ———


@pytest.mark.parametrize("status", ["active", "paused"])
def test_moving_gives_the_bot_the_new_parameters_and_keeps_its_allocation(alice, status):
    template = make_template()
    subscription = make_subscription(alice, template, status)
    publish(template, 2)
    before = last_entry()
    moved = ask(alice, moving.move, subscription, number=2)
    _, bot, engine = now(subscription)
    assert (moved.version, moved.status) == (2, status)
    assert moved.allocation_amount == engine.allocation == 1000
    assert Decimal(engine.config_json["parameters"]["base_order"]) == 52
    assert (engine.revision, str(bot.status)) == (2, BotStatus.STARTING)
    assert {entry.action for entry in entries_since(before)} >= {"subscription.move"}
    ask(alice, moving.move, subscription, number=2)
    assert now(subscription)[2].revision == 2


def test_two_tabs_at_once_move_once(alice):
    template = make_template()
    subscription = make_subscription(alice, template)
    publish(template, 2)
    at_once(*[lambda: ask(alice, moving.move, subscription, number=2)] * 4)
    assert (now(subscription)[0].version, now(subscription)[2].revision) == (2, 2)


@pytest.mark.parametrize("number", [1, 3, 99])
def test_only_the_version_that_is_published_is_moved_to(alice, number):
    template = make_template()
    subscription = make_subscription(alice, template)
    publish(template, 2)
    ask(alice, moving.move, subscription, number=2)
    before = state(subscription)
    with pytest.raises(VersionNotOffered, match="version 2 now"):
        ask(alice, moving.move, subscription, number=number)
    assert state(subscription) == before


def test_a_version_that_was_replaced_since_it_was_looked_at_is_refused(alice):
    template = make_template()
    subscription = make_subscription(alice, template)
    publish(template, 2)
    publish(template, 3)
    before = state(subscription)
    with pytest.raises(VersionNotOffered, match="that is version 3 now"):
        ask(alice, moving.move, subscription, number=2)
    withdraw_templates()
    with pytest.raises(TemplateNotOffered):
        ask(alice, moving.move, subscription, number=3)
    assert state(subscription) == before


DEARER = {**DCA, "parameters": {**DCA["parameters"], "base_order": 5000}}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"config": DEARER}, SetupRefused, "need 10240.23 USDT"),
        ({"most": 500}, SetupRefused, "at most 500.00 USDT"),
        ({"config": {**DCA, "stake_currency": "EUR", "pairs": ["BTC/EUR"]}}, CannotMove, "subscribe anew"),
    ],
)
def test_what_the_bot_cannot_do_is_refused_with_the_number(alice, options, error, words):
    template = make_template()
    subscription = make_subscription(alice, template)
    publish(template, 2, **options)
    before = state(subscription)
    with pytest.raises(error, match=words):
        ask(alice, moving.move, subscription, number=2)
    assert state(subscription) == before


def test_one_that_is_over_or_anothers_does_not_move(alice, mallory):
    template = make_template()
    over = make_subscription(alice, template, "cancelled", Phase.OFF)
    theirs = make_subscription(mallory, template)
    publish(template, 2)
    with pytest.raises(SubscriptionIsOver):
        ask(alice, moving.move, over, number=2)
    with pytest.raises(SubscriptionIsGone):
        ask(alice, moving.move, theirs, number=2)
    assert [row.version for row in sql("SELECT version FROM subscriptions ORDER BY id")] == [1, 1]


def test_whoever_looked_at_an_older_version_is_not_subscribed_to_a_newer(alice):
    machine()
    template = make_template()
    publish(template, 2)
    with pytest.raises(VersionNotOffered, match="you looked at version 1"):
        subscribe(alice, template, number=1)
    assert rows(alice)["bots"] == 0
    assert subscribe(alice, template, number=2).version == 2


def test_nobody_moves_by_itself(alice):
    template = make_template()
    subscription = make_subscription(alice, template)
    before = state(subscription)
    publish(template, 2)
    assert state(subscription) == before
    ask(alice, following.change_allocation, subscription, allocation=Decimal(900))
    assert now(subscription)[2].config_json["parameters"]["base_order"] == 50


# ——— the pages ———


def test_the_list_says_that_a_version_is_out_and_the_page_what_is_new(client, alice):
    template = make_template("Calm")
    subscription = make_subscription(alice, template)
    there = where(subscription)
    assert "which is the newest" in text_of(client.get(there))
    assert "is out" not in text_of(client.get("/subscriptions/"))
    publish(template, 2, most=2000)
    page = text_of(client.get("/subscriptions/"))
    assert "Version 2 is out" in page
    assert f'href="{there}"' in page
    page = text_of(client.get(there))
    for words in ("50 USDT → 52 USDT", "Takes at most", "starts again", 'value="2"'):
        assert words in page, words
    assert "You have changed its parameters yourself" not in page
    assert client.post(there, {"version": "2"}).status_code == 303
    assert "follows version 2 now" in text_of(client.get("/subscriptions/"))
    assert client.post(there, {"version": "2"}).status_code == 303
    assert now(subscription)[2].revision == 2


def test_consent_to_a_version_that_was_replaced_is_a_refusal_that_shows_the_new_one(client, alice):
    template = make_template()
    subscription = make_subscription(alice, template)
    publish(template, 2)
    client.get(where(subscription))
    publish(template, 3)
    before = state(subscription)
    answer = client.post(where(subscription), {"version": "2"})
    assert answer.status_code == 409
    assert "Version 2 is not the one that is published" in text_of(answer)
    assert "Move to version 3" in text_of(answer)
    assert state(subscription) == before


@pytest.mark.parametrize("version", ["", "x", "0", "-1", "1e9", "9" * 40])
def test_nonsense_moves_nothing(client, alice, version):
    template = make_template()
    subscription = make_subscription(alice, template)
    publish(template, 2)
    before = state(subscription)
    assert client.post(where(subscription), {"version": version}).status_code == 422
    assert state(subscription) == before


def test_parameters_that_were_changed_by_hand_are_named(client, alice):
    template = make_template()
    subscription = make_subscription(alice, template)
    publish(template, 2)
    sql("UPDATE bot_engines SET config_json = jsonb_set(config_json, '{parameters,base_order}', '77')")
    assert "You have changed its parameters yourself" in text_of(client.get(where(subscription)))


def test_a_version_that_needs_more_leads_to_the_allocation(client, alice):
    template = make_template()
    subscription = make_subscription(alice, template)
    publish(template, 2, config=DEARER)
    page = text_of(client.get(where(subscription)))
    assert "need 10240.23 USDT" in page
    assert f"/subscriptions/{subscription.bot.bot_id}/allocation/" in page
    assert 'id="move"' not in page


def test_the_version_that_is_followed_stays_readable(client, alice):
    template = make_template()
    make_subscription(alice, template)
    publish(template, 2)
    page = text_of(client.get(f"{template.get_absolute_url()}?version=1"))
    assert "This is an earlier version." in page


def test_the_form_of_a_version_that_was_replaced_subscribes_to_nothing(client, alice):
    machine()
    template = make_template()
    there = f"/templates/{template.template_id}/subscribe/"
    assert 'name="version" value="1"' in text_of(client.get(there))
    publish(template, 2)
    form = {"allocation": "1000", "mode": "dry_run", "version": "1"}
    answer = client.post(there, form)
    assert answer.status_code == 409
    assert 'name="version" value="2"' in text_of(answer)
    assert rows(alice)["subscriptions"] == 0
    assert client.post(there, form | {"version": "2"}).status_code == 303


def test_a_withdrawn_template_is_no_longer_offered(client, alice):
    template = make_template()
    subscription = make_subscription(alice, template)
    publish(template, 2)
    withdraw_templates()
    assert "no longer offered" in text_of(client.get(where(subscription)))
    with tenant_context(alice.tenant_id):
        assert Subscription.objects.get(pk=subscription.pk).version == 1
