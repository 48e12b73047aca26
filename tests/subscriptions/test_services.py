"""What a trader may ask of a subscription: the bot follows, and the reconciler is not there in these tests."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bots.enums import BotStatus, BotType, DesiredState, Mode, Phase, StopWay
from bots.exceptions import CommandRefused, NoPlace, SetupRefused
from bots.models import Bot, BotEngine, EnginePlace
from bots.services import lifecycle, running
from bots.services.connecting import delete_bot
from marketplace.exceptions import TemplateNotStartable
from subscriptions.exceptions import SubscriptionIsGone, SubscriptionIsOver, TemplateNotOffered
from subscriptions.models import Subscription
from subscriptions.queries import current_subscription
from subscriptions.services import following
from tests.audit.world import entries_since, last_entry, sql
from tests.bots.test_run_services import at_once
from tests.factories.engines import DCA, limit, machine
from tests.factories.subscriptions import (
    NEEDED,
    make_subscription,
    make_template,
    subscribers,
    withdraw_templates,
)
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)


def subscribe(user: Any, template: Any, amount: Any = 1000, **options: Any) -> Subscription:
    with tenant_context(user.tenant_id, actor=str(user.pk)):
        return following.subscribe(actor=user, template=template, allocation=Decimal(amount), **options)


def ask(
    user: Any, service: Callable[..., Subscription], subscription: Subscription, **options: Any
) -> Subscription:
    with tenant_context(user.tenant_id, actor=str(user.pk)):
        return service(actor=user, subscription=subscription, **options)


def now(subscription: Subscription) -> tuple[Subscription, Bot, BotEngine]:
    with tenant_context(subscription.tenant_id):
        found = Subscription.objects.select_related("bot__engine").get(pk=subscription.pk)
        return found, found.bot, found.bot.engine


def rows(user: Any) -> dict[str, int]:
    with tenant_context(user.tenant_id):
        return {
            "subscriptions": Subscription.objects.count(),
            "bots": Bot.objects.count(),
            "places": EnginePlace.across_tenants.filter(tenant_id=user.tenant_id).count(),
        }


NOTHING = {"subscriptions": 0, "bots": 0, "places": 0}
ONE = {"subscriptions": 1, "bots": 1, "places": 1}


# ——— subscribing ———


@pytest.mark.parametrize("mode", [Mode.DRY_RUN, Mode.SIMULATED])
def test_one_transaction_makes_the_subscription_and_its_bot(alice, mode):
    machine()
    template = make_template("Calm")
    before = last_entry()
    made, bot, engine = now(subscribe(alice, template, "450.25", mode=mode))
    assert (made.status, made.allocation_amount, engine.allocation) == (
        "active",
        Decimal("450.25"),
        Decimal("450.25"),
    )
    assert (bot.name, bot.bot_type, bot.config_template) == ("Calm", BotType.SHARED, template.template_id)
    assert (bot.status, engine.phase, engine.mode) == (BotStatus.STARTING, Phase.QUEUED, mode)
    assert engine.config_json["pairs"] == DCA["pairs"]
    assert subscribers(template) == 1
    named = {entry.action for entry in entries_since(before)}
    assert {"subscription.create", "bot.launch"} <= named


def test_a_second_time_is_the_first_one_whatever_it_says(alice):
    machine()
    template = make_template()
    first = subscribe(alice, template, 1000)
    second = subscribe(alice, template, 2000, mode=Mode.SIMULATED)
    assert (second.pk, second.allocation_amount) == (first.pk, Decimal(1000))
    assert rows(alice) == ONE
    assert subscribers(template) == 1


def test_two_tabs_at_once_make_one_subscription_and_one_bot(alice):
    machine(5)
    template = make_template()
    ended: Any = at_once(*[lambda: subscribe(alice, template)] * 5)
    assert len({subscription.pk for subscription in ended}) == 1
    assert rows(alice) == ONE
    assert subscribers(template) == 1


@pytest.mark.parametrize("amount", ["330.32", "0.01"])
def test_too_little_is_refused_with_the_number_that_would_do(alice, amount):
    machine()
    template = make_template()
    with pytest.raises(SetupRefused, match=f"need {NEEDED} USDT"):
        subscribe(alice, template, amount)
    assert rows(alice) == NOTHING
    assert subscribers(template) == 0
    subscribe(alice, template, NEEDED)


def test_what_stands_in_the_way_leaves_nothing_half_made(alice, mallory):
    template = make_template()
    with pytest.raises(NoPlace, match="No machine"):
        subscribe(alice, template)
    machine(1)
    limit(alice.tenant_id, 0)
    with pytest.raises(NoPlace, match="your account may run 0"):
        subscribe(alice, template)
    with pytest.raises(SetupRefused, match="starts as a dry run"):
        subscribe(mallory, template, mode=Mode.LIVE)
    subscribe(mallory, template)
    limit(alice.tenant_id, 5)
    with pytest.raises(NoPlace, match="All 1 places"):
        subscribe(alice, template)
    assert rows(alice) == NOTHING
    assert subscribers(template) == 1


def test_what_is_not_public_or_that_no_engine_runs_is_refused(alice):
    machine()
    with pytest.raises(TemplateNotOffered, match="not public"):
        subscribe(alice, make_template("Draft", public=False, creator_tenant_id=alice.tenant_id))
    with pytest.raises(TemplateNotStartable, match="Arbitrage"):
        subscribe(alice, make_template("Arb", {**DCA, "strategy": "arbitrage"}, strategy_type="arbitrage"))
    withdrawn = make_template("Withdrawn a moment ago")
    withdraw_templates()
    with pytest.raises(TemplateNotOffered):
        subscribe(alice, withdrawn)
    assert rows(alice) == NOTHING


# ——— pausing and resuming ———

PAUSED: dict[str, Any] = {"status": BotStatus.CONNECTED, "health": "paused", "desired_state": "paused"}


def test_pausing_asks_the_bot_and_a_second_click_asks_nothing(alice):
    subscription = make_subscription(alice, make_template())
    paused = ask(alice, following.pause, subscription)
    assert (paused.status, paused.paused_at is not None) == ("paused", True)
    _, bot, _ = now(subscription)
    assert (bot.command, bot.desired_state) == ("pause", DesiredState.PAUSED)
    again = ask(alice, following.pause, subscription)
    assert (again.paused_at, now(again)[1].command_asked_at) == (paused.paused_at, bot.command_asked_at)


def test_resuming_lets_the_bot_go_on(alice):
    subscription = make_subscription(alice, make_template(), "paused", bot=PAUSED)
    resumed = ask(alice, following.resume, subscription)
    assert (resumed.status, resumed.paused_at) == ("active", None)
    _, bot, _ = now(subscription)
    assert (bot.command, bot.desired_state) == ("start", DesiredState.RUNNING)
    ask(alice, following.resume, subscription)
    assert now(subscription)[1].command_asked_at == bot.command_asked_at


@pytest.mark.parametrize("phase", [Phase.OFF, Phase.FAILED, Phase.CLOSING, Phase.ENDING])
def test_a_bot_that_was_stopped_by_hand_is_left_off_by_a_pause_and_started_by_a_resume(alice, phase):
    machine()
    subscription = make_subscription(alice, make_template(), phase=phase)
    assert ask(alice, following.pause, subscription).status == "paused"
    assert now(subscription)[2].phase == phase
    assert ask(alice, following.resume, subscription).status == "active"
    _, bot, engine = now(subscription)
    assert (bot.desired_state, bot.status) == (DesiredState.RUNNING, BotStatus.STARTING)
    assert engine.phase == (Phase.QUEUED if phase in (Phase.OFF, Phase.FAILED) else phase)


def test_an_active_one_whose_bot_was_stopped_by_hand_is_started_by_a_resume(alice):
    machine()
    subscription = make_subscription(alice, make_template(), phase=Phase.OFF)
    ask(alice, following.resume, subscription)
    assert now(subscription)[2].phase == Phase.QUEUED


def test_without_room_it_stays_paused_and_says_so(alice):
    subscription = make_subscription(alice, make_template(), "paused", Phase.OFF)
    with pytest.raises(NoPlace, match="No machine"):
        ask(alice, following.resume, subscription)
    after, _, engine = now(subscription)
    assert (after.status, engine.phase) == ("paused", Phase.OFF)


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.LAUNCHED])
def test_one_that_starts_is_paused_once_it_is_up(alice, phase):
    subscription = make_subscription(alice, make_template(), phase=phase)
    with pytest.raises(CommandRefused, match="is starting"):
        ask(alice, following.pause, subscription)
    assert now(subscription)[0].status == "active"


def test_one_that_was_paused_by_hand_can_be_paused_and_resumed(alice):
    subscription = make_subscription(alice, make_template(), bot=PAUSED)
    assert ask(alice, following.pause, subscription).status == "paused"
    assert ask(alice, following.resume, subscription).status == "active"
    assert now(subscription)[1].command == "start"


# A pause that was given up before it was sent: the bot runs on, and is to be paused.
LOST: dict[str, Any] = {"desired_state": "paused"}


@pytest.mark.parametrize("status", ["active", "paused"])
def test_a_pause_that_was_lost_is_asked_again_and_only_once(alice, status):
    subscription = make_subscription(alice, make_template(), status, bot=LOST)
    paused = ask(alice, following.pause, subscription)
    _, bot, _ = now(subscription)
    assert (paused.status, bot.command, bot.desired_state) == ("paused", "pause", DesiredState.PAUSED)
    ask(alice, following.pause, subscription)
    assert now(subscription)[1].command_asked_at == bot.command_asked_at


@pytest.mark.parametrize("status", ["active", "paused"])
def test_resuming_after_a_pause_that_was_lost_makes_the_bot_one_that_is_to_run(alice, status):
    subscription = make_subscription(alice, make_template(), status, bot=LOST)
    assert ask(alice, following.resume, subscription).status == "active"
    assert now(subscription)[1].desired_state == DesiredState.RUNNING


@pytest.mark.parametrize("status", ["active", "paused"])
def test_a_resume_that_was_lost_is_asked_again_and_only_once(alice, status):
    lost = {"desired_state": "running", "status": "connected", "health": "paused"}
    subscription = make_subscription(alice, make_template(), status, bot=lost)
    resumed = ask(alice, following.resume, subscription)
    _, bot, _ = now(subscription)
    assert (resumed.status, bot.command, bot.desired_state) == ("active", "start", DesiredState.RUNNING)
    ask(alice, following.resume, subscription)
    assert now(subscription)[1].command_asked_at == bot.command_asked_at


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.LAUNCHED, Phase.ENDING])
def test_one_that_starts_again_paused_need_not_be_asked_to_pause(alice, phase):
    starts_paused = {"status": BotStatus.STARTING, "desired_state": "paused"}
    subscription = make_subscription(alice, make_template(), phase=phase, bot=starts_paused)
    assert ask(alice, following.pause, subscription).status == "paused"
    _, bot, engine = now(subscription)
    assert (bot.command, bot.status, engine.phase) == ("", BotStatus.STARTING, phase)


# ——— the allocation ———


@pytest.mark.parametrize("status", ["active", "paused"])
def test_another_allocation_is_the_bots_too(alice, status):
    subscription = make_subscription(alice, make_template(), status)
    changed = ask(alice, following.change_allocation, subscription, allocation=Decimal("500.01"))
    _, bot, engine = now(subscription)
    assert changed.allocation_amount == engine.allocation == Decimal("500.01")
    assert (engine.revision, bot.status) == (2, BotStatus.STARTING)
    ask(alice, following.change_allocation, subscription, allocation=Decimal("500.01"))
    assert now(subscription)[2].revision == 2


def test_too_small_an_allocation_changes_nothing(alice):
    subscription = make_subscription(alice, make_template())
    with pytest.raises(SetupRefused, match=f"need {NEEDED} USDT"):
        ask(alice, following.change_allocation, subscription, allocation=Decimal("330.32"))
    after, _, engine = now(subscription)
    assert after.allocation_amount == engine.allocation == 1000


def test_an_allocation_that_is_changed_on_the_bots_page_is_the_subscriptions(alice):
    subscription = make_subscription(alice, make_template())
    bot = now(subscription)[1]
    with tenant_context(alice.tenant_id):
        wanted = following.wanted_of(bot, bot.engine)
        changed = running.Wanted(wanted.name, wanted.configuration, Decimal("777.77"))
        running.change(actor=alice, bot=bot, wanted=changed, note="")
    assert now(subscription)[0].allocation_amount == Decimal("777.77")
    ask(alice, following.cancel, subscription, way=StopWay.NOW)
    with tenant_context(alice.tenant_id):
        running.change(actor=alice, bot=bot, wanted=wanted, note="")
    assert now(subscription)[0].allocation_amount == Decimal("777.77")


# ——— cancelling ———


@pytest.mark.parametrize("event", [following.cancel, following.resume])
def test_a_pause_that_a_later_transaction_wrote_counts_as_nothing_and_not_as_less(alice, event):
    """It began later and was faster: seen from here, the pause begins in the future."""
    subscription = make_subscription(alice, make_template(), "paused", bot=PAUSED)
    sql("UPDATE subscriptions SET paused_at = now() + interval '1 minute', paused_for = '1 day'")
    options = {"way": StopWay.NOW} if event is following.cancel else {}
    ask(alice, event, subscription, **options)
    assert (now(subscription)[0].paused_at, now(subscription)[0].paused_for) == (None, timedelta(days=1))


@pytest.mark.parametrize("way", list(StopWay))
@pytest.mark.parametrize("status", ["active", "paused"])
def test_cancelling_stops_the_bot_the_way_that_was_chosen_and_keeps_it(alice, status, way):
    template = make_template()
    subscription = make_subscription(alice, template, status, bot=PAUSED if status == "paused" else {})
    cancelled = ask(alice, following.cancel, subscription, way=way)
    assert (cancelled.status, cancelled.paused_at) == ("cancelled", None)
    assert cancelled.cancelled_at is not None
    _, bot, engine = now(subscription)
    assert (bot.desired_state, bot.status, engine.stop_way) == (DesiredState.STOPPED, "stopping", way)
    assert subscribers(template) == 0


@pytest.mark.parametrize("phase", list(Phase))
def test_one_can_be_cancelled_whatever_its_bot_does_and_only_once(alice, phase):
    template = make_template()
    subscription = make_subscription(alice, template, phase=phase)
    first = ask(alice, following.cancel, subscription, way=StopWay.EXITS)
    assert now(subscription)[1].desired_state == DesiredState.STOPPED
    again = ask(alice, following.cancel, subscription, way=StopWay.NOW)
    assert again.cancelled_at == first.cancelled_at
    assert now(subscription)[2].stop_way != StopWay.NOW
    assert subscribers(template) == 0


def test_after_a_cancelled_one_comes_another_with_another_bot(alice):
    machine()
    template = make_template()
    first = subscribe(alice, template)
    ask(alice, following.cancel, first, way=StopWay.NOW)
    second = subscribe(alice, template)
    assert (second.pk != first.pk, second.bot_id != first.bot_id) == (True, True)
    assert subscribers(template) == 1
    with tenant_context(alice.tenant_id):
        found = current_subscription(template)
    assert found is not None
    assert found.pk == second.pk


# ——— what may have happened meanwhile ———

EVENTS: dict[str, tuple[Callable[..., Subscription], dict[str, Any]]] = {
    "pause": (following.pause, {}),
    "resume": (following.resume, {}),
    "allocate": (following.change_allocation, {"allocation": Decimal(2000)}),
    "cancel": (following.cancel, {"way": StopWay.NOW}),
}


@pytest.mark.parametrize("event", EVENTS)
def test_a_bot_that_was_deleted_takes_its_subscription_along(alice, event):
    template = make_template()
    subscription = make_subscription(alice, template, phase=Phase.OFF)
    with tenant_context(alice.tenant_id):
        delete_bot(actor=alice, bot=subscription.bot)
    assert subscribers(template) == 0
    service, options = EVENTS[event]
    with pytest.raises(SubscriptionIsGone, match="deleted a moment ago"):
        ask(alice, service, subscription, **options)


@pytest.mark.parametrize("event", EVENTS)
def test_anothers_subscription_is_not_there(alice, mallory, event):
    subscription = make_subscription(alice, make_template())
    service, options = EVENTS[event]
    with pytest.raises(SubscriptionIsGone):
        ask(mallory, service, subscription, **options)
    assert now(subscription)[0].status == "active"


@pytest.mark.parametrize("event", ["pause", "resume", "allocate"])
def test_one_that_is_over_stays_so(alice, event):
    subscription = make_subscription(alice, make_template(), "cancelled", Phase.OFF)
    machine()
    before = last_entry()
    service, options = EVENTS[event]
    with pytest.raises(SubscriptionIsOver, match="is final"):
        ask(alice, service, subscription, **options)
    assert entries_since(before) == []


def test_a_bot_of_a_cancelled_one_goes_on_by_itself_if_its_trader_wants(alice):
    machine()
    subscription = make_subscription(alice, make_template(), "cancelled", Phase.OFF)
    with tenant_context(alice.tenant_id):
        lifecycle.request_start(actor=alice, bot=subscription.bot)
    after, bot, _ = now(subscription)
    assert (after.status, bot.status) == ("cancelled", "starting")
