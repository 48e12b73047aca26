"""A small real program that plays Freqtrade as an engine: standard library only, up within half a second.

It reads the configuration, the command line and the environment that the runtime gives to Freqtrade, answers as
Freqtrade does, writes its log in Freqtrade's format, and ends on SIGTERM. It appends to `witness.log` when it
begins and ends, and DOUBLE when another engine of its directory was alive at that moment.

`played.json` in its directory says what goes wrong; with `starts`, only at so many starts:
`config_error`, `no_markets`, `disk_full`, `never_ready`, `hangs`, `deaf_to_term`: true ·
`name`: answers as that bot · `missing`: pairs that the exchange does not know · `crash_after`: seconds ·
`trades`: how many are open · `closes`: false where they do not close when asked ·
`refuses`: so many times to go on · `says`: lines for its log.
"""

import base64
import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

HERE = Path.cwd()


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


def witness(word: str) -> None:
    """One write, so that lines of two engines never mix."""
    file = os.open(HERE / "witness.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{word} {os.getpid()} {time.time():.3f}\n".encode())
    os.close(file)


def others() -> list[int]:
    """Living engines of this directory beside this one; a launcher is none."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
            if arguments[2:4] == [sys.argv[0].encode(), b"trade"] and (entry / "cwd").readlink() == HERE:
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return [pid for pid in found if pid != os.getpid()]


def log(words: str, level: str = "INFO", logger: str = "freqtrade.worker") -> None:
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
    with Path(option("--logfile")).open("a", encoding="utf-8") as file:
        file.write(f"{at} - {logger} - {level} - {words}\n")


def leave(code: int) -> NoReturn:
    witness("END")
    os._exit(code)


class Engine:
    def __init__(self) -> None:
        self.config: dict[str, Any] = json.loads(Path(option("--config")).read_text(encoding="utf-8"))
        self.state = self.config["initial_state"]
        self.faults = self._faults()
        self.refusals = int(self.faults.get("refuses", 0))
        self.trades = int(self.faults.get("trades", 0))
        names = ("USERNAME", "PASSWORD")
        pair = ":".join(os.environ[f"FREQTRADE__API_SERVER__{name}"] for name in names)
        self.authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _faults(self) -> dict[str, Any]:
        try:
            faults: dict[str, Any] = json.loads((HERE / "played.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        starts = (HERE / "witness.log").read_text(encoding="utf-8").count("BEGIN")
        return faults if starts <= faults.get("starts", 10**9) else {}

    def show_config(self) -> dict[str, Any]:
        shown = ("dry_run", "trading_mode", "stake_currency", "available_capital", "timeframe", "strategy")
        return {
            "version": "2026.9",
            "api_version": 2.5,
            **{name: self.config[name] for name in shown},
            "stake_amount": str(self.config["stake_amount"]),
            "max_open_trades": float(self.config["max_open_trades"]),
            "exchange": self.config["exchange"]["name"],
            "bot_name": self.faults.get("name", self.config["bot_name"]),
            "state": self.state,
            "runmode": "dry_run" if self.config["dry_run"] else "live",
        }

    def whitelist(self) -> dict[str, Any]:
        missing = self.faults.get("missing", [])
        pairs = [pair for pair in self.config["exchange"]["pair_whitelist"] if pair not in missing]
        return {"whitelist": pairs, "length": len(pairs), "method": ["StaticPairList"]}

    def status(self) -> list[dict[str, Any]]:
        now = int(time.time() * 1000)
        what = {"pair": "ETH/USDT", "is_open": True, "is_short": False, "orders": []}
        money = {"stake_amount": 50.0, "open_rate": 3400.0, "current_rate": 3400.0, "profit_abs": 0.0}
        trade = {**what, **money, "profit_ratio": 0.0, "open_timestamp": now}
        return [{"trade_id": number, **trade} for number in range(1, self.trades + 1)]

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        now = time.time()
        match method, path:
            case "GET", "show_config":
                return 200, self.show_config()
            case "GET", "whitelist":
                return 200, self.whitelist()
            case "GET", "status":
                return 200, self.status()
            case "GET", "health":
                return 200, {"last_process_ts": int(now), "bot_start_ts": int(now)}
            case "GET", "profit":
                profit = dict.fromkeys(("profit_closed_coin", "profit_closed_ratio", "profit_all_coin"), 0.0)
                counts = dict.fromkeys(("closed_trade_count", "winning_trades", "losing_trades"), 0)
                return 200, {**profit, **counts, "profit_all_ratio": 0.0, "trade_count": self.trades}
            case "GET", "daily":
                return 200, {"data": [], "stake_currency": self.config["stake_currency"]}
            case "GET", "balance":
                return 200, {"currencies": [], "total": 1000.0, "starting_capital": 1000.0}
            case "GET", "trades":
                return 200, {"trades": [], "trades_count": 0, "offset": 0, "total_trades": 0}
            case "GET", "logs":
                return 200, {"log_count": 0, "logs": []}
            case "POST", "pause":
                self.state = "paused"
                return 200, {
                    "status": "paused, no more entries will occur from now. Run /start to enable entries."
                }
            case "POST", "start" if self.refusals > 0:
                self.refusals -= 1
                witness("REFUSED")
                return 502, {"error": "Error querying /api/v1/start: not now"}
            case "POST", "start":
                self.state = "running"
                return 200, {"status": "starting trader ..."}
            case "POST", "forceexit":
                if self.faults.get("closes", True):
                    self.trades = 0
                return 200, {"result": "Created exit orders for all open trades."}
        return 404, {"detail": "Not Found"}


class Handler(BaseHTTPRequestHandler):
    engine: Engine
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0].removeprefix("/api/v1/")
        if self.engine.faults.get("hangs"):
            time.sleep(3600)
        if self.headers.get("Authorization") != self.engine.authorization:
            status, answer = 401, {"detail": "Unauthorized"}
        else:
            status, answer = self.engine.answer(self.command, path)
            if self.command == "POST" and status == 200:
                witness(path.upper())
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Freqtrade's server says nothing either."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked has gone."""


def main() -> None:
    doubled = others()
    witness("BEGIN")
    if doubled:
        witness("DOUBLE")
    engine = Engine()
    faults = engine.faults
    # Before the first line of the log: whoever reads it may end the engine.
    if faults.get("deaf_to_term"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: leave(130))
    log("freqtrade 2026.9", logger="freqtrade")
    for line in faults.get("says", []):
        log(line)
    if faults.get("config_error"):
        log(
            "Configuration error: 'timeframe' is a required property\nPlease make sure to review.",
            "ERROR",
            "freqtrade",
        )
        leave(0)
    if faults.get("no_markets"):
        log(
            "Could not load markets, therefore cannot start. Please investigate the above error.",
            "ERROR",
            "freqtrade",
        )
        leave(2)
    if faults.get("disk_full"):
        log(
            'Fatal exception!\nTraceback (most recent call last):\n  File "main.py", line 9, in main\n'
            "OSError: [Errno 28] No space left on device",
            "ERROR",
            "freqtrade",
        )
        leave(1)
    if seconds := faults.get("crash_after"):
        threading.Timer(seconds, leave, [1]).start()
    while faults.get("never_ready"):
        time.sleep(1)
    Handler.engine = engine
    server = Server(("127.0.0.1", engine.config["api_server"]["listen_port"]), Handler)
    log("Changing state to: RUNNING")
    server.serve_forever()


if __name__ == "__main__":
    main()
