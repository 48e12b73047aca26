"""Ten thousand addresses on loopback that answer as a Freqtrade does, at a fraction of what asking costs.

One process, uvloop and a bare protocol: it must never be what a measurement waits for. It does not look at what
it is asked; every answer is that of `show_config`, with the members and the size of a real one.
"""

import asyncio
import json
import signal
from functools import partial
from typing import Final, cast

import uvloop

#: Addresses, and ports at each of them.
HOSTS: Final = 100
PORTS: Final = 100
FIRST_PORT: Final = 20_100
BOTS: Final = HOSTS * PORTS
#: With hanging bots, every tenth takes the connection and never answers.
EVERY: Final = 10

SHOW_CONFIG: Final = {
    "version": "2026.9", "strategy_version": None, "api_version": 2.5, "dry_run": True,
    "trading_mode": "spot", "margin_mode": "", "short_allowed": False, "stake_currency": "USDT",
    "stake_amount": "100", "available_capital": None, "stake_currency_decimals": 3,
    "max_open_trades": 5.0, "minimal_roi": {"0": 0.1, "60": 0.05, "240": 0.01}, "stoploss": -0.1,
    "stoploss_on_exchange": False, "trailing_stop": False, "trailing_stop_positive": None,
    "trailing_stop_positive_offset": 0.0, "trailing_only_offset_is_reached": False,
    "unfilledtimeout": {"entry": 10, "exit": 10, "unit": "minutes", "exit_timeout_count": 0},
    "order_types": {
        "entry": "limit", "exit": "limit", "emergency_exit": "market", "force_exit": "market",
        "force_entry": "market", "stoploss": "market", "stoploss_on_exchange": False,
    },
    "use_custom_stoploss": False, "timeframe": "5m", "timeframe_ms": 300_000, "timeframe_min": 5,
    "exchange": "binance", "demo_trading": False, "strategy": "SampleStrategy",
    "force_entry_enable": False,
    "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
    "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
    "bot_name": "played", "state": "running", "runmode": "dry_run",
    "position_adjustment_enable": False, "max_entry_position_adjustment": -1,
}  # fmt: skip


def url(number: int) -> str:
    """The address of a bot, from 0 to BOTS - 1."""
    return f"http://{_host(number // PORTS)}:{FIRST_PORT + number % PORTS}"


def allow() -> str:
    """What `EGRESS_ALLOW` must say: these and no others."""
    last = FIRST_PORT + PORTS - 1
    return ",".join(f"{_host(number)}/32:{FIRST_PORT}-{last}" for number in range(HOSTS))


def hangs(number: int) -> bool:
    """Whether a bot is one of those that may hang."""
    return number % EVERY == EVERY - 1


def _host(number: int) -> str:
    return f"127.77.0.{number + 1}"


class Bot(asyncio.Protocol):
    """One connection."""

    answer = b""
    some_hang = False

    def __init__(self, may_hang: bool) -> None:
        self.hangs = may_hang and Bot.some_hang

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        # The head of a GET fits in one packet here.
        if not self.hangs and data.endswith(b"\r\n\r\n"):
            self.transport.write(self.answer)
            self.transport.close()


def change() -> None:
    """Every tenth bot begins to hang, or is well again."""
    Bot.some_hang = not Bot.some_hang
    print("hanging" if Bot.some_hang else "well", flush=True)


def answer() -> bytes:
    """As uvicorn sends it when it is asked to close the connection."""
    body = json.dumps(SHOW_CONFIG, separators=(",", ":")).encode()
    head = (
        "HTTP/1.1 200 OK\r\ndate: Mon, 23 Nov 2026 12:00:00 GMT\r\nserver: uvicorn\r\n"
        f"content-length: {len(body)}\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


async def serve() -> None:
    """Until the process is ended. At first all are well; SIGUSR1 changes that, and it says so."""
    Bot.answer = answer()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, change)
    for number in range(BOTS):
        host = _host(number // PORTS)
        kind = partial(Bot, hangs(number))
        await loop.create_server(kind, host, FIRST_PORT + number % PORTS, backlog=16)
    print("well", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
