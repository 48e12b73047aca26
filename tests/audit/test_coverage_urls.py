"""Every address of the trader site that can be posted to leaves its trace, with who, from where, by what, old and new.

An address without a scenario here fails the suite, unless posting to it changes nothing.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from bots.enums import Mode
from bots.models import Bot
from bots.setup_form import settings_of
from tests.accounts.flows import verified
from tests.audit.world import Step, browser, code, entries_since, everything, last_entry, sql
from tests.bots import conftest as played
from tests.bots.conftest import SECRET, USERNAME, Freqtrade
from tests.factories.accounts import PASSWORD
from tests.factories.bots import BotFactory
from tests.factories.engines import DCA, engine_bot, machine
from tests.factories.subscriptions import make_subscription, make_template, publish
from tests.isolation.test_http import URLS, address
from tradewise.secrets import seal
from tradewise.simulation import keys
from tradewise.simulation.exchange_process import ExchangeProcess

pytestmark = pytest.mark.django_db(transaction=True)

freqtrade, market, _keys = played.freqtrade, played.market, played._keys  # fixtures
NEW_PASSWORD = "another battery staple"
Scenario = Callable[..., Step]
SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    def keep(function: Scenario) -> Scenario:
        SCENARIOS[name] = function
        return function

    return keep


@pytest.fixture(autouse=True)
def _mails_wait(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "tradewise.outbox.mail.OutboxBackend"


@pytest.fixture
def trader(alice: User) -> User:
    """Alice, whose address is confirmed."""
    return verified(alice)


@pytest.fixture
def own(trader: User) -> Bot:
    """A bot of hers that runs."""
    return BotFactory(tenant_id=trader.tenant_id, name="Runner", status="running", health="ok")


def command(verb: str) -> Scenario:
    def send(client: Client, trader: User, own: Bot, **_: Any) -> Step:
        assert client.post(f"/bots/{own.bot_id}/{verb}/").status_code == 303
        return Step(f"bot.{verb}", str(trader.pk), has_values=verb != "check")

    return send


for _verb in ("stop", "pause", "reload", "check"):
    SCENARIOS[f"bots:{_verb}"] = command(_verb)


@scenario("bots:start")
def start(client: Client, trader: User, **_: Any) -> Step:
    stopped = BotFactory(tenant_id=trader.tenant_id, status="inactive", health="stopped")
    assert client.post(f"/bots/{stopped.bot_id}/start/").status_code == 303
    return Step("bot.start", str(trader.pk))


@scenario("bots:resume")
def resume(client: Client, trader: User, **_: Any) -> Step:
    paused = BotFactory(tenant_id=trader.tenant_id, status="connected", health="paused")
    assert client.post(f"/bots/{paused.bot_id}/resume/").status_code == 303
    return Step("bot.resume", str(trader.pk))


@scenario("bots:commands")
def commands(client: Client, trader: User, own: Bot, **_: Any) -> Step:
    form = {"bot": [own.bot_id], "command": "pause"}
    assert client.post("/commands/", form).status_code == 303
    return Step("bot.pause", str(trader.pk))


@scenario("bots:connect")
def connect(client: Client, trader: User, freqtrade: Freqtrade, **_: Any) -> Step:
    form = {"url": freqtrade.url, "name": "New", "username": USERNAME, "password": SECRET}
    assert client.post("/connect/", form).status_code == 303
    return Step("bot.connect", str(trader.pk))


@scenario("bots:edit")
def edit(client: Client, trader: User, own: Bot, **_: Any) -> Step:
    form = {"name": "Renamed", "description": "", "url": own.api_url, "username": "", "password": ""}
    assert client.post(f"/bots/{own.bot_id}/edit/", form).status_code == 303
    return Step("bot.edit", str(trader.pk))


@scenario("bots:delete")
def delete(client: Client, trader: User, own: Bot, **_: Any) -> Step:
    assert client.post(f"/bots/{own.bot_id}/delete/", {"name": "Runner"}).status_code == 303
    return Step("bot.delete", str(trader.pk))


SET_UP = {
    "name": "Made here",
    "pairs": "BTC/USDT",
    "stake_currency": "USDT",
    "timeframe": "5m",
    "allocation": "1000",
    "mode": "dry_run",
    **{setting.path: str(setting.default) for setting in settings_of("dca") if setting.default is not None},
}


@scenario("bots:new_of_kind")
def new_of_kind(client: Client, trader: User, **_: Any) -> Step:
    machine()
    assert client.post("/bots/new/dca/", {**SET_UP, "intent": "start"}).status_code == 303
    return Step("bot.launch", str(trader.pk))


@scenario("marketplace:start")
def from_a_template(client: Client, trader: User, **_: Any) -> Step:
    machine()
    sql(
        "INSERT INTO bot_templates (template_id, name, config_json, is_public, status) "
        "VALUES ('t', 'T', %s, true, 'published')",
        json.dumps(DCA),
    )
    assert client.post("/templates/t/start/", {**SET_UP, "intent": "start"}).status_code == 303
    return Step("bot.launch", str(trader.pk))


@scenario("subscriptions:subscribe")
def subscribe(client: Client, trader: User, **_: Any) -> Step:
    machine()
    where = f"/templates/{make_template().template_id}/subscribe/"
    assert client.post(where, {"allocation": "400", "mode": "dry_run"}).status_code == 303
    return Step("subscription.create", str(trader.pk))


@scenario("subscriptions:pause")
def pause_a_subscription(client: Client, trader: User, **_: Any) -> Step:
    bot = make_subscription(trader, make_template()).bot
    assert client.post(f"/subscriptions/{bot.bot_id}/pause/").status_code == 303
    return Step("subscription.pause", str(trader.pk))


@scenario("subscriptions:resume")
def resume_a_subscription(client: Client, trader: User, **_: Any) -> Step:
    bot = make_subscription(trader, make_template(), "paused").bot
    assert client.post(f"/subscriptions/{bot.bot_id}/resume/").status_code == 303
    return Step("subscription.resume", str(trader.pk))


@scenario("subscriptions:allocation")
def change_an_allocation(client: Client, trader: User, **_: Any) -> Step:
    bot = make_subscription(trader, make_template()).bot
    assert client.post(f"/subscriptions/{bot.bot_id}/allocation/", {"allocation": "500"}).status_code == 303
    return Step("subscription.allocate", str(trader.pk))


@scenario("subscriptions:limit")
def limit_subscriptions(client: Client, trader: User, **_: Any) -> Step:
    assert client.post("/subscriptions/limit/", {"currency": "USDT", "amount": "500"}).status_code == 303
    return Step("allocation_limit.set", str(trader.pk))


@scenario("subscriptions:move")
def move_a_subscription(client: Client, trader: User, **_: Any) -> Step:
    template = make_template()
    bot = make_subscription(trader, template).bot
    publish(template, 2)
    assert client.post(f"/subscriptions/{bot.bot_id}/version/", {"version": "2"}).status_code == 303
    return Step("subscription.move", str(trader.pk))


@scenario("subscriptions:cancel")
def cancel_a_subscription(client: Client, trader: User, **_: Any) -> Step:
    bot = make_subscription(trader, make_template()).bot
    assert client.post(f"/subscriptions/{bot.bot_id}/cancel/", {"way": "exits"}).status_code == 303
    return Step("subscription.cancel", str(trader.pk))


WRITTEN = {**SET_UP, "description": "It waits.", "risk_level": "low"}


def own_template(client: Client) -> str:
    """The address of a draft that she has written."""
    answer: Any = client.post("/templates/new/dca/", WRITTEN)
    assert answer.status_code == 303
    return str(answer.url)


@scenario("marketplace:new")
def write_a_template(client: Client, trader: User, **_: Any) -> Step:
    own_template(client)
    return Step("template.create", str(trader.pk))


@scenario("marketplace:edit")
def write_on_a_template(client: Client, trader: User, **_: Any) -> Step:
    there = own_template(client)
    assert client.post(f"{there}edit/", {**WRITTEN, "name": "Another"}).status_code == 303
    return Step("template.edit", str(trader.pk))


@scenario("marketplace:submit")
def submit_a_template(client: Client, trader: User, **_: Any) -> Step:
    assert client.post(f"{own_template(client)}submit/").status_code == 303
    return Step("template.submit", str(trader.pk))


@scenario("marketplace:withdraw")
def withdraw_a_template(client: Client, trader: User, **_: Any) -> Step:
    sql(
        "INSERT INTO bot_templates (template_id, name, config_json, is_public, status, creator_tenant_id) "
        "VALUES ('t', 'T', %s, true, 'published', %s)",
        json.dumps(DCA),
        trader.tenant_id,
    )
    assert client.post("/templates/t/withdraw/", {"reason": "It loses."}).status_code == 303
    return Step("template.withdraw", str(trader.pk))


@scenario("marketplace:discard")
def throw_a_draft_away(client: Client, trader: User, **_: Any) -> Step:
    assert client.post(f"{own_template(client)}delete/").status_code == 303
    return Step("template.discard", str(trader.pk))


@scenario("bots:setup")
def set_up(client: Client, trader: User, **_: Any) -> Step:
    bot = engine_bot(trader.tenant_id)
    form = {**SET_UP, "timeframe": "1h", "intent": "save"}
    assert client.post(f"/bots/{bot.bot_id}/setup/", form).status_code == 303
    return Step("bot.set_up", str(trader.pk))


@scenario("bots:log")
def log(client: Client, trader: User, **_: Any) -> Step:
    bot = engine_bot(trader.tenant_id)
    assert client.post(f"/bots/{bot.bot_id}/log/").status_code == 303
    return Step("bot.read_log", str(trader.pk), has_values=False)


@scenario("bots:live")
def go_live(client: Client, trader: User, **_: Any) -> Step:
    bot = engine_bot(trader.tenant_id, name="Real")
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    form = {"key": "simulated-trade-only", "secret": keys.SECRET, "name": "Real"}
    assert client.post(f"/bots/{bot.bot_id}/live/", form).status_code == 303
    return Step("bot.go_live", str(trader.pk))


@scenario("bots:dry_run")
def back_to_a_dry_run(client: Client, trader: User, **_: Any) -> Step:
    bot = engine_bot(trader.tenant_id, mode=Mode.LIVE, engine={"exchange_keys": seal("a:b", context="x")})
    assert client.post(f"/bots/{bot.bot_id}/dry-run/").status_code == 303
    return Step("bot.leave_live", str(trader.pk))


@scenario("audit:export")
def export(client: Client, trader: User, **_: Any) -> Step:
    answer: Any = client.post("/activity/export.csv")
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)
    return Step("audit.export", str(trader.pk), has_values=False)


@scenario("account_signup")
def sign_up(**_: Any) -> Step:
    form = {"full_name": "Carol", "email": "carol@example.com", "password1": PASSWORD}
    assert browser().post("/account/signup/", form).status_code == 302
    return Step("account.sign_up", "visitor")


@scenario("account_email_verification_sent")
def confirm(**_: Any) -> Step:
    visitor = browser()
    form = {"full_name": "Carol", "email": "carol@example.com", "password1": PASSWORD}
    visitor.post("/account/signup/", form)
    assert visitor.post("/account/confirm-email/", {"code": code(), "action": "verify"}).status_code == 302
    return Step("account.confirm_email", "visitor")


@scenario("account_login")
def log_in(trader: User, **_: Any) -> Step:
    form = {"login": trader.email, "password": PASSWORD}
    assert browser().post("/account/login/", form).status_code == 302
    return Step("account.login", str(trader.pk), has_values=False)


@scenario("account_logout")
def log_out(client: Client, trader: User, **_: Any) -> Step:
    assert client.post("/account/logout/").status_code == 302
    return Step("account.logout", str(trader.pk), has_values=False)


@scenario("account_change_password")
def change_password(client: Client, trader: User, **_: Any) -> Step:
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert client.post("/account/password/change/", form).status_code == 302
    return Step("account.password_change", str(trader.pk))


@scenario("account_reauthenticate")
def reauthenticate(client: Client, trader: User, **_: Any) -> Step:
    assert client.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return Step("account.reauthenticate", str(trader.pk), has_values=False)


@scenario("account_email")
def change_email(client: Client, trader: User, **_: Any) -> Step:
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    client.post("/account/email/", {"email": "new@example.com", "action_add": ""})
    return Step("account.email_change_asked", str(trader.pk))


HOOK = {"url": "https://hooks.example.com/tradewise"}


@scenario("account_notifications")
def choose_notifications(client: Client, trader: User, **_: Any) -> Step:
    assert client.post("/account/notifications/", {"by_mail": ["bot.up"]}).status_code == 303
    return Step("notifications.choose", str(trader.pk))


@scenario("account_webhook")
def set_a_webhook(client: Client, trader: User, **_: Any) -> Step:
    assert client.post("/account/notifications/webhook/", HOOK).status_code == 200
    return Step("webhook.set", str(trader.pk))


@scenario("account_webhook_secret")
def renew_its_secret(client: Client, trader: User, **_: Any) -> Step:
    client.post("/account/notifications/webhook/", HOOK)
    assert client.post("/account/notifications/webhook/secret/").status_code == 200
    return Step("webhook.renew", str(trader.pk))


@scenario("account_webhook_test")
def send_it_a_test(client: Client, trader: User, **_: Any) -> Step:
    client.post("/account/notifications/webhook/", HOOK)
    assert client.post("/account/notifications/webhook/test/").status_code == 303
    return Step("webhook.test", str(trader.pk))


@scenario("account_webhook_remove")
def remove_a_webhook(client: Client, trader: User, **_: Any) -> Step:
    client.post("/account/notifications/webhook/", HOOK)
    assert client.post("/account/notifications/webhook/remove/").status_code == 303
    return Step("webhook.remove", str(trader.pk))


@scenario("account_reset_password")
def ask_for_a_new_password(trader: User, **_: Any) -> Step:
    assert browser().post("/account/password/reset/", {"email": trader.email}).status_code == 302
    return Step("account.password_reset_asked", "visitor")


@scenario("account_confirm_password_reset_code")
def enter_a_wrong_code(trader: User, **_: Any) -> Step:
    visitor = browser()
    visitor.post("/account/password/reset/", {"email": trader.email})
    assert visitor.post("/account/password/reset/confirm/", {"code": "WRONG-1"}).status_code == 422
    return Step("account.code_refused", "visitor", has_values=False)


@scenario("account_complete_password_reset")
def set_a_new_password(trader: User, **_: Any) -> Step:
    visitor = browser()
    visitor.post("/account/password/reset/", {"email": trader.email})
    assert visitor.post("/account/password/reset/confirm/", {"code": code()}).status_code == 302
    form = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert visitor.post("/account/password/reset/complete/", form).status_code == 302
    return Step("account.password_reset", "visitor")


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_request_that_changes_something_leaves_its_trace(
    name: str,
    trader: User,
    own: Bot,
    freqtrade: Freqtrade,
    market: ExchangeProcess,
) -> None:
    client = browser(trader)
    before = last_entry()
    step = SCENARIOS[name](client=client, trader=trader, own=own, freqtrade=freqtrade)
    assert step.is_left(before), step.seen


@pytest.mark.parametrize("name", sorted(set(URLS) - set(SCENARIOS)))
def test_whatever_is_posted_elsewhere_changes_nothing(name: str, trader: User, own: Bot) -> None:
    clients = [browser(trader), browser()]
    where = address(name, URLS[name], {"bot_id": own.bot_id, "template_id": "none"})
    before, last = everything(), last_entry()
    for client in clients:
        for data in (
            {},
            {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "code": "x", "action": "verify"},
        ):
            assert client.post(where, data).status_code < 500
    assert everything() == before
    assert entries_since(last) == []


def test_a_failed_log_in_is_noted_with_its_address_and_nothing_that_was_typed(trader: User) -> None:
    before = last_entry()
    browser().post("/account/login/", {"login": trader.email, "password": "wrong-canary"})
    browser().post("/account/login/", {"login": "nobody-canary@example.com", "password": "wrong-canary"})
    known, unknown = entries_since(before)
    assert (known.tenant_id, known.action, known.address) == (
        trader.tenant_id,
        "account.login_failed",
        "203.0.113.9",
    )
    assert (unknown.tenant_id.int, unknown.action) == (0, "account.login_failed")
    assert "canary" not in f"{known}{unknown}"


def test_a_failed_log_in_survives_that_its_request_is_rolled_back(trader: User, monkeypatch: Any) -> None:
    from allauth.account import views

    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("after the password was compared")

    monkeypatch.setattr(views.LoginView, "form_invalid", breaks)
    client = browser()
    client.raise_request_exception = False
    before = last_entry()
    assert client.post("/account/login/", {"login": trader.email, "password": "wrong"}).status_code == 500
    assert [entry.action for entry in entries_since(before)] == ["account.login_failed"]


def test_a_change_that_is_rolled_back_leaves_no_entry(trader: User, own: Bot, monkeypatch: Any) -> None:
    from bots.views import commands as views

    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("after the service")

    monkeypatch.setattr(views, "redirect_or_fragment", breaks)
    client = browser(trader)
    client.raise_request_exception = False
    before = last_entry()
    assert client.post(f"/bots/{own.bot_id}/stop/").status_code == 500
    assert entries_since(before) == []
