"""A town of played bots behind one real HTTP server, and the worker that sweeps it as `tw_worker`."""

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from pytest_django import Settings

from accounts.models import User
from bots.health.sweep import Plan, Report, sweep
from bots.models import Bot
from bots.models.bot import new_bot_id
from bots.services.tokens import seal_token
from tests import servers
from tests.adapters.answers import DAILY, PROFIT, SHOW_CONFIG
from tests.factories.bots import BotFactory
from tests.logins import as_login
from tradewise.env import var_directory
from tradewise.secrets import keyring

USERNAME: Final = "freqtrader"
PASSWORD: Final = "canary-pa55word-never-shown"
STATES: Final = {"start": "running", "stop": "stopped", "pause": "paused", "reload_config": "reload_config"}


@pytest.fixture(scope="session", autouse=True)
def _keys() -> None:
    keyring.ensure_keys(var_directory() / "keys")
    keyring.forget()


class Played:
    """A bot: what it would answer, and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.password = PASSWORD
        self.state = "running"
        self.hangs = False
        self.delay = 0.0
        self.obeys = True
        self.answers: dict[str, Any] = {
            "profit": PROFIT | {"profit_all_coin": 12.5, "trade_count": 1},
            "status": [],
            "daily": DAILY,
            "trades": {"trades": [], "trades_count": 0, "total_trades": 0},
            "health": {"last_process_ts": 4102444800},
            "balance": {"currencies": [], "starting_capital": 990.0},
        }
        self.config: dict[str, Any] = {}
        self.asked: list[str] = []

    @property
    def commands(self) -> list[str]:
        return [path for path in self.asked if path in STATES]

    def answer(self, path: str, authorization: str) -> tuple[int, Any]:
        self.asked.append(path)
        wanted = base64.b64encode(f"{USERNAME}:{self.password}".encode()).decode()
        if authorization != f"Basic {wanted}":
            return 401, {"detail": "Unauthorized"}
        if path in STATES:
            if self.obeys:
                self.state = STATES[path]
            return 200, {"status": "done"}
        if path == "show_config":
            return 200, SHOW_CONFIG | {"state": self.state} | self.config
        answer = self.answers[path]
        return answer if isinstance(answer, tuple) else (200, answer)


class Town:
    """Many bots behind one port, told apart by the first part of the path."""

    def __init__(self) -> None:
        self.bots: dict[str, Played] = {}
        self.url = ""

    def bot(self) -> Played:
        name = f"b{len(self.bots)}"
        self.bots[name] = Played(f"{self.url}/{name}")
        return self.bots[name]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            target = head.split(" ")[1].partition("?")[0]
            _, name, *_, path = target.split("/")
            played = self.bots[name]
            if played.hangs:
                played.asked.append(path)
                await reader.read()
                return
            if played.delay and path == "show_config":
                await asyncio.sleep(played.delay)
            lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            status, answer = played.answer(path, lines.get("Authorization", ""))
            body = json.dumps(answer).encode()
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@pytest.fixture
def town(settings: Settings) -> Iterator[Town]:
    """Listens on a port of its own, which the operator has allowed; another one, where nobody listens, too."""
    town = Town()
    loop = asyncio.new_event_loop()

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(town.serve, "127.0.0.1", 0, backlog=2000)

    server = loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port = server.sockets[0].getsockname()[1]
    town.url = f"http://127.0.0.1:{port}"
    settings.EGRESS_ALLOW = f"127.0.0.1/32:{port},127.0.0.1/32:9"
    yield town

    def end() -> None:
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_later(0.05, loop.stop)

    loop.call_soon_threadsafe(end)
    thread.join(5)
    loop.close()


class Sql:
    """The database as its superuser sees it, for what a test arranges and looks at."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def __call__(self, statement: str, *values: Any) -> list[Any]:
        cursor = self.connection.execute(statement, values)
        # Rows without a column are rows too: an assertion that there is none has to see them.
        return [] if cursor.rownumber is None else cursor.fetchall()

    def bot(self, bot: Bot) -> Any:
        return self("SELECT * FROM bots WHERE id = %s", bot.pk)[0]

    def make_due(self, *, figures: bool = False) -> None:
        """All bots, at once."""
        self("UPDATE bots SET next_check_at = now()")
        if figures:
            self("UPDATE bots SET next_figures_at = now()")

    def events(self, bot: Bot) -> list[tuple[str, str, str]]:
        rows = self("SELECT kind, status, sentence FROM bot_events WHERE bot_id = %s ORDER BY id", bot.pk)
        return [tuple(row) for row in rows]


@pytest.fixture
def sql(transactional_db: None) -> Iterator[Sql]:
    dsn = servers.admin_dsn(servers.process_database())
    with psycopg.connect(dsn, autocommit=True, row_factory=namedtuple_row) as connection:
        yield Sql(connection)


@pytest.fixture
def connected(transactional_db: None, alice: User) -> Callable[..., Bot]:
    """`connected(url)`: alice's bot at that address, with its password sealed."""

    def connect(url: str, *, password: str = PASSWORD, **columns: Any) -> Bot:
        bot_id = new_bot_id()
        token = seal_token(tenant_id=alice.tenant_id, bot_id=bot_id, url=url, token=f"{USERNAME}:{password}")
        return BotFactory(tenant_id=alice.tenant_id, bot_id=bot_id, api_url=url, api_token=token, **columns)

    return connect


@pytest.fixture
def sweeps(transactional_db: None) -> Callable[..., Report]:
    """One sweep by the worker's login, with short times."""

    def run(**plan: Any) -> Report:
        with as_login("tw_worker"):
            # A bot's next slot seldom lies within the sweep itself: a second check would be right, and counted.
            return sweep(Plan(**{"timeout": 1.0, "concurrency": 50, "interval": 900, **plan}))

    return run
