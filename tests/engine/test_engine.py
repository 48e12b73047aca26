"""Unmodified Freqtrade trades on the simulated exchange and obeys its REST API."""

import json
import socket
import time

import pytest

from tradewise.simulation.engine import DemoBot, EngineError

pytestmark = pytest.mark.engine


def wait_until(condition, timeout=300.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.3)


def state(bot):
    return bot.ask("GET", "show_config").body["state"]


def closed(bot):
    return bot.ask("GET", "trades").body["trades_count"]


@pytest.fixture(scope="module")
def bot(freqtrade_bot):
    return freqtrade_bot()


@pytest.fixture
def running(bot, exchange):
    """The module's bot, running, whatever the last test did to it."""
    if not bot.is_running:
        bot.start()
        bot.wait_ready()
    bot.ask("POST", "start")
    wait_until(lambda: state(bot) == "running")
    return bot


def test_trades_open_and_close(running, exchange):
    wait_until(lambda: closed(running) >= 1)
    trade = running.ask("GET", "trades").body["trades"][0]
    assert trade["exit_reason"] in ("time", "take_profit")
    assert trade["close_timestamp"] > trade["open_timestamp"]
    asked = exchange.stats()
    assert asked["/api/v3/klines"] > 0
    assert asked["/api/v3/depth"] > 0


def test_it_asks_nothing_that_the_exchange_does_not_have(running, exchange):
    running.ask("GET", "balance")
    known = {f"/api/v3/{name}" for name in ("exchangeInfo", "time", "klines", "depth", "ticker/24hr")}
    # The last one TradeWise itself asks, where a form is checked, of the exchange that these tests share.
    assert set(exchange.stats()) <= known | {"/api/v3/ticker/price"}


def test_pause_stop_and_start_do_what_they_say(running):
    running.ask("POST", "pause")
    wait_until(lambda: state(running) == "paused")
    # An order that is not filled yet would be waited for two minutes.
    running.ask("POST", "forceexit", {"tradeid": "all"})
    wait_until(lambda: running.ask("GET", "status").body == [])
    running.ask("POST", "stop")
    wait_until(lambda: state(running) == "stopped")
    assert running.ask("GET", "count").status == 502
    running.ask("POST", "start")
    wait_until(lambda: state(running) == "running")
    assert running.ask("GET", "count").status == 200


def test_a_wrong_password_is_refused(running):
    assert running.ask("GET", "show_config", password="wrong").status == 401


def test_it_survives_an_exchange_that_is_down_and_trades_again(running, exchange):
    before = closed(running)
    exchange.down()
    time.sleep(3)
    assert state(running) == "running"
    exchange.ok()
    wait_until(lambda: closed(running) > before)


def test_trades_survive_a_crash(running):
    wait_until(lambda: closed(running) >= 1)
    before = closed(running)
    running.kill()
    running.start()
    running.wait_ready()
    assert closed(running) >= before


def test_new_credentials_replace_the_old_ones(running):
    running.stop()
    old, running.password = running.password, "p-another"
    running.start()
    running.wait_ready()
    assert running.ask("GET", "show_config", password=old).status == 401


def test_no_secret_is_on_the_disk(running):
    written = [file for file in running.directory.rglob("*") if file.is_file()]
    assert running.directory / "config.json" in written
    assert not [file for file in written if running.password.encode() in file.read_bytes()]
    assert json.loads((running.directory / "config.json").read_text())["api_server"]["password"] == ""


def test_a_taken_port_is_noticed_before_freqtrade_hangs_on_it(running, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = DemoBot(tmp_path, taken.getsockname()[1], "u", "p", running.exchange_url)
        with pytest.raises(EngineError, match="taken"):
            other.start()


def test_without_an_exchange_it_does_not_come_up_and_says_why(freqtrade_bot, exchange):
    exchange.stop()
    with pytest.raises(EngineError, match=r"ended by itself.*markets"):
        freqtrade_bot()
