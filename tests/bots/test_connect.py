"""Connecting a bot of one's own, against a real server that plays a Freqtrade."""

import pytest

from bots.models import Bot, BotEvent
from bots.services.tokens import token_context
from tests.bots.conftest import SECRET, USERNAME
from tradewise.secrets import open_sealed
from tradewise.tenancy.context import tenant_context

CONNECT = "/connect/"
HTMX = {"HX-Request": "true", "HX-Target": "connect"}


def typed(freqtrade, **changes):
    return {"url": freqtrade.url, "username": USERNAME, "password": SECRET, "name": "", **changes}


def count(user) -> int:
    with tenant_context(user.tenant_id):
        return Bot.objects.count()


def test_a_test_says_what_the_bot_is_and_saves_nothing(client, alice, freqtrade):
    page = client.post(CONNECT, typed(freqtrade, intent="test")).content.decode()
    for fact in ("2026.9", "Demo", "binance", "Dry run", "USDT", "running"):
        assert fact in page
    assert count(alice) == 0


def test_connecting_saves_what_the_bot_said(client, alice, freqtrade):
    answer = client.post(CONNECT, typed(freqtrade, intent="connect"))
    with tenant_context(alice.tenant_id):
        bot = Bot.objects.get()
        assert answer.status_code == 303
        assert answer["Location"] == bot.get_absolute_url()
        assert (bot.name, bot.status, bot.health) == ("played", "running", "ok")
        assert (bot.desired_state, bot.engine_version, bot.dry_run) == ("running", "2026.9", True)
        assert bot.last_ping is not None
        assert BotEvent.objects.get(bot=bot).kind == "connected"


def test_the_password_is_sealed_for_this_bot_at_this_address(client, alice, freqtrade):
    client.post(CONNECT, typed(freqtrade))
    with tenant_context(alice.tenant_id):
        bot = Bot.objects.get()
    context = token_context(alice.tenant_id, bot.bot_id, freqtrade.url)
    assert open_sealed(str.__str__(bot.api_token), context=context).reveal() == f"{USERNAME}:{SECRET}"


@pytest.mark.parametrize(("state", "status"), [("paused", "connected"), ("stopped", "inactive")])
def test_a_bot_that_does_not_trade_now_is_welcome_too(client, alice, freqtrade, state, status):
    freqtrade.config["state"] = state
    assert client.post(CONNECT, typed(freqtrade)).status_code == 303
    with tenant_context(alice.tenant_id):
        assert Bot.objects.get().status == status


def test_a_wrong_password_is_said_and_nothing_saved(client, alice, freqtrade):
    answer = client.post(CONNECT, typed(freqtrade, password="wrong-but-secret-too"))
    assert answer.status_code == 422
    assert "refuses this user name and password" in answer.content.decode()
    assert count(alice) == 0
    assert freqtrade.calls == 1  # never tried twice


def test_what_is_no_freqtrade_is_said(client, alice, freqtrade):
    freqtrade.config = {"hello": "world"}
    answer = client.post(CONNECT, typed(freqtrade))
    assert answer.status_code == 422
    assert "not a Freqtrade" in answer.content.decode()


def test_an_address_that_the_operator_has_not_allowed_is_not_dialled(client, freqtrade, settings):
    settings.EGRESS_ALLOW = ""
    answer = client.post(CONNECT, typed(freqtrade))
    assert answer.status_code == 422
    assert freqtrade.calls == 0


@pytest.mark.parametrize("intent", ["test", "connect"])
@pytest.mark.parametrize("htmx", [False, True])
@pytest.mark.parametrize("password", [SECRET, "wrong-canary-secret"])
def test_the_password_stands_in_no_answer(client, freqtrade, intent, htmx, password):
    answer = client.post(
        CONNECT, typed(freqtrade, intent=intent, password=password), headers=HTMX if htmx else {}
    )
    assert password not in answer.content.decode()
    assert password not in str(answer.headers)
    assert password not in str(dict(client.session))


def test_htmx_gets_the_form_alone_and_keeps_the_typed_password(client, freqtrade):
    answer = client.post(CONNECT, typed(freqtrade, intent="test"), headers=HTMX)
    page = answer.content.decode()
    assert "<html" not in page
    assert 'hx-preserve="true"' in page
    assert freqtrade.url in page


def test_htmx_is_sent_to_the_page_of_the_new_bot(client, alice, freqtrade):
    answer = client.post(CONNECT, typed(freqtrade), headers=HTMX)
    with tenant_context(alice.tenant_id):
        assert answer["HX-Redirect"] == Bot.objects.get().get_absolute_url()


@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}/api/v1", "{}/api/v1/", " {} "])
def test_the_same_bot_is_not_connected_twice(client, alice, freqtrade, spelling):
    client.post(CONNECT, typed(freqtrade))
    answer = client.post(CONNECT, typed(freqtrade, url=spelling.format(freqtrade.url)))
    assert answer.status_code == 409
    with tenant_context(alice.tenant_id):
        assert Bot.objects.get().get_absolute_url() in answer.content.decode()
    assert count(alice) == 1


def test_two_traders_may_have_the_same_bot(client, intruder, alice, mallory, freqtrade):
    client.post(CONNECT, typed(freqtrade))
    assert intruder.post(CONNECT, typed(freqtrade)).status_code == 303
    assert count(alice) == count(mallory) == 1


def test_there_is_a_limit_of_bots(client, alice, bot, freqtrade, settings):
    settings.BOT_LIMIT = 1
    answer = client.post(CONNECT, typed(freqtrade))
    assert answer.status_code == 409
    assert count(alice) == 1


def test_the_seventh_test_in_a_minute_is_too_many(client, intruder, alice, freqtrade):
    for _ in range(6):
        assert client.post(CONNECT, typed(freqtrade, intent="test")).status_code == 200
    answer = client.post(CONNECT, typed(freqtrade, intent="connect"))
    assert answer.status_code == 429
    assert "Wait a minute" in answer.content.decode()
    assert freqtrade.calls == 6
    assert count(alice) == 0
    assert intruder.post(CONNECT, typed(freqtrade, intent="test")).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", ""),
        ("url", "ftp://example.com"),
        ("url", "https://user:pw@example.com"),
        ("url", "https://" + "a" * 100_000),
        ("url", "http://169.254.169.254/"),
        ("url", "https://exa\x00mple.com"),
        ("username", ""),
        ("username", "with:colon"),
        ("username", "x" * 100_000),
        ("password", ""),
        ("password", "pässword"),
        ("password", "x" * 100_000),
        ("name", "x" * 100_000),
        ("name", "two\nlines"),
        ("name", "nul\x00"),
        ("name", "\ud800"),
    ],
)
def test_bad_input_is_said_and_nobody_called(client, alice, freqtrade, field, value):
    data = typed(freqtrade)
    body = "&".join(f"{name}={_quoted(value if name == field else text)}" for name, text in data.items())
    answer = client.post(CONNECT, body, content_type="application/x-www-form-urlencoded")
    assert 400 <= answer.status_code < 500
    assert freqtrade.calls == 0
    assert count(alice) == 0


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))
