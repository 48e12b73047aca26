"""The ways in which an engine stops: with its trades, without them, at once, taken back, and by nobody's wish."""

import asyncio
import os
import signal

import pytest
from django.db import connections

from bots.enums import StopWay
from bots.reconciler import tick, visit
from bots.reconciler.decide import decide
from tests.logins import as_login
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


# What the trader asks between a decision and what follows from it.


def once_decided(monkeypatch, ask):
    """`ask` as the site, as soon as the next decision is made; the list tells what was decided."""
    steps = []

    def decided(engine, look):
        monkeypatch.setattr(tick, "decide", decide)
        steps.append(decide(engine, look).do.name)
        with as_login("tw_app"):
            ask()
        return decide(engine, look)

    monkeypatch.setattr(tick, "decide", decided)
    return steps


def test_a_stop_that_is_taken_back_just_before_it_happens_does_not_happen(played, monkeypatch):
    bot = played.launch()
    played.until_up(bot)
    pid = played.pid(bot)
    played.stop(bot, StopWay.NOW)
    steps = once_decided(monkeypatch, lambda: played.start(bot))
    played.hurry()
    assert (played.tick().visited, steps) == (0, ["TERMINATE"])
    row = played.until(bot, lambda row: row.phase == "up" and row.status == "running", sweeps=True)
    settle(played)
    assert (row.attempts, row.failures, played.pid(bot)) == (0, 0, pid)
    assert played.witness(bot) == ["BEGIN"]
    assert not any("by itself" in told for told in row.told)


def test_an_engine_is_not_killed_for_what_was_decided_before_its_trader_asked_anew(played, monkeypatch):
    """It ends, and is killed at the next visit, which knows that it is to start again."""
    bot = played.launch()
    played.play(bot, deaf_to_term=True, starts=1)
    played.until_up(bot)
    pid = played.pid(bot)
    played.stop(bot, StopWay.NOW)
    played.until(bot, lambda row: row.phase == "ending")
    played.age(bot, 16)
    steps = once_decided(monkeypatch, lambda: played.start(bot))
    assert (played.tick().visited, steps, played.pid(bot)) == (0, ["KILL"], pid)
    assert played.until_up(bot).attempts == 0
    assert played.witness(bot) == ["BEGIN", "BEGIN"]


@pytest.mark.parametrize(("way", "step"), [(StopWay.NOW, "TERMINATE"), (StopWay.CLOSE, "WIND_DOWN")])
def test_a_worker_whose_lease_is_over_does_nothing_of_what_it_decided(played, monkeypatch, way, step):
    bot = played.launch()
    played.play(bot, trades=1)
    played.until_up(bot)
    played.stop(bot, way)
    late = "UPDATE bot_engines SET lease_until = now() - interval '1 s'"
    steps = once_decided(monkeypatch, lambda: played.sql(late))
    played.hurry()
    assert (played.tick().visited, steps, played.row(bot).phase) == (0, [step], "up")
    assert played.witness(bot) == ["BEGIN"]
    played.until_off(bot)


@pytest.mark.parametrize("way", [StopWay.EXITS, StopWay.CLOSE])
def test_an_engine_that_is_to_go_on_after_all_is_told_nothing_of_the_stop(played, monkeypatch, way):
    bot = played.launch()
    played.play(bot, trades=1)
    played.until_up(bot)
    played.stop(bot, way)
    steps = once_decided(monkeypatch, lambda: played.start(bot))
    played.hurry()
    assert (played.tick().visited, steps) == (0, ["WIND_DOWN"])
    row = played.until(bot, lambda row: row.phase == "up" and row.status == "running", 30, sweeps=True)
    assert (row.desired_state, row.engine_state) == ("running", "running")
    assert played.witness(bot) == ["BEGIN"]


def while_it_answers(played, monkeypatch, ask):
    """What the trader asks comes when the engine was told, and before that is noted."""
    command = visit._command

    def as_the_site():
        with as_login("tw_app"):
            ask()
        connections.close_all()

    async def answers_late(*asked):
        monkeypatch.setattr(visit, "_command", command)
        await command(*asked)
        await asyncio.to_thread(as_the_site)

    monkeypatch.setattr(visit, "_command", answers_late)
    played.hurry()
    assert played.tick().visited == 0


def test_an_engine_that_was_just_paused_for_a_stop_that_is_taken_back_goes_on(played, monkeypatch):
    bot = played.launch()
    played.play(bot, trades=1)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    while_it_answers(played, monkeypatch, lambda: played.start(bot))
    assert played.witness(bot) == ["BEGIN", "PAUSE"]
    row = played.until(bot, lambda row: row.status == "running", sweeps=True)
    assert (row.phase, row.command, row.engine_state) == ("up", "", "running")
    assert played.witness(bot)[-1] == "START"


def test_nothing_is_sold_once_the_stop_was_taken_back_while_the_engine_answered(played, monkeypatch):
    bot = played.launch()
    played.play(bot, trades=1)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing" and "PAUSE" in played.witness(bot))
    played.stop(bot, StopWay.CLOSE)
    while_it_answers(played, monkeypatch, lambda: played.start(bot))
    played.until(bot, lambda row: row.phase == "up" and row.status == "running", sweeps=True)
    assert played.witness(bot)[-1] == "START"
    assert "FORCEEXIT" not in played.witness(bot)


def test_an_engine_that_is_to_stop_after_all_is_not_told_to_go_on(played, monkeypatch):
    bot = played.launch()
    played.play(bot, trades=1)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing" and "PAUSE" in played.witness(bot))
    played.start(bot)
    steps = once_decided(monkeypatch, lambda: played.stop(bot, StopWay.EXITS))
    played.hurry()
    assert (played.tick().visited, steps) == (0, ["GO_ON"])
    settle(played)
    assert played.row(bot).phase == "closing"
    assert "START" not in played.witness(bot)
