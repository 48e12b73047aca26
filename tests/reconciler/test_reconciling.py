"""The reconciler with engines that are played: every way up, down and wrong, with real processes and database."""

import os
import signal
import socket
import time
import uuid
from decimal import Decimal
from pathlib import Path

import pytest

from bots.enums import StopWay
from bots.reconciler import tick, visit
from bots.reconciler.leased import claim
from bots.reconciler.writing import write
from bots.services import running
from bots.strategies import kinds
from tests.logins import as_login
from tests.reconciler.conftest import QUICK, wait_for
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)


def change(played, bot, **parameters):
    config = QUICK["dca"] | {"parameters": QUICK["dca"]["parameters"] | parameters}
    wanted = running.Wanted("Quick", kinds.parse(config), Decimal(1000))
    with tenant_context(played.trader.tenant_id, actor=str(played.trader.pk)):
        running.change(actor=played.trader, bot=bot, wanted=wanted, note="")


def desire(played, bot, state):
    played.sql("UPDATE bots SET desired_state = %s WHERE id = %s", state, bot.pk)


def settle(played, seconds=0.6):
    """Ticks for a while, so that what must not happen has its chance."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        played.hurry()
        played.tick()


# Up.


def test_a_bot_that_is_wanted_is_up_within_ticks_and_says_so(played):
    bot = played.launch()
    assert (played.row(bot).phase, played.row(bot).status) == ("queued", "starting")
    row = played.until_up(bot)
    assert (row.status, row.health, row.engine_state, row.failures) == ("running", "ok", "running", 0)
    assert (row.running_revision, row.attempts, row.places) == (row.revision, 0, 1)
    assert row.told[-1] == "The engine is up: the bot trades."
    assert played.witness(bot) == ["BEGIN"]
    assert row.handle.startswith(f"{played.pid(bot)}:")


def test_the_sweep_looks_after_it_from_then_on(played):
    bot = played.launch()
    row = played.until_up(bot)
    played.sweep()
    seen = played.row(bot)
    assert seen.checks == row.checks + 1
    assert (seen.status, seen.health) == ("running", "ok")


def test_one_that_should_be_paused_begins_paused(played):
    bot = played.launch()
    desire(played, bot, "paused")
    row = played.until_up(bot)
    assert (row.status, row.health, row.engine_state) == ("connected", "paused", "paused")
    assert row.command == ""
    assert "PAUSE" not in played.witness(bot)


@pytest.mark.parametrize(
    ("first", "then", "command"), [("running", "paused", "pause"), ("paused", "running", "start")]
)
def test_what_was_asked_for_while_it_started_is_sent_afterwards(played, first, then, command):
    bot = played.launch()
    desire(played, bot, first)
    played.tick()
    desire(played, bot, then)
    assert played.until_up(bot).command == command
    row = played.until(bot, lambda row: row.engine_state == then, 20, sweeps=True)
    assert row.command == ""


def test_memory_and_cpu_are_measured(played):
    bot = played.launch()
    row = played.until(bot, lambda row: row.memory is not None, 20)
    assert 1_000_000 < row.memory < 100_000_000
    assert 0 < row.cpu_seconds < 30


# Stopping.


def test_stop_now_leaves_trades_as_they_are(played):
    bot = played.launch()
    played.play(bot, trades=2)
    played.until_up(bot)
    played.stop(bot, StopWay.NOW)
    row = played.until_off(bot)
    assert (row.status, row.health, row.connection_error) == ("inactive", "stopped", None)
    assert (row.places, row.api_url, row.api_token, row.exposed_host_port) == (0, None, None, None)
    assert played.witness(bot) == ["BEGIN", "END"]
    assert played.pid(bot) == 0


def test_stop_and_close_sells_and_ends_then(played):
    bot = played.launch()
    played.play(bot, trades=2)
    played.until_up(bot)
    played.stop(bot, StopWay.CLOSE)
    assert played.until_off(bot).connection_error is None
    asked = played.witness(bot)
    assert asked[0] == "BEGIN"
    assert asked[1:3] == ["PAUSE", "FORCEEXIT"]
    assert asked[-1] == "END"


def test_stop_after_exits_waits_without_selling(played):
    bot = played.launch()
    played.play(bot, trades=2)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing")
    settle(played)
    row = played.row(bot)
    assert (row.phase, row.status, row.places) == ("closing", "stopping", 1)
    assert "FORCEEXIT" not in played.witness(bot)
    assert "PAUSE" in played.witness(bot)


def test_stop_after_exits_ends_at_once_where_nothing_is_open(played):
    bot = played.launch()
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    assert played.until_off(bot).places == 0


def test_a_stop_is_taken_back(played):
    bot = played.launch()
    played.play(bot, trades=1)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing")
    played.start(bot)
    row = played.until(bot, lambda row: row.phase == "up" and row.status == "running", sweeps=True)
    assert (row.stop_way, row.desired_state, row.engine_state) == ("", "running", "running")
    assert played.witness(bot).count("BEGIN") == 1
    assert played.witness(bot)[-1] == "START"


def test_a_stop_that_is_taken_back_still_goes_on_when_the_engine_did_not_take_it_at_once(played):
    bot = played.launch()
    played.play(bot, trades=1, refuses=1)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing" and "PAUSE" in played.witness(bot))
    played.start(bot)
    played.until(bot, lambda row: row.phase == "up")
    assert played.witness(bot)[-1] == "REFUSED"
    played.until(bot, lambda row: row.command == "" and row.engine_state == "running", 20, sweeps=True)
    assert played.witness(bot)[-1] == "START"


def test_a_stop_that_is_followed_by_pause_keeps_it_paused(played):
    bot = played.launch()
    played.play(bot, trades=1)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing")
    desire(played, bot, "paused")
    played.until(bot, lambda row: row.phase == "up")
    settle(played)
    assert "START" not in played.witness(bot)


def test_the_way_may_become_harsher(played):
    bot = played.launch()
    played.play(bot, trades=1, closes=False)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing")
    assert "FORCEEXIT" not in played.witness(bot)
    played.stop(bot, StopWay.CLOSE)
    played.until(bot, lambda row: "FORCEEXIT" in played.witness(bot))
    assert played.row(bot).phase == "closing"
    played.stop(bot, StopWay.NOW)
    played.until_off(bot)


def test_an_engine_that_dies_while_it_winds_down_says_that_trades_are_open(played):
    bot = played.launch()
    played.play(bot, trades=1)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing")
    os.kill(played.pid(bot), signal.SIGKILL)
    assert "not watched" in played.until_off(bot).connection_error


def test_an_engine_that_hangs_while_it_winds_down_does_not_stay_for_ever(played, monkeypatch):
    monkeypatch.setattr(visit, "ANSWER_SECONDS", 0.2)
    bot = played.launch()
    played.play(bot, trades=1)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing")
    os.kill(played.pid(bot), signal.SIGSTOP)
    settle(played)
    assert played.row(bot).phase == "closing"
    played.sql("UPDATE bots SET health = 'timed_out', failures = 3, health_since = now() - interval '21 s'")
    played.until(bot, lambda row: row.phase == "ending")
    played.age(bot, 16)
    assert "not watched" in played.until_off(bot).connection_error


def test_a_stop_before_it_was_its_turn_needs_no_engine(played):
    bot = played.launch()
    played.stop(bot)
    assert played.until_off(bot).places == 0
    assert played.witness(bot) == []


def test_an_engine_that_ignores_being_asked_is_killed_after_its_time(played):
    bot = played.launch()
    played.play(bot, deaf_to_term=True)
    played.until_up(bot)
    played.stop(bot)
    played.until(bot, lambda row: row.phase == "ending")
    settle(played)
    assert (played.row(bot).phase, bool(played.pid(bot))) == ("ending", True)
    played.age(bot, 16)
    played.until_off(bot)
    assert played.pid(bot) == 0


def test_a_start_while_it_ends_starts_it_again(played):
    bot = played.launch()
    played.play(bot, deaf_to_term=True, starts=1)
    played.until_up(bot)
    played.stop(bot)
    played.until(bot, lambda row: row.phase == "ending")
    played.start(bot)
    played.age(bot, 16)
    row = played.until_up(bot)
    assert (row.attempts, row.status, row.stop_way) == (0, "running", "")
    assert played.witness(bot).count("BEGIN") == 2
    assert "DOUBLE" not in played.witness(bot)


# Other parameters.


def test_other_parameters_restart_it_exactly_once(played):
    bot = played.launch()
    before = played.until_up(bot)
    change(played, bot, base_order=60)
    row = played.until(bot, lambda row: row.phase == "up" and row.running_revision == before.revision + 1)
    settle(played)
    assert row.attempts == 0
    assert played.witness(bot) == ["BEGIN", "END", "BEGIN"]
    assert "60" in (played.directory(bot) / "config.json").read_text()
    assert not any("by itself" in told for told in row.told)


def test_a_worker_that_died_between_ending_and_writing_makes_no_failure_of_a_restart(played):
    bot = played.launch()
    before = played.until_up(bot)
    change(played, bot, base_order=60)
    os.kill(played.pid(bot), signal.SIGTERM)
    wait_for(lambda: not played.pid(bot), 5, "the engine has ended")
    row = played.until(bot, lambda row: row.phase == "up" and row.running_revision == before.revision + 1)
    assert row.attempts == 0
    assert not any("by itself" in told for told in row.told)


def test_failures_of_former_parameters_are_not_counted_against_the_new_ones(played):
    bot = played.launch()
    played.until_up(bot)
    played.sql("UPDATE bot_engines SET attempts = 4")
    played.play(bot, no_markets=True, starts=2)
    change(played, bot, base_order=60)
    assert played.until(bot, lambda row: row.phase == "up" and row.running_revision == 2).attempts == 1


# Failures.


def test_a_crash_is_tried_again_later_and_given_up_in_the_end(played):
    bot = played.launch()
    played.play(bot, no_markets=True)
    row = played.until(bot, lambda row: row.attempts == 1)
    assert (row.phase, row.status, row.health) == ("queued", "starting", "engine_failed")
    assert row.connection_error == (
        "The exchange could not be reached when the engine started. It is started again in 3 seconds, try 2 of 5."
    )
    ((wait,),) = played.sql("SELECT extract(epoch FROM next_visit_at - now())::float8 FROM bot_engines")
    assert 2 < wait <= 3
    row = played.until(bot, lambda row: row.phase == "failed")
    assert (row.status, row.health, row.attempts, row.places) == ("error", "engine_failed", 5, 0)
    assert (row.api_url, row.api_token, row.desired_state) == (None, None, "running")
    assert row.connection_error.endswith("It was started 5 times, and is not started again by itself.")
    assert played.witness(bot).count("BEGIN") == 5
    settle(played)
    assert played.witness(bot).count("BEGIN") == 5


def test_one_that_was_given_up_can_be_started_and_stopped_again(played):
    bot = played.launch()
    played.play(bot, config_error=True, starts=1)
    played.until(bot, lambda row: row.phase == "failed")
    played.start(bot)
    assert played.until_up(bot).places == 1


def test_one_that_was_given_up_is_stopped_without_an_engine(played):
    bot = played.launch()
    played.play(bot, config_error=True)
    played.until(bot, lambda row: row.phase == "failed")
    played.stop(bot)
    row = played.row(bot)
    assert (row.phase, row.status, row.health, row.connection_error) == ("off", "inactive", "stopped", None)


def test_a_crash_of_one_that_was_up_is_followed_by_a_restart(played):
    bot = played.launch()
    played.until_up(bot)
    os.kill(played.pid(bot), signal.SIGKILL)
    row = played.until(bot, lambda row: row.attempts == 1)
    assert row.next_check_at.year > 2100, "the sweep has nobody to ask"
    row = played.until_up(bot)
    assert played.witness(bot) == ["BEGIN", "BEGIN"]
    assert (row.status, row.connection_error) == ("running", None)


@pytest.mark.parametrize(("steady", "attempts"), [(299, 4), (301, 1)])
def test_failures_count_anew_once_it_has_been_up_for_a_while(played, steady, attempts):
    bot = played.launch()
    played.until_up(bot)
    played.sql("UPDATE bot_engines SET attempts = 3, ready_at = now() - %s * interval '1 s'", steady)
    os.kill(played.pid(bot), signal.SIGKILL)
    assert played.until(bot, lambda row: row.phase == "queued").attempts == attempts


def test_an_error_of_the_configuration_is_given_up_at_once_though_the_exit_code_is_0(played):
    bot = played.launch()
    played.play(bot, config_error=True)
    row = played.until(bot, lambda row: row.phase == "failed")
    assert (row.attempts, row.places, row.status) == (1, 0, "error")
    assert row.connection_error.startswith(
        "Freqtrade refuses the configuration. It said: “Configuration error: 'timeframe'"
    )
    assert played.witness(bot) == ["BEGIN", "END"]


def test_a_full_disk_is_named_from_the_log(played):
    bot = played.launch()
    played.play(bot, disk_full=True)
    row = played.until(bot, lambda row: row.attempts == 1)
    assert row.connection_error.startswith("The disk of the machine is full, so the engine could not go on.")


def test_an_engine_that_never_is_ready_is_ended_and_tried_again(played):
    bot = played.launch()
    played.play(bot, never_ready=True, starts=1)
    played.until(bot, lambda row: row.phase == "launched")
    settle(played)
    assert played.row(bot).phase == "launched"
    played.age(bot, 61)
    row = played.until(bot, lambda row: row.attempts == 1)
    assert row.connection_error.startswith(
        "The engine was not ready within 60 seconds. It is started again in 3"
    )
    played.until_up(bot)
    assert played.witness(bot) == ["BEGIN", "END", "BEGIN"]


def test_a_port_that_a_stranger_has_taken_is_told(played):
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", played.machine.ports[0]))
        stranger.listen()
        bot = played.launch()
        row = played.until(bot, lambda row: row.attempts == 1)
        port = played.machine.ports[0]
        assert (
            f"Another program of the machine has taken the port {port} of this bot." in row.connection_error
        )
        assert played.witness(bot) == []
    played.until_up(bot)


def test_an_engine_that_answers_as_another_bot_is_not_ready(played):
    bot = played.launch()
    played.play(bot, name="somebody-else")
    played.until(bot, lambda row: row.phase == "launched")
    settle(played)
    assert played.row(bot).phase == "launched"


def test_an_engine_with_other_credentials_is_not_ready(played):
    bot = played.launch()
    other = played.launch()
    played.tick()
    played.sql(
        "UPDATE bots SET api_token = (SELECT api_token FROM bots WHERE id = %s) WHERE id = %s",
        other.pk,
        bot.pk,
    )
    settle(played)
    assert (played.row(bot).phase, played.row(other).phase) == ("launched", "up")


def test_a_hung_engine_is_ended_by_force_and_started_again(played):
    bot = played.launch()
    played.until_up(bot)
    hung = played.pid(bot)
    os.kill(hung, signal.SIGSTOP)
    played.sql(
        "UPDATE bots SET status = 'error', health = 'timed_out', failures = 3, "
        "health_since = now() - interval '21 s'"
    )
    played.until(bot, lambda row: row.phase == "ending")
    settle(played)
    assert played.pid(bot) == hung, "SIGTERM does nothing to one that hangs"
    played.age(bot, 16)
    row = played.until_up(bot)
    assert played.pid(bot) not in (0, hung)
    assert any(told.startswith("The engine hung: it ran, and did not answer") for told in row.told)
    assert "DOUBLE" not in played.witness(bot)


def test_the_sweep_finds_the_hung_engine_itself(played):
    played.settings.BOT_CHECK_TIMEOUT = 0.3
    bot = played.launch()
    played.until_up(bot)
    os.kill(played.pid(bot), signal.SIGSTOP)
    for _ in range(3):
        played.sql("UPDATE bots SET next_check_at = now()")
        played.sweep()
    row = played.row(bot)
    assert (row.status, row.health) == ("error", "timed_out")
    settle(played)
    assert played.row(bot).phase == "up", "it has its seconds"
    played.sql("UPDATE bots SET health_since = health_since - interval '21 s'")
    played.until(bot, lambda row: row.phase == "ending")


def test_an_engine_whose_exchange_is_away_is_left_alone(played):
    bot = played.launch()
    played.until_up(bot)
    played.sql(
        "UPDATE bots SET status = 'error', health = 'exchange_unreachable', health_since = now() - interval '1 h'"
    )
    settle(played)
    assert played.row(bot).phase == "up"


def test_a_pair_that_the_exchange_does_not_know_is_named_and_not_tried_again(played):
    bot = played.launch()
    played.play(bot, missing=["SOL/USDT", "ETH/USDT"])
    row = played.until(bot, lambda row: row.phase == "failed")
    assert row.connection_error == (
        "The exchange does not know ETH/USDT, SOL/USDT. Choose other pairs in its parameters, then start it again."
    )
    assert played.pid(bot) == 0
    assert played.witness(bot) == ["BEGIN", "END"]


def test_a_sealed_password_that_does_not_open_starts_nothing(played):
    bot = played.launch()
    played.sql("UPDATE bots SET api_url = 'http://127.0.0.1:19999' WHERE id = %s", bot.pk)
    row = played.until(bot, lambda row: row.phase == "failed")
    assert row.connection_error.startswith("The engine's own password cannot be opened any more")
    assert (row.attempts, row.places) == (1, 0)
    assert played.witness(bot) == []


def test_parameters_that_are_not_valid_any_more_stop_nobody_else(played):
    """After an update of TradeWise, in the midst of a start."""
    broken, other = played.launch(), played.launch()
    played.tick()
    played.sql('UPDATE bot_engines SET config_json = \'{"strategy": "gone"}\' WHERE bot_id = %s', broken.pk)
    played.until_up(other)
    os.kill(played.pid(broken), signal.SIGKILL)
    row = played.until(broken, lambda row: row.phase == "failed")
    assert row.connection_error.startswith("The parameters are not valid any more.")


def test_the_disk_is_full_when_it_starts(played):
    bot = played.launch()
    played.directory(bot).parent.mkdir(parents=True, exist_ok=True)
    (played.directory(bot)).symlink_to("/dev/full")  # nothing can be written below it
    row = played.until(bot, lambda row: row.attempts == 1)
    assert row.connection_error.startswith("The engine could not be started.")
    played.directory(bot).unlink()
    played.until_up(bot)


# One of many.


def test_no_more_are_started_at_once_than_the_machine_bears(played):
    bots = [played.launch() for _ in range(6)]
    for bot in bots:
        played.play(bot, name="not-ready")
    settle(played)
    assert sum(played.row(bot).phase == "launched" for bot in bots) == 2
    assert sum(played.witness(bot) == ["BEGIN"] for bot in bots) == 2
    for bot in bots:
        played.play(bot)
    for bot in bots:
        if pid := played.pid(bot):
            os.kill(pid, signal.SIGKILL)
    most = 0
    while any(played.row(bot).phase != "up" for bot in bots):
        played.hurry()
        report = played.tick()
        most = max(most, report.launched, sum(played.row(bot).phase == "launched" for bot in bots))
    assert most == 2


def test_an_engine_that_a_worker_leased_is_nobody_elses_until_the_lease_is_over(played):
    bot = played.launch()
    with as_login("tw_worker"):
        (leased,) = claim(played.machine.host, uuid.uuid4(), 50)
    assert leased.bot_id == bot.bot_id
    played.hurry()
    assert played.tick().visited == 0
    assert played.witness(bot) == []
    played.sql("UPDATE bot_engines SET lease_until = now() - interval '1 s'")
    assert played.tick().launched == 1


def test_what_a_trader_asks_while_a_visit_is_under_way_is_not_overwritten(played, monkeypatch):
    bot = played.launch()
    played.play(bot, trades=1)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing")
    played.play(bot, trades=0)
    refused = []

    def slow(outcome, token):
        monkeypatch.setattr(tick, "write", write)
        with as_login("tw_app"):
            played.start(bot)
        refused.append(write(outcome, token))
        return refused[-1]

    monkeypatch.setattr(tick, "write", slow)
    played.hurry()
    report = played.tick()
    row = played.row(bot)
    assert refused == [False]
    assert report.visited == 0
    assert (row.desired_state, row.stop_way, row.status) == ("running", "", "starting")
    played.until(bot, lambda row: row.phase == "up" and row.status == "running", sweeps=True)


def test_an_engine_that_was_launched_for_a_stopped_bot_is_ended(played, monkeypatch):
    """The trader stops it between the launch and its being written."""
    bot = played.launch()

    def slow(outcome, token):
        monkeypatch.setattr(tick, "write", write)
        with as_login("tw_app"):
            played.stop(bot)
        return write(outcome, token)

    monkeypatch.setattr(tick, "write", slow)
    played.tick()
    assert played.row(bot).phase == "queued"
    assert played.pid(bot)
    played.until_off(bot)
    assert played.pid(bot) == 0


# The machine.


def test_what_ran_comes_back_after_the_machine_restarted_and_nothing_else(played):
    up, stopped, given_up, paused = (
        played.launch(name=name) for name in ("up", "stopped", "given up", "paused")
    )
    played.play(given_up, config_error=True, starts=1)
    desire(played, paused, "paused")
    for bot in (up, stopped, paused):
        played.until_up(bot)
    played.until(given_up, lambda row: row.phase == "failed")
    played.stop(stopped)
    played.until_off(stopped)
    for pid in played.engines():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not played.engines(), 5, "all engines are gone")
    # As after a boot: the files are there, and their process ids are somebody else's.
    lock = played.directory(up) / "engine.lock"
    lock.write_text(f'{{"pid": 1, "started": 0, "boot": "another"}}{" " * 20}')
    (played.directory(paused) / "engine.lock").unlink()
    assert played.until_up(up).status == "running"
    row = played.until(paused, lambda row: row.phase == "up" and "engine is up, paused" in row.told[-1])
    assert (row.status, row.engine_state) == ("connected", "paused")
    settle(played)
    assert (played.row(stopped).phase, played.row(given_up).phase) == ("off", "failed")
    assert (played.witness(stopped).count("BEGIN"), played.witness(given_up).count("BEGIN")) == (1, 1)


def test_an_engine_outlives_the_worker_and_is_adopted(played):
    bot = played.launch()
    played.until_up(bot)
    pid = played.pid(bot)
    played.sql("UPDATE bot_engines SET phase = 'queued'")
    played.until_up(bot)
    assert played.pid(bot) == pid
    assert played.witness(bot) == ["BEGIN"]


def delete(played, bot):
    played.sql("UPDATE engine_places SET bot_id = NULL, tenant_id = NULL WHERE bot_id = %s", bot.pk)
    for table, column in (("bot_events", "bot_id"), ("bot_engines", "bot_id"), ("bots", "id")):
        played.sql(f"DELETE FROM {table} WHERE {column} = %s", bot.pk)


def test_the_engine_of_a_deleted_bot_is_ended_and_its_directory_put_aside(played):
    bot = played.launch()
    played.play(bot, deaf_to_term=True)
    played.until_up(bot)
    delete(played, bot)
    played.tidy()
    wait_for(lambda: not played.pid(bot), 5, "its engine has ended")
    played.tidy()
    assert not played.directory(bot).exists()
    (aside,) = played.machine.directory.glob(f".gone-*-{bot.bot_id}")
    assert (aside / "config.json").exists()
    played.tidy()
    assert aside.exists()
    week = time.time() - 7 * 24 * 3600 - 5
    os.utime(aside, (week, week))
    played.tidy()
    assert not aside.exists()


def test_an_engine_of_a_bot_that_is_off_is_ended_and_its_trades_stay(played):
    bot = played.launch()
    played.until_up(bot)
    played.sql("UPDATE bot_engines SET phase = 'off'")
    played.tidy()
    wait_for(lambda: not played.pid(bot), 5, "its engine has ended")
    assert played.witness(bot) == ["BEGIN", "END"]
    played.tidy()
    assert played.directory(bot).exists()


def test_tidying_leaves_alone_what_is_wanted(played):
    up, off, waits = (played.launch() for _ in range(3))
    played.until_up(up)
    played.until_up(off)
    played.stop(off)
    played.until_off(off)
    played.play(waits)
    played.sql("UPDATE bot_engines SET phase = 'queued' WHERE bot_id = %s", waits.pk)
    pid = played.pid(up)
    played.tidy()
    assert played.pid(up) == pid
    assert all(played.directory(bot).exists() for bot in (up, off, waits))


def test_what_a_stranger_put_there_does_no_harm(played):
    bot = played.launch()
    played.until_up(bot)
    (played.machine.directory / "notes.txt").write_text("hello")
    (played.machine.directory / ".hidden").mkdir()
    (played.machine.directory / "dangling").symlink_to("/nowhere")
    gone = played.launch()
    played.until_up(gone)
    played.stop(gone)
    played.until_off(gone)
    delete(played, gone)
    played.tidy()
    assert (played.machine.directory / "notes.txt").read_text() == "hello"
    assert (played.machine.directory / ".hidden").is_dir()
    assert not played.directory(gone).exists()
    assert played.pid(bot)


def test_the_log_comes_within_a_tick_and_without_secrets(played):
    bot = played.launch()
    played.play(bot, says=["Using key=SECRETCANARY and BTC/USDT at 67479.56", "x" * 2000])
    played.until_up(bot)
    (line,) = played.directory(bot).glob("freqtrade.log")
    with tenant_context(played.trader.tenant_id, actor=str(played.trader.pk)):
        running.ask_for_log(actor=played.trader, bot=bot)
    played.tick()
    row = played.row(bot)
    assert row.log_taken_at is not None
    assert "SECRETCANARY" in line.read_text()
    assert "SECRETCANARY" not in row.log_lines
    assert "BTC/USDT at 67479.56" in row.log_lines
    assert "freqtrade 2026.9" in row.log_lines
    assert max(len(line) for line in row.log_lines.splitlines()) <= 500


def test_the_engines_own_password_is_struck_out_of_its_log(played):
    bot = played.launch()
    played.until_up(bot)
    pairs = Path("/proc", str(played.pid(bot)), "environ").read_text().split("\0")
    environment = dict(pair.split("=", 1) for pair in pairs if pair)
    password = environment["FREQTRADE__API_SERVER__PASSWORD"]
    with (played.directory(bot) / "freqtrade.log").open("a") as log:
        log.write(f"2026-11-26 13:49:45,123 - freqtrade - INFO - tradewise said {password} to me\n")
    with tenant_context(played.trader.tenant_id, actor=str(played.trader.pk)):
        running.ask_for_log(actor=played.trader, bot=bot)
    played.tick()
    assert password not in played.row(bot).log_lines
    assert "to me" in played.row(bot).log_lines
