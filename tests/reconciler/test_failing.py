"""Whatever goes wrong with an engine ends in the right status with a sentence, and is tried again or given up."""

import os
import signal
import socket

import pytest

from tests.reconciler.asked import settle

pytestmark = pytest.mark.django_db(transaction=True)


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
