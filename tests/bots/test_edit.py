"""Changing a bot and letting go of it."""

import uuid

import pytest
from django.utils import timezone

from bots.models import Bot, BotEvent
from bots.services.tokens import seal_token, token_context
from tests.bots.conftest import SECRET, USERNAME
from tests.factories.bots import BotFactory
from tradewise.secrets import open_sealed
from tradewise.tenancy.context import tenant_context


@pytest.fixture
def sealed(alice) -> Bot:
    """A bot that runs at an address of its own, with a password for it."""
    url = "https://old.example.com"
    token = seal_token(tenant_id=alice.tenant_id, bot_id="sealed-bot", url=url, token="old:password")
    return BotFactory(
        tenant_id=alice.tenant_id,
        bot_id="sealed-bot",
        name="Sealed",
        api_url=url,
        api_token=token,
        status="running",
        health="ok",
        command="pause",
        lease_token=uuid.uuid4(),
        lease_until=timezone.now(),
    )


def edit(client, bot, **changes):
    data = {
        "name": bot.name,
        "description": "",
        "url": bot.api_url,
        "username": "",
        "password": "",
        **changes,
    }
    return client.post(f"/bots/{bot.bot_id}/edit/", data)


def now(bot) -> Bot:
    with tenant_context(bot.tenant_id):
        return Bot.objects.get(pk=bot.pk)


def test_a_new_name_keeps_the_password(client, sealed):
    assert edit(client, sealed, name="Renamed").status_code == 303
    after = now(sealed)
    assert after.name == "Renamed"
    assert str.__str__(after.api_token) == str.__str__(sealed.api_token)
    with tenant_context(sealed.tenant_id):
        assert BotEvent.objects.get(bot=sealed).sentence == "Alice changed the name."


def test_another_path_at_the_same_origin_keeps_the_password(client, sealed):
    edit(client, sealed, url="https://old.example.com/bot")
    assert now(sealed).api_token is not None


@pytest.mark.parametrize("url", ["https://new.example.com", "https://old.example.com:8443"])
def test_another_origin_wipes_the_password(client, sealed, url):
    assert edit(client, sealed, url=url).status_code == 303
    after = now(sealed)
    assert after.api_token is None
    assert (after.health, after.status, after.command) == ("needs_token", "error", "")
    assert after.lease_token is None  # what a check of the old address brings is not written
    page = client.get(f"/bots/{sealed.bot_id}/").content.decode()
    assert "Password needed" in page
    assert "Enter the password" in page


def test_another_origin_with_a_new_password_is_tested_and_works(client, alice, sealed, freqtrade):
    assert edit(client, sealed, url=freqtrade.url, username=USERNAME, password=SECRET).status_code == 303
    after = now(sealed)
    context = token_context(alice.tenant_id, sealed.bot_id, freqtrade.url)
    assert open_sealed(str.__str__(after.api_token), context=context).reveal() == f"{USERNAME}:{SECRET}"
    assert (after.health, after.status, after.engine_version) == ("ok", "running", "2026.9")


def test_a_new_password_that_is_wrong_changes_nothing(client, sealed, freqtrade):
    answer = edit(client, sealed, url=freqtrade.url, username=USERNAME, password="wrong-canary")
    assert answer.status_code == 422
    assert "wrong-canary" not in answer.content.decode()
    after = now(sealed)
    assert (after.api_url, str.__str__(after.api_token)) == (sealed.api_url, str.__str__(sealed.api_token))


def test_a_user_name_alone_is_not_enough(client, sealed):
    assert edit(client, sealed, username="only").status_code == 422


def test_the_address_of_another_bot_is_refused(client, sealed, bot):
    assert edit(client, sealed, url=bot.api_url).status_code == 409
    assert now(sealed).api_url == sealed.api_url


def test_no_page_shows_the_sealed_value(client, sealed):
    for page in ("", "edit/"):
        text = client.get(f"/bots/{sealed.bot_id}/{page}").content.decode()
        assert str.__str__(sealed.api_token) not in text


def test_deleting_asks_for_the_name(client, sealed):
    page = client.get(f"/bots/{sealed.bot_id}/delete/").content.decode()
    assert "history here is deleted" in page
    assert client.post(f"/bots/{sealed.bot_id}/delete/", {"name": "Other"}).status_code == 422
    assert now(sealed)


def test_deleting_takes_the_history_along(client, alice, sealed):
    edit(client, sealed, name="Renamed")
    assert client.post(f"/bots/{sealed.bot_id}/delete/", {"name": "Renamed"}).status_code == 303
    with tenant_context(alice.tenant_id):
        assert not Bot.objects.exists()
        assert not BotEvent.objects.exists()
    assert client.get(f"/bots/{sealed.bot_id}/").status_code == 404
