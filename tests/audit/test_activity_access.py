"""Who gets the trail and in which form, and what of it stands on a bot's page."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import ledger
from bots.models import Bot
from tests.audit import activity
from tests.audit.activity import FRAGMENT, URL, entries_on, events, page_of, text_of
from tests.factories.bots import BotFactory
from tradewise.tenancy.context import tenant_context

renamed, _keys = activity.renamed, activity._keys  # fixtures


def test_it_needs_a_login(alice):
    events(alice)
    assert Client().get(URL).status_code == 302
    assert Client().get(URL, headers=FRAGMENT).status_code == 401


def test_another_tenants_entries_are_never_shown(alice, mallory, client_of, renamed):
    events(alice, key="canary")
    intruder = client_of(mallory)
    for query in (
        {},
        {"everything": "on"},
        {"resource": f"bot:{renamed.bot_id}"},
        {"address": "203.0.113.7"},
    ):
        page = page_of(intruder, **query)
        assert "New name" not in page
        assert "canary" not in page
    assert entries_on(page_of(intruder, resource=f"bot:{renamed.bot_id}")) == []


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_page_is_only_read(signed_in, method):
    assert getattr(signed_in, method)(URL).status_code == 405


def test_htmx_gets_the_list_and_nothing_around_it(signed_in, renamed):
    answer = signed_in.get(URL, headers=FRAGMENT)
    assert text_of(answer).strip().startswith('<div id="trail"')
    assert "<html" not in text_of(answer)
    assert "HX-Request" in answer["Vary"]


def test_the_number_of_queries_does_not_depend_on_the_number_of_entries(alice, signed_in):
    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            page_of(signed_in)
        return len(found)

    BotFactory(tenant_id=alice.tenant_id)
    one = asked()
    for _ in range(3):
        BotFactory(tenant_id=alice.tenant_id)
    assert asked() == one
    for _ in range(40):
        BotFactory(tenant_id=alice.tenant_id)
    assert asked() == one


# ——— the bot's page ———


def test_a_bots_page_has_its_own_latest_entries_and_the_way_to_the_others(alice, signed_in, renamed):
    other = BotFactory(tenant_id=alice.tenant_id, name="Another")
    with tenant_context(alice.tenant_id, actor=str(alice.pk)), ledger.action("bot.stop"):
        Bot.objects.filter(pk=other.pk).update(status="stopping")
    page = text_of(signed_in.get(f"/bots/{renamed.bot_id}/"))
    section = page.partition('aria-labelledby="activity"')[2].partition("</section>")[0]
    assert "Edited the bot" in section
    assert "Created the bot" in section
    assert "Asked the bot to stop" not in section
    assert f'href="/activity/?resource=bot:{renamed.bot_id}"' in section
    page = page_of(signed_in, resource=f"bot:{renamed.bot_id}")
    assert len(entries_on(page)) == 2
