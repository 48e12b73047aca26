"""What a trader may ask, what is refused, and that nothing is written then."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from bots.exceptions import BotIsDown, CommandRefused, CommandUnderWay, PauseWouldStart
from bots.models import Bot, BotEvent
from bots.services import lifecycle
from tests.factories.bots import BotFactory

pytestmark = pytest.mark.usefixtures("as_alice")


def seen_as(alice: User, status: str, **fields) -> Bot:
    return BotFactory(tenant_id=alice.tenant_id, name="Runner", status=status, health="ok", **fields)


def row(bot: Bot) -> Any:
    return Bot.objects.filter(pk=bot.pk).values().get()


@pytest.mark.parametrize(
    ("service", "status", "command", "desired", "then"),
    [
        (lifecycle.request_start, "inactive", "start", "running", "starting"),
        (lifecycle.request_start, "connected", "start", "running", "starting"),
        (lifecycle.request_resume, "connected", "start", "running", "starting"),
        (lifecycle.request_stop, "running", "stop", "stopped", "stopping"),
        (lifecycle.request_stop, "connected", "stop", "stopped", "stopping"),
        (lifecycle.request_pause, "running", "pause", "paused", "stopping"),
        (lifecycle.request_reload, "running", "reload", None, "starting"),
    ],
)
def test_a_request_says_what_is_wanted_and_makes_the_bot_due(alice, service, status, command, desired, then):
    bot = seen_as(alice, status, next_check_at=timezone.now() + timedelta(hours=1))
    service(actor=alice, bot=bot)
    after = row(bot)
    assert (after["command"], after["desired_state"], after["status"]) == (command, desired, then)
    assert after["command_asked_at"] is not None
    assert after["command_sent_at"] is None
    assert after["next_check_at"] <= timezone.now()
    event = BotEvent.objects.get(bot=bot)
    assert event.kind == "command"
    assert event.sentence.startswith("Alice asked the bot to ")


def test_a_second_click_is_the_same_command(alice, running):
    lifecycle.request_pause(actor=alice, bot=running)
    before = row(running)
    lifecycle.request_pause(actor=alice, bot=running)
    assert row(running) == before
    assert BotEvent.objects.filter(bot=running).count() == 1


@pytest.mark.parametrize(
    ("service", "status", "refusal"),
    [
        (lifecycle.request_start, "running", CommandRefused),
        (lifecycle.request_resume, "running", CommandRefused),
        (lifecycle.request_resume, "inactive", CommandRefused),
        (lifecycle.request_stop, "inactive", CommandRefused),
        (lifecycle.request_pause, "connected", CommandRefused),
        (lifecycle.request_pause, "inactive", PauseWouldStart),
        (lifecycle.request_start, "error", BotIsDown),
        (lifecycle.request_stop, "error", BotIsDown),
        (lifecycle.request_reload, "error", BotIsDown),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence_and_changes_nothing(alice, service, status, refusal):
    bot = seen_as(alice, status)
    before = row(bot)
    with pytest.raises(refusal, match=r"^Runner is .*\.$"):
        service(actor=alice, bot=bot)
    assert row(bot) == before
    assert not BotEvent.objects.exists()


def test_pausing_a_stopped_bot_offers_to_start_it(alice):
    with pytest.raises(PauseWouldStart, match="Start it instead"):
        lifecycle.request_pause(actor=alice, bot=seen_as(alice, "inactive"))


def test_a_bot_that_is_down_is_refused_with_the_reason(alice):
    bot = seen_as(alice, "error", connection_error="Nothing listens at example.com:8080.")
    with pytest.raises(BotIsDown, match="Nothing listens at example"):
        lifecycle.request_start(actor=alice, bot=bot)


def test_another_command_waits_for_the_one_under_way(alice, running):
    lifecycle.request_stop(actor=alice, bot=running)
    with pytest.raises(CommandUnderWay, match="stopping"):
        lifecycle.request_start(actor=alice, bot=running)
    assert row(running)["command"] == "stop"


def test_after_a_minute_the_newest_command_wins(alice):
    asked = timezone.now() - timedelta(seconds=61)
    bot = seen_as(alice, "stopping", command="stop", command_asked_at=asked, command_sent_at=asked)
    lifecycle.request_start(actor=alice, bot=bot)
    after = row(bot)
    assert after["command"] == "start"
    assert after["command_sent_at"] is None


def test_a_check_now_makes_the_bot_due_and_asks_nothing_of_it(alice, running):
    Bot.objects.filter(pk=running.pk).update(next_check_at=timezone.now() + timedelta(hours=1))
    lifecycle.check_now(actor=alice, bot=running)
    after = row(running)
    assert after["next_check_at"] <= timezone.now()
    assert after["command"] == ""


def test_the_row_as_it_is_now_counts_and_not_as_it_was_on_the_page(alice, running):
    stale = Bot.objects.get(pk=running.pk)
    Bot.objects.filter(pk=running.pk).update(status="inactive")
    with pytest.raises(CommandRefused, match="stopped already"):
        lifecycle.request_stop(actor=alice, bot=stale)
