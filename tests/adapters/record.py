"""Record what a real Freqtrade answers, for the tests of the adapter.

    python tests/adapters/record.py            all scenes, about six minutes
    python tests/adapters/record.py quick      without the one that waits until prices are too old

Each file in `recorded/` is {"request": {...}, "status": ..., "content_type": ..., "body": ...}; long lists
are cut to their first two rows, nothing else is changed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tradewise.simulation.configuration import QUICK
from tradewise.simulation.engine import DemoBot
from tradewise.simulation.exchange_process import ExchangeProcess

RECORDED = Path(__file__).resolve().parent / "recorded"
PORT = 18_977
FIGURES = ("show_config", "health", "count", "status", "profit", "balance", "daily?timescale=3", "trades")

# Freqtrade keeps a price for five minutes; only then do its figures turn null.
PRICES_ARE_TOO_OLD = 310.0


def shorten(body: Any) -> Any:
    if isinstance(body, list):
        return [shorten(row) for row in body[:2]]
    if isinstance(body, dict):
        return {name: shorten(value) for name, value in body.items()}
    return body


def record(
    bot: DemoBot, name: str, method: str, path: str, body: object = None, password: str | None = None
) -> Any:
    answer = bot.ask(method, path, body, password=password)
    scene = {
        "request": {"method": method, "path": f"/api/v1/{path}", "body": body},
        "status": answer.status,
        "content_type": answer.content_type,
        "body": shorten(answer.body),
    }
    (RECORDED / f"{name}.json").write_text(json.dumps(scene, indent=1) + "\n")
    return answer.body


def record_figures(bot: DemoBot, scene: str) -> None:
    for path in FIGURES:
        record(bot, f"{scene}_{path.partition('?')[0]}", "GET", path)


def wait_until(condition: Callable[[], bool], timeout: float = 120.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("Freqtrade did not get there.")
        time.sleep(0.5)


def in_state(bot: DemoBot, state: str) -> bool:
    return bool(bot.ask("GET", "show_config").body["state"] == state)


def record_commands(bot: DemoBot) -> None:
    """Running, paused, stopped, and the errors on the way."""
    wait_until(lambda: bot.ask("GET", "trades").body["trades_count"] >= 2)
    wait_until(lambda: bool(bot.ask("GET", "status").body))
    record(bot, "ping", "GET", "ping")
    record(bot, "version", "GET", "version")
    record(bot, "wrong_password", "GET", "show_config", password="wrong")
    record(bot, "unknown_path", "GET", "no_such_path")
    record(bot, "invalid_query", "GET", "daily?timescale=0")
    record_figures(bot, "running")
    record(bot, "running_start", "POST", "start")
    record(bot, "running_forceexit_unknown", "POST", "forceexit", {"tradeid": "99999"})
    record(bot, "running_forceexit_all", "POST", "forceexit", {"tradeid": "all"})
    record(bot, "running_pause", "POST", "pause")
    wait_until(lambda: in_state(bot, "paused"))
    record_figures(bot, "paused")
    record(bot, "paused_start", "POST", "start")
    wait_until(lambda: in_state(bot, "running"))
    record(bot, "running_stop", "POST", "stop")
    wait_until(lambda: in_state(bot, "stopped"))
    record_figures(bot, "stopped")
    record(bot, "stopped_stop", "POST", "stop")
    record(bot, "stopped_forceexit", "POST", "forceexit", {"tradeid": "all"})
    record(bot, "stopped_start", "POST", "start")
    wait_until(lambda: in_state(bot, "running"))
    record(bot, "running_reload_config", "POST", "reload_config")
    record(bot, "reloading_show_config", "GET", "show_config")


def record_outage(bot: DemoBot, exchange: ExchangeProcess, *, patient: bool) -> None:
    """The bot holds positions and its exchange is gone."""
    wait_until(lambda: len(bot.ask("GET", "status").body) >= 2)
    exchange.down()
    record_figures(bot, "exchange_down")
    if patient:
        time.sleep(PRICES_ARE_TOO_OLD)
        record_figures(bot, "exchange_long_down")
    exchange.ok()


def main() -> None:
    RECORDED.mkdir(exist_ok=True)
    exchange = ExchangeProcess()
    exchange.start()
    with tempfile.TemporaryDirectory() as directory:
        bot = DemoBot(Path(directory), PORT, "recorder", "recorder", exchange.url, changes=QUICK)
        try:
            bot.start()
            bot.wait_ready()
            record_commands(bot)
            bot.stop()
            bot.changes = {**QUICK, "tradewise_demo": {"dip": 0, "take_profit": 1, "hold_seconds": 3600}}
            bot.start()
            bot.wait_ready()
            record_outage(bot, exchange, patient="quick" not in sys.argv)
        finally:
            bot.stop()
            exchange.stop()


if __name__ == "__main__":
    main()
