"""Traders who are logged in, and a small server that plays a Freqtrade."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from bots import exchanges
from bots.models import Bot, BotFigures, BotSample, BotTrade
from tests.factories.bots import BotFactory
from tests.logins import as_login
from tradewise.env import var_directory
from tradewise.secrets import keyring
from tradewise.simulation.exchange_process import ExchangeProcess
from tradewise.tenancy.context import tenant_context

USERNAME: Final = "freqtrader"
SECRET: Final = "canary-pa55word-never-shown"


@pytest.fixture(scope="session", autouse=True)
def _keys() -> None:
    """The pair that seals and opens, made where a run has none yet."""
    keyring.ensure_keys(var_directory() / "keys")
    keyring.forget()


@pytest.fixture
def as_alice(alice: User) -> Iterator[None]:
    """Inside her tenant, for tests of services."""
    with tenant_context(alice.tenant_id):
        yield


@pytest.fixture
def client(signed_in: Client) -> Client:
    """Alice's browser."""
    return signed_in


@pytest.fixture
def intruder(mallory: User, client_of: Callable[[User], Client]) -> Client:
    """Mallory's browser."""
    return client_of(mallory)


@pytest.fixture
def running(alice: User) -> Bot:
    """A bot of alice's that runs."""
    return BotFactory(tenant_id=alice.tenant_id, name="Runner", status="running", health="ok")


class Freqtrade:
    """Answers `show_config` as a Freqtrade does, to those who know the password."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {
            "version": "2026.9",
            "strategy": "Demo",
            "exchange": "binance",
            "dry_run": True,
            "stake_currency": "USDT",
            "timeframe": "5m",
            "bot_name": "played",
            "state": "running",
            "runmode": "dry_run",
            "api_version": 2.5,
        }
        self.calls = 0
        self.url = ""

    def answer(self, authorization: str) -> tuple[int, dict[str, Any]]:
        self.calls += 1
        wanted = base64.b64encode(f"{USERNAME}:{SECRET}".encode()).decode()
        if authorization != f"Basic {wanted}":
            return 401, {"detail": "Unauthorized"}
        return 200, self.config


@pytest.fixture
def freqtrade(settings: Settings) -> Iterator[Freqtrade]:
    """A Freqtrade on a port of its own, which the operator has allowed."""
    played = Freqtrade()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, answer = played.answer(self.headers.get("Authorization", ""))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port = server.server_address[1]
    played.url = f"http://127.0.0.1:{port}"
    settings.EGRESS_ALLOW = f"127.0.0.1/32:{port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield played
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def figures(transactional_db: None) -> Callable[..., None]:
    """`figures(bot, profit_all=1)`: what the worker, and nobody else, may write."""

    def write(bot: Bot, **known: Any) -> None:
        _as_worker(BotFigures(tenant_id=bot.tenant_id, bot=bot, **{"taken_at": timezone.now(), **known}))

    return write


@pytest.fixture
def samples(transactional_db: None) -> Callable[..., None]:
    """`samples(bot, [(moment, equity), …])`."""

    def write(bot: Bot, points: list[tuple[datetime, Any]]) -> None:
        _as_worker(
            *(
                BotSample(tenant_id=bot.tenant_id, bot=bot, taken_at=moment, equity=equity)
                for moment, equity in points
            )
        )

    return write


@pytest.fixture
def trades(transactional_db: None) -> Callable[..., None]:
    """`trades(bot, [(number, closed_at), …])`: each of a pair of its own, `PAIR<number>/USDT`."""

    def write(bot: Bot, closed: list[tuple[int, datetime]]) -> None:
        _as_worker(
            *(
                BotTrade(
                    tenant_id=bot.tenant_id,
                    bot=bot,
                    trade_id=number,
                    pair=f"PAIR{number}/USDT",
                    opened_at=moment - timedelta(hours=1),
                    closed_at=moment,
                    profit=1,
                    profit_ratio=0.01,
                )
                for number, moment in closed
            )
        )

    return write


def _as_worker(*rows: Any) -> None:
    with as_login("tw_worker"), tenant_context(rows[0].tenant_id):
        type(rows[0]).across_tenants.bulk_create(rows)


@pytest.fixture
def market(exchange: ExchangeProcess, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> ExchangeProcess:
    """The simulated exchange, in its own part and in that of the real one."""
    port = exchange.url.rsplit(":", 1)[1]
    allowed = [settings.EGRESS_ALLOW] if settings.EGRESS_ALLOW else []
    settings.EGRESS_ALLOW = ",".join([*allowed, f"127.0.0.1/32:{port}"])
    settings.BOT_SIMULATED_EXCHANGE = exchange.url
    monkeypatch.setattr(exchanges, "BINANCE", exchange.url)
    return exchange
