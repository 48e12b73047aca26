"""Two tabs, a second click, and what was deleted meanwhile."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from bots.exceptions import BotConnectedAlready, BotIsGone
from bots.models import Bot
from bots.services import lifecycle
from bots.services.connecting import delete_bot
from bots.services.editing import edit_bot
from tests.factories.bots import BotFactory
from tradewise.tenancy.context import tenant_context

HTMX = {"HX-Request": "true"}


def elsewhere(work: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Do it in a thread with a connection of its own; what it returned or raised."""
    ended: list[object] = []

    def run() -> None:
        try:
            ended.append(work())
        except Exception as error:  # noqa: BLE001
            ended.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, ended


def move(alice, bot, url):
    with tenant_context(alice.tenant_id):
        return edit_bot(actor=alice, bot=bot, name="Moved", description="", url=url, tested=None)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_move_two_bots_to_one_address_are_told_apart(alice):
    one, two = (BotFactory(tenant_id=alice.tenant_id) for _ in range(2))
    with tenant_context(alice.tenant_id):
        edit_bot(
            actor=alice, bot=one, name="One", description="", url="https://same.example.com", tested=None
        )
        thread, ended = elsewhere(lambda: move(alice, two, "https://same.example.com"))
        thread.join(0.5)
        assert ended == []  # waits for its turn
    thread.join(10)
    assert isinstance(ended[0], BotConnectedAlready)


@pytest.mark.django_db(transaction=True)
def test_a_second_click_on_delete_is_no_error(alice, bot):
    with tenant_context(alice.tenant_id):
        delete_bot(actor=alice, bot=bot)

        def again():
            with tenant_context(alice.tenant_id):
                return delete_bot(actor=alice, bot=bot)

        thread, ended = elsewhere(again)
        thread.join(0.5)
    thread.join(10)
    assert ended == [None]


@pytest.mark.parametrize(
    "ask",
    [
        lambda alice, bot: lifecycle.request_start(actor=alice, bot=bot),
        lambda alice, bot: lifecycle.check_now(actor=alice, bot=bot),
        lambda alice, bot: move(alice, bot, bot.api_url),
    ],
)
def test_what_was_deleted_meanwhile_is_a_sentence(alice, bot, ask):
    with tenant_context(alice.tenant_id):
        Bot.objects.filter(pk=bot.pk).delete()
        with pytest.raises(BotIsGone, match="was deleted"):
            ask(alice, bot)


def test_an_edited_path_takes_back_what_was_asked_of_the_bot_at_the_old_one(alice):
    bot = BotFactory(
        tenant_id=alice.tenant_id,
        api_url="https://one.example.com/a",
        status="running",
        command="stop",
        next_figures_at=timezone.now() + timedelta(minutes=1),
    )
    move(alice, bot, "https://one.example.com/b")
    with tenant_context(alice.tenant_id):
        after = Bot.objects.get(pk=bot.pk)
    assert after.command == ""
    assert after.next_figures_at <= timezone.now()  # what is shown is the old bot's until then


@pytest.mark.parametrize("target", ["live", "bot-x"])
def test_a_button_of_a_deleted_bot_is_404(client, alice, bot, target):
    with tenant_context(alice.tenant_id):
        Bot.objects.filter(pk=bot.pk).delete()
    answer = client.post(f"/bots/{bot.bot_id}/start/", headers={**HTMX, "HX-Target": target})
    assert answer.status_code == 404
