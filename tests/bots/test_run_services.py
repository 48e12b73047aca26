"""Bots that TradeWise runs, as far as their trader's services go: the reconciler is not there in these tests."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from bots.enums import BotStatus, BotType, DesiredState, HealthReason, Mode, Phase, StopWay
from bots.exceptions import (
    BotIsGone,
    CommandRefused,
    EngineIsOn,
    NoPlace,
    NotRunHere,
    SetupRefused,
    TooManyBots,
    WayNotChosen,
)
from bots.models import Bot, BotEngine, BotEvent, EngineHost, EnginePlace
from bots.models.bot import new_bot_id
from bots.services import lifecycle, running
from bots.services.connecting import delete_bot
from bots.services.running import Wanted
from bots.strategies import kinds
from tests.factories.engines import DCA, HOST, engine_bot, limit, machine
from tests.logins import as_login
from tradewise.secrets import open_sealed
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)


def wanted(name: str = "Mine", **changes: Any) -> Wanted:
    return replace(Wanted(name, kinds.parse(DCA), Decimal(1000)), **changes)


def launch(user: Any, want: Wanted | None = None) -> Bot:
    with tenant_context(user.tenant_id, actor=str(user.pk)):
        return running.launch_bot(actor=user, wanted=want or wanted())


def ask(user: Any, service: Callable[..., Any], bot: Bot, **options: Any) -> Any:
    with tenant_context(user.tenant_id, actor=str(user.pk)):
        return service(actor=user, bot=bot, **options)


def rows(user: Any) -> dict[str, int]:
    with tenant_context(user.tenant_id):
        return {
            "bots": Bot.objects.count(),
            "engines": BotEngine.objects.count(),
            "events": BotEvent.objects.count(),
            "places": EnginePlace.across_tenants.filter(tenant_id=user.tenant_id).count(),
        }


def now(bot: Bot) -> tuple[Bot, BotEngine]:
    with tenant_context(bot.tenant_id):
        return Bot.objects.get(pk=bot.pk), BotEngine.objects.get(bot=bot)


def at_once(*works: Callable[[], object]) -> list[object]:
    """Each in a thread with a connection of its own, all together; what they returned or raised."""
    barrier = threading.Barrier(len(works))
    ended: list[object] = [None] * len(works)

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            barrier.wait(10)
            ended[number] = work()
        except Exception as error:  # noqa: BLE001
            ended[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return ended


NOTHING = {"bots": 0, "engines": 0, "events": 0, "places": 0}


# ——— starting ———


def test_a_bot_that_is_launched_waits_for_its_turn_with_a_place_and_a_password(alice):
    machine(2)
    bot, engine = now(launch(alice))
    assert (bot.bot_type, bot.status, bot.desired_state) == (
        BotType.SHARED,
        BotStatus.STARTING,
        DesiredState.RUNNING,
    )
    assert (engine.phase, engine.mode, engine.host) == (Phase.QUEUED, Mode.DRY_RUN, HOST)
    assert bot.exposed_host_port in (18100, 18101)
    assert bot.api_url == f"http://127.0.0.1:{bot.exposed_host_port}"
    assert bot.api_token
    assert engine.config_json == kinds.dump(kinds.parse(DCA))
    assert (bot.strategy, bot.dry_run, bot.is_simulated) == ("TradeWiseDca", True, False)


def test_a_simulated_one_is_marked_and_goes_where_that_is_possible(alice):
    machine(1, simulates=False, name="real")
    with pytest.raises(NoPlace, match="No machine"):
        launch(alice, wanted(mode=Mode.SIMULATED))
    machine(1, name="other", first=18200)
    bot, engine = now(launch(alice, wanted(mode=Mode.SIMULATED)))
    assert (bot.is_simulated, bot.dry_run, engine.host) == (True, True, "other")


def test_no_bot_starts_with_real_money(alice):
    machine()
    with pytest.raises(SetupRefused, match="starts as a dry run"):
        launch(alice, wanted(mode=Mode.LIVE))
    assert rows(alice) == NOTHING


def test_what_does_not_fit_together_is_refused_with_the_number_that_would_do(alice):
    machine()
    with pytest.raises(SetupRefused) as caught:
        launch(alice, wanted(allocation=Decimal(10), smallest_order=Decimal(60)))
    fields = dict(caught.value.problems)
    assert fields["allocation"].startswith("These parameters need 330.33 USDT")
    assert fields["parameters.base_order"].startswith("At least 90 USDT")
    assert rows(alice) == NOTHING


def test_when_all_places_are_taken_it_says_so_and_nothing_is_half_made(alice, mallory):
    machine(1)
    launch(mallory)
    with pytest.raises(NoPlace, match=r"All 1 places .* taken at the moment, so this one was not started"):
        launch(alice)
    assert rows(alice) == NOTHING


def test_without_a_machine_that_reports_nothing_is_half_made_either(alice):
    with pytest.raises(NoPlace, match="No machine"):
        launch(alice)
    machine(1)
    with as_login("tw_worker"):
        EngineHost.across_tenants.update(seen_at=timezone.now() - timedelta(seconds=61))
    with pytest.raises(NoPlace, match="within the last minute"):
        launch(alice)
    assert rows(alice) == NOTHING


def test_a_tenant_has_its_limit(alice, mallory):
    machine(3)
    limit(alice.tenant_id, 1)
    launch(alice, wanted("First"))
    before = rows(alice)
    with pytest.raises(NoPlace, match=r"1 of your bots run .* your account may run 1 at the same time"):
        launch(alice, wanted("Second"))
    assert rows(alice) == before
    launch(mallory)


def test_the_number_of_bots_has_its_limit_too(alice, settings):
    machine()
    settings.BOT_LIMIT = 1
    launch(alice)
    with pytest.raises(TooManyBots, match="You have 1 bots"):
        launch(alice)
    assert rows(alice)["bots"] == 1


@pytest.mark.parametrize("who", ["two traders", "one trader"])
def test_two_at_once_and_one_place_one_gets_it(alice, mallory, who):
    machine(1)
    other = mallory if who == "two traders" else alice
    ended = at_once(lambda: launch(alice, wanted("One")), lambda: launch(other, wanted("Two")))
    assert sorted(type(result).__name__ for result in ended) == ["Bot", "NoPlace"]
    with as_login("tw_worker"):
        assert EnginePlace.across_tenants.filter(bot__isnull=False).count() == 1
        assert Bot.across_tenants.count() == 1


def test_two_at_once_never_get_one_port(alice, mallory):
    machine(2)
    one, two = at_once(lambda: launch(alice), lambda: launch(mallory))
    assert isinstance(one, Bot)
    assert isinstance(two, Bot)
    assert one.exposed_host_port != two.exposed_host_port


def test_a_form_that_is_sent_twice_makes_one_bot(alice):
    machine(3)
    want = wanted(bot_id=new_bot_id())
    one, two = at_once(lambda: launch(alice, want), lambda: launch(alice, want))
    assert isinstance(one, Bot)
    assert isinstance(two, Bot)
    assert one.bot_id == two.bot_id == want.bot_id
    assert rows(alice)["bots"] == rows(alice)["places"] == 1


def test_a_bot_that_is_off_starts_where_its_directory_is(alice):
    machine(2)
    machine(2, name="emptier", first=18300)
    bot = engine_bot(alice.tenant_id)
    assert ask(alice, lifecycle.request_start, bot).status == BotStatus.STARTING
    _, engine = now(bot)
    assert (engine.phase, engine.host) == (Phase.QUEUED, HOST)
    with pytest.raises(CommandRefused, match="starting"):
        ask(alice, lifecycle.request_pause, bot)


def test_starting_twice_is_starting_once(alice):
    machine(2)
    bot = engine_bot(alice.tenant_id)
    at_once(
        lambda: ask(alice, lifecycle.request_start, bot), lambda: ask(alice, lifecycle.request_start, bot)
    )
    assert rows(alice)["places"] == 1


def test_one_that_was_given_up_starts_anew(alice):
    machine()
    bot = engine_bot(alice.tenant_id, Phase.FAILED, connection_error="It ended.", failures=5)
    ask(alice, lifecycle.request_start, bot)
    bot, engine = now(bot)
    assert (bot.connection_error, bot.health, engine.attempts) == (None, HealthReason.UNKNOWN, 0)


# ——— stopping ———


def test_stopping_needs_a_way_and_may_be_made_more_urgent(alice):
    bot = engine_bot(alice.tenant_id, Phase.UP)
    with pytest.raises(CommandRefused, match="choose a way"):
        ask(alice, lifecycle.request_stop, bot)
    for way in (StopWay.EXITS, StopWay.CLOSE, StopWay.NOW):
        ask(alice, lifecycle.request_stop, bot, way=way)
        stopped, engine = now(bot)
        assert (stopped.status, stopped.desired_state) == (BotStatus.STOPPING, DesiredState.STOPPED)
        assert engine.stop_way == way
    ask(alice, lifecycle.request_stop, bot, way=StopWay.NOW)
    with tenant_context(alice.tenant_id):
        told = list(BotEvent.objects.order_by("pk").values_list("sentence", flat=True))
    assert len(told) == 3
    assert "to open no new trades, and to end when the open ones are closed" in told[0]


@pytest.mark.parametrize("service", [lifecycle.request_start, lifecycle.request_resume])
def test_a_stop_can_be_taken_back(alice, service):
    bot = engine_bot(alice.tenant_id, Phase.CLOSING, engine={"stop_way": "exits"})
    ask(alice, service, bot)
    bot, engine = now(bot)
    assert (bot.desired_state, engine.stop_way, engine.phase) == (DesiredState.RUNNING, "", Phase.CLOSING)


def test_one_that_is_off_is_not_stopped_again(alice):
    with pytest.raises(CommandRefused, match="stopped already"):
        ask(alice, lifecycle.request_stop, engine_bot(alice.tenant_id), way=StopWay.NOW)


@pytest.mark.parametrize("way", [StopWay.NOW, None])
def test_one_that_was_given_up_can_be_left_alone(alice, way):
    bot = engine_bot(alice.tenant_id, Phase.FAILED, connection_error="It ended.")
    ask(alice, lifecycle.request_stop, bot, way=way)
    bot, engine = now(bot)
    assert (bot.status, bot.health, bot.connection_error) == (BotStatus.INACTIVE, HealthReason.STOPPED, None)
    assert engine.phase == Phase.OFF


@pytest.mark.parametrize("phase", sorted({*Phase} - {Phase.OFF, Phase.FAILED}))
def test_one_that_is_on_is_not_stopped_without_a_way(alice, phase):
    bot = engine_bot(alice.tenant_id, phase)
    was, engine = now(bot)
    with pytest.raises(WayNotChosen, match="choose a way to stop it"):
        ask(alice, lifecycle.request_stop, bot)
    after, engine_after = now(bot)
    assert (after.status, after.desired_state, after.updated_at) == (
        was.status,
        was.desired_state,
        was.updated_at,
    )
    assert (engine_after.phase, engine_after.stop_way, engine_after.next_visit_at) == (
        engine.phase,
        engine.stop_way,
        engine.next_visit_at,
    )


# ——— pausing, and what cannot be asked ———


def test_one_that_is_up_is_paused_and_resumed_as_every_bot_is(alice):
    bot = engine_bot(alice.tenant_id, Phase.UP)
    assert ask(alice, lifecycle.request_pause, bot).command == "pause"
    paused = engine_bot(
        alice.tenant_id, Phase.UP, status=BotStatus.CONNECTED, health="paused", desired_state="paused"
    )
    assert ask(alice, lifecycle.request_resume, paused).command == "start"
    again = engine_bot(
        alice.tenant_id, Phase.UP, status=BotStatus.CONNECTED, health="paused", desired_state="paused"
    )
    assert ask(alice, lifecycle.request_start, again).command == "start"


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (Phase.OFF, "is off"),
        (Phase.QUEUED, "is starting"),
        (Phase.LAUNCHED, "is starting"),
        (Phase.CLOSING, "is stopping"),
        (Phase.FAILED, "is off"),
    ],
)
@pytest.mark.parametrize("service", [lifecycle.request_pause, lifecycle.check_now])
def test_an_engine_that_is_not_up_is_not_asked(alice, phase, words, service):
    bot = engine_bot(alice.tenant_id, phase)
    with pytest.raises(CommandRefused, match=words):
        ask(alice, service, bot)
    assert now(bot)[0].command == ""


def test_its_configuration_is_not_read_anew_by_hand(alice):
    with pytest.raises(CommandRefused, match="Change its parameters"):
        ask(alice, lifecycle.request_reload, engine_bot(alice.tenant_id, Phase.UP))


def test_a_bot_of_ones_own_machine_has_no_engine_here(alice, bot):
    with pytest.raises(NotRunHere, match="your own machine"):
        ask(alice, running.start, bot)


# ——— changing ———


def test_other_parameters_start_the_engine_again_and_another_name_does_not(alice):
    bot = engine_bot(alice.tenant_id, Phase.UP)
    ask(alice, running.change, bot, wanted=wanted("Renamed"), note="why")
    renamed, engine = now(bot)
    assert (renamed.name, renamed.description, renamed.status, engine.revision) == (
        "Renamed",
        "why",
        "running",
        1,
    )
    other = kinds.parse({**DCA, "timeframe": "1h"})
    ask(alice, running.change, bot, wanted=wanted(configuration=other), note="")
    changed, engine = now(bot)
    assert (changed.timeframe, changed.status, engine.revision) == ("1h", BotStatus.STARTING, 2)


def test_a_change_that_does_not_fit_changes_nothing(alice):
    bot = engine_bot(alice.tenant_id, Phase.UP)
    with pytest.raises(SetupRefused):
        ask(alice, running.change, bot, wanted=wanted("Renamed", allocation=Decimal(1)), note="")
    assert now(bot)[0].name != "Renamed"


# ——— real money ———


def test_going_live_seals_the_keys_for_this_bot_and_coming_back_forgets_them(alice):
    bot = engine_bot(alice.tenant_id)
    ask(alice, running.go_live, bot, keys="key:canary-secret")
    bot, engine = now(bot)
    assert (engine.mode, engine.revision, bot.dry_run) == (Mode.LIVE, 2, True)
    assert "canary" not in str(engine.exchange_keys)
    assert engine.exchange_keys
    opened = open_sealed(engine.exchange_keys, context=running.keys_context(bot, engine))
    assert opened.reveal() == "key:canary-secret"
    ask(alice, running.leave_live, bot)
    _, engine = now(bot)
    assert (engine.mode, engine.exchange_keys, engine.keys_set_at) == (Mode.DRY_RUN, None, None)


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.LAUNCHED, Phase.UP, Phase.CLOSING, Phase.ENDING])
def test_only_one_that_is_off_goes_live_comes_back_or_is_deleted(alice, phase):
    bot = engine_bot(alice.tenant_id, phase)
    for service, options in ((running.go_live, {"keys": "a:b"}), (running.leave_live, {}), (delete_bot, {})):
        with pytest.raises(EngineIsOn, match="is on"):
            ask(alice, service, bot, **options)
    assert now(bot)[1].mode == Mode.DRY_RUN


def test_a_simulated_bot_never_trades_real_money(alice):
    with pytest.raises(SetupRefused, match="A simulated bot stays one"):
        ask(alice, running.go_live, engine_bot(alice.tenant_id, mode=Mode.SIMULATED), keys="a:b")


# ——— letting go ———


def test_one_that_is_off_is_deleted_with_its_engine_and_a_second_time_nothing_happens(alice):
    bot = engine_bot(alice.tenant_id)
    ask(alice, delete_bot, bot)
    ask(alice, delete_bot, bot)
    assert rows(alice) == NOTHING
    with pytest.raises(BotIsGone):
        ask(alice, running.start, bot)


def test_another_tenants_engine_is_not_there(alice, mallory):
    bot = engine_bot(alice.tenant_id, Phase.UP)
    for service, options in (
        (running.start, {}),
        (running.stop, {"way": StopWay.NOW}),
        (running.go_live, {"keys": "a:b"}),
        (running.ask_for_log, {}),
    ):
        with pytest.raises(BotIsGone):
            ask(mallory, service, bot, **options)
    assert now(bot)[0].status == BotStatus.RUNNING
