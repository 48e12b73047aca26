"""The ways in which an engine stops: with its trades, without them, at once, taken back, and by nobody's wish."""

import os
import signal

import pytest

from bots.enums import StopWay
from bots.reconciler import visit
from tests.reconciler.asked import desire, settle

pytestmark = pytest.mark.django_db(transaction=True)


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
