"""How much may be put on a template: its author's limit, and the trader's own over all subscriptions."""

from decimal import Decimal
from typing import Any

import pytest

from bots.enums import Mode
from bots.exceptions import SetupRefused
from bots.services import running
from subscriptions.services import amounts, following
from tests.audit.world import sql
from tests.bots.test_run_services import at_once
from tests.factories.engines import machine
from tests.factories.subscriptions import make_subscription, make_template
from tests.subscriptions.test_services import NOTHING, ask, now, rows, subscribe
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)


def allow(user: Any, amount: Any, currency: str = "USDT") -> None:
    with tenant_context(user.tenant_id, actor=str(user.pk)):
        value = None if amount is None else Decimal(amount)
        amounts.set_limit(actor=user, currency=currency, amount=value)


def change_on_the_bots_page(user: Any, subscription: Any, amount: Any) -> None:
    bot = now(subscription)[1]
    with tenant_context(user.tenant_id, actor=str(user.pk)):
        wanted = following.wanted_of(bot, bot.engine)
        changed = running.Wanted(wanted.name, wanted.configuration, Decimal(amount))
        running.change(actor=user, bot=bot, wanted=changed, note="")


def test_more_than_the_template_takes_is_refused_with_the_number(alice):
    machine()
    template = make_template(max_allocation=500)
    with pytest.raises(SetupRefused, match=r"takes at most 500.00 USDT"):
        subscribe(alice, template, "500.01")
    assert rows(alice) == NOTHING
    made = subscribe(alice, template, 500)
    with pytest.raises(SetupRefused, match=r"takes at most 500.00 USDT"):
        ask(alice, following.change_allocation, made, allocation=Decimal("500.01"))
    with pytest.raises(SetupRefused, match=r"takes at most 500.00 USDT"):
        change_on_the_bots_page(alice, made, "500.01")
    after, _, engine = now(made)
    assert after.allocation_amount == engine.allocation == 500


def test_what_was_more_already_may_become_less_and_still_be_more(alice):
    subscription = make_subscription(alice, make_template(max_allocation=500))
    ask(alice, following.change_allocation, subscription, allocation=Decimal(900))
    change_on_the_bots_page(alice, subscription, 800)
    assert now(subscription)[0].allocation_amount == 800


def test_the_traders_own_limit_is_over_all_subscriptions_together(alice, mallory):
    machine()
    first = make_subscription(alice, make_template("One"))
    allow(alice, 1500)
    with pytest.raises(
        SetupRefused, match=r"1500.00 USDT, and the others have 1000.00 USDT.*At most 500.00 USDT"
    ):
        subscribe(alice, make_template("Two"), "500.01")
    second = subscribe(alice, make_template("Three"), 500)
    with pytest.raises(SetupRefused, match="At most 1000"):
        ask(alice, following.change_allocation, first, allocation=Decimal("1000.01"))
    with pytest.raises(SetupRefused, match="At most 500"):
        change_on_the_bots_page(alice, second, "500.01")
    ask(alice, following.change_allocation, first, allocation=Decimal(900))
    ask(alice, following.change_allocation, second, allocation=Decimal(600))
    subscribe(mallory, make_template("Four"), 5000)


def test_what_does_not_count(alice):
    machine()
    allow(alice, 1000)
    make_subscription(alice, make_template("Over"), "cancelled")
    simulated = make_template("Invented")
    subscribe(alice, simulated, 5000, mode=Mode.SIMULATED)
    allow(alice, 10, "EUR")
    subscribe(alice, make_template("Real"), 1000)


def test_a_limit_below_what_is_used_lets_it_go_on_and_nothing_grow(alice):
    subscription = make_subscription(alice, make_template())
    allow(alice, 500)
    ask(alice, following.pause, subscription)
    ask(alice, following.change_allocation, subscription, allocation=Decimal(800))
    with pytest.raises(SetupRefused, match=r"At most 500.00 USDT"):
        ask(alice, following.change_allocation, subscription, allocation=Decimal("800.01"))
    allow(alice, None)
    ask(alice, following.change_allocation, subscription, allocation=Decimal(5000))


def test_two_subscriptions_at_once_do_not_go_beyond_it_together(alice):
    machine(4)
    allow(alice, 1500)
    templates = [make_template(f"T {number}") for number in range(4)]

    def one(template: Any) -> Any:
        try:
            return subscribe(alice, template, 1000)
        except SetupRefused as refusal:
            return refusal

    ended: Any = at_once(*[lambda template=template: one(template) for template in templates])
    assert sum(isinstance(each, SetupRefused) for each in ended) == 3
    assert rows(alice)["subscriptions"] == 1


# ——— the page ———


def test_the_page_sets_changes_and_takes_the_limit_away(client, alice):
    make_subscription(alice, make_template())
    there = "/subscriptions/limit/"
    assert client.post(there, {"currency": "USDT", "amount": "500"}).status_code == 303
    page = client.get("/subscriptions/").content.decode()
    assert "They use 1 000.00 USDT now and go on" in page.replace("\u202f", " ").replace("\xa0", " ")
    assert client.post(there, {"currency": "USDT", "amount": "2500"}).status_code == 303
    assert [(row.currency, row.amount) for row in sql("SELECT * FROM allocation_limits")] == [("USDT", 2500)]
    assert 'value="2500' in client.get(there).content.decode()
    assert client.post(there, {"currency": "USDT", "amount": ""}).status_code == 303
    assert sql("SELECT FROM allocation_limits") == []


@pytest.mark.parametrize(
    "form",
    [
        {"currency": "", "amount": "5"},
        {"currency": "usdt", "amount": "5"},
        {"currency": "USDT", "amount": "NaN"},
        {"currency": "USDT", "amount": "0"},
        {"currency": "USDT", "amount": "1e99"},
    ],
)
def test_nonsense_sets_no_limit(client, form):
    assert client.post("/subscriptions/limit/", form).status_code == 422
    assert sql("SELECT FROM allocation_limits") == []


def test_the_bounds_are_on_the_pages(client, alice):
    machine()
    template = make_template(max_allocation=5000)
    page = client.get(f"/templates/{template.template_id}/subscribe/").content.decode()
    assert "at most 5" in page
    bot = make_subscription(alice, template).bot
    assert "at most 5" in client.get(f"/subscriptions/{bot.bot_id}/allocation/").content.decode()
