"""Every page and action about bots: for its owner, with the right method, and for nobody else."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from bots.models import Bot
from bots.urls import urlpatterns
from tradewise.tenancy.context import tenant_context

GET_ONLY = {"fleet", "detail", "equity", "new"}
POST_ONLY = {"commands", "start", "pause", "resume", "check", "dry_run"}
BOTH = {"connect", "edit", "delete", "stop", "reload", "new_of_kind", "setup", "log", "live"}
#: Of those that TradeWise runs; `test_run_pages` opens them.
OF_AN_ENGINE = {"setup", "log", "live", "dry_run"}
OF_A_BOT = [
    *("detail", "equity", "edit", "delete", "start", "stop", "pause", "resume", "reload", "check"),
    *sorted(OF_AN_ENGINE),
]


def address(name: str, bot: Bot) -> str:
    arguments = [bot.bot_id] if name in OF_A_BOT else ["dca"] if name == "new_of_kind" else []
    return reverse(f"bots:{name}", args=arguments)


def without_token(answer) -> str:
    """The page without what is different at each request."""
    return re.sub(r'"X-CSRFToken": "\w+"', "", answer.content.decode())


def test_this_file_knows_every_address():
    assert {pattern.name for pattern in urlpatterns} == GET_ONLY | POST_ONLY | BOTH


@pytest.mark.parametrize("name", sorted((GET_ONLY | BOTH) - OF_AN_ENGINE))
def test_the_page_opens_for_its_owner(name, client, bot):
    assert client.get(address(name, bot)).status_code == 200


@pytest.mark.parametrize("name", sorted(GET_ONLY | POST_ONLY | BOTH))
def test_a_login_is_needed(name, bot):
    anyone = Client()
    answer = anyone.get(address(name, bot)) if name not in POST_ONLY else anyone.post(address(name, bot))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", OF_A_BOT)
def test_another_tenant_cannot_tell_that_the_bot_exists(name, intruder, bot):
    method = intruder.post if name in POST_ONLY else intruder.get
    there, nowhere = (method(url) for url in (address(name, bot), address(name, Bot(bot_id="A" * 22))))
    assert there.status_code == nowhere.status_code == 404
    assert without_token(there) == without_token(nowhere)


@pytest.mark.parametrize("name", sorted(OF_AN_ENGINE))
def test_a_bot_of_ones_own_machine_has_no_such_page(name, client, bot):
    method = client.post if name in POST_ONLY else client.get
    assert method(address(name, bot)).status_code == 404


@pytest.mark.parametrize("name", sorted((BOTH | POST_ONLY) - {"connect", "commands", "new_of_kind"}))
def test_another_tenant_changes_nothing(name, intruder, alice, running):
    with tenant_context(alice.tenant_id):
        before = Bot.objects.filter(pk=running.pk).values().get()
    assert intruder.post(address(name, running), {"name": "Runner"}).status_code == 404
    with tenant_context(alice.tenant_id):
        assert Bot.objects.filter(pk=running.pk).values().get() == before


def test_another_tenants_bot_in_a_selection_is_not_asked(intruder, alice, running):
    intruder.post(reverse("bots:commands"), {"command": "pause", "bot": [running.bot_id]})
    with tenant_context(alice.tenant_id):
        assert Bot.objects.get(pk=running.pk).command == ""


@pytest.mark.parametrize("name", sorted(GET_ONLY))
def test_a_page_is_not_posted_to(name, client, bot):
    assert client.post(address(name, bot)).status_code == 405


@pytest.mark.parametrize("name", sorted(POST_ONLY))
def test_an_action_is_not_a_link(name, client, bot):
    assert client.get(address(name, bot)).status_code == 405


@pytest.mark.parametrize("name", sorted(BOTH))
def test_nothing_else_than_get_and_post(name, client, bot):
    assert client.delete(address(name, bot)).status_code == 405


def test_a_post_without_its_token_is_refused(alice, running):
    strict = Client(enforce_csrf_checks=True)
    with tenant_context(alice.tenant_id):
        strict.force_login(alice)
    assert strict.post(address("pause", running)).status_code == 403
