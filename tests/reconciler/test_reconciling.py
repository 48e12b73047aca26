"""The reconciler with engines that are played: every way up, down and wrong, with real processes and database."""

import json
import os
import signal
import time
import uuid
from decimal import Decimal
from pathlib import Path

import pytest

from bots.adapters import Credentials
from bots.enums import Mode, StopWay
from bots.reconciler import tick
from bots.reconciler.leased import claim
from bots.reconciler.writing import write
from bots.runtimes import Launch
from bots.services import running
from bots.services.composing import Setup, compose, secrets_of
from bots.services.tokens import token_context
from bots.strategies import kinds
from tests.logins import as_login
from tests.reconciler.asked import change, desire, settle
from tests.reconciler.conftest import QUICK, wait_for
from tradewise.secrets import open_sealed
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)


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
    wait_for(lambda: not played.pid(bot), 60, "the engine has ended")
    row = played.until(bot, lambda row: row.phase == "up" and row.running_revision == before.revision + 1)
    assert row.attempts == 0
    assert not any("by itself" in told for told in row.told)


def test_an_engine_that_a_killed_worker_began_with_former_parameters_is_begun_anew(played):
    """Its launcher was slow: it took the lock when the next worker had noted the new parameters already."""
    bot = played.launch()
    row = played.row(bot)
    leased = Setup(
        bot_id=bot.bot_id,
        configuration=kinds.parse(QUICK["dca"]),
        allocation=Decimal(1000),
        mode=Mode.SIMULATED,
        port=row.exposed_host_port,
        simulated_exchange=played.machine.simulated_exchange,
    )
    change(played, bot, base_order=47)
    context = token_context(row.tenant_id, row.bot_id, row.api_url)
    credentials = Credentials.parse(open_sealed(row.api_token, context=context).reveal())
    order = Launch(bot.bot_id, row.exposed_host_port, compose(leased), secrets_of(credentials))
    played.runtime.launch(order)
    played.sql("UPDATE bot_engines SET running_revision = revision WHERE bot_id = %s", bot.pk)
    played.until_up(bot)
    config = json.loads((played.directory(bot) / "config.json").read_text())
    assert config["tradewise"]["parameters"]["base_order"] == 47
    assert played.witness(bot).count("BEGIN") == 2
    assert played.row(bot).attempts == 0


def test_failures_of_former_parameters_are_not_counted_against_the_new_ones(played):
    bot = played.launch()
    played.until_up(bot)
    played.sql("UPDATE bot_engines SET attempts = 4")
    played.play(bot, no_markets=True, starts=2)
    change(played, bot, base_order=60)
    assert played.until(bot, lambda row: row.phase == "up" and row.running_revision == 2).attempts == 1


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
    wait_for(lambda: not played.engines(), 60, "all engines are gone")
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
    wait_for(lambda: not played.pid(bot), 60, "its engine has ended")
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
    wait_for(lambda: not played.pid(bot), 60, "its engine has ended")
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
