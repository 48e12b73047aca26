"""A password that a trader enters is nowhere afterwards but under seal."""

import base64
import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
import pytest
import redis
from django.core import mail
from django.test import Client
from django.utils.html import escape
from django.utils.log import AdminEmailHandler
from psycopg import sql
from pytest_django import Settings

from bots.health.sweep import sweep
from bots.models import Bot, BotFigures
from tests import servers
from tests.adapters.answers import DAILY, PROFIT, SHOW_CONFIG
from tests.factories.bots import BotFactory
from tests.logins import as_login
from tradewise.env import redis_url
from tradewise.secrets import keyring
from tradewise.tenancy.context import tenant_context

USERNAME: Final = "freqtrader"
PASSWORD: Final = 'Canary&7f3a <never> "seen" 100%'
BASIC: Final = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
#: As it would look in a page, in JSON, in an address, in a header and in a repr; parts of it too.
SPELLINGS: Final = [
    spelling.encode()
    for spelling in (
        PASSWORD,
        escape(PASSWORD),
        json.dumps(PASSWORD)[1:-1],
        quote(PASSWORD),
        BASIC,
        "Canary&7f3a",
    )
]


def traces(text: str | bytes) -> list[bytes]:
    """Which spellings of the password stand in `text`."""
    data = text.encode() if isinstance(text, str) else text
    return [spelling for spelling in SPELLINGS if spelling in data]


class Gossip(BaseHTTPRequestHandler):
    """A bot that repeats what it was told, in what it says of itself and in its refusals."""

    answers: Final[dict[str, Any]] = {
        "profit": PROFIT | {"profit_all_coin": 12.5, "trade_count": 0},
        "status": [],
        "daily": DAILY,
        "trades": {"trades": [], "trades_count": 0, "total_trades": 0},
        "health": {"last_process_ts": 4102444800},
        "balance": {"currencies": [], "starting_capital": 990.0},
        "pause": {"status": f"paused for {PASSWORD}"},
        "show_config": SHOW_CONFIG | {"strategy": f"of {PASSWORD}", "bot_name": BASIC, "exchange": PASSWORD},
    }
    is_closed = False

    def _answer(self) -> None:
        told = self.headers.get("Authorization", "")
        name = self.path.partition("?")[0].rpartition("/")[2]
        known = told == f"Basic {BASIC}" and not self.is_closed
        body = json.dumps(self.answers[name] if known else {"detail": f"not {PASSWORD}, not {told}"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Told", told)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - named by the standard library

    def log_message(self, *_: Any) -> None:
        """Its log is the trader's."""


@pytest.fixture
def gossip(settings: Settings) -> Iterator[str]:
    """Where that bot listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gossip)
    settings.EGRESS_ALLOW = f"127.0.0.1/32:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What was logged since, by us at every level and by PostgreSQL."""
    caplog.set_level(logging.DEBUG)
    log = servers.VAR / "log" / "postgres.log"
    begin = log.stat().st_size if log.exists() else 0

    def read() -> str:
        theirs = log.read_bytes()[begin:].decode(errors="replace") if log.exists() else ""
        return caplog.text + theirs

    return read


def connect(browser: Client, url: str, *, path: str = "/connect/", **changes: str) -> Any:
    form = {"url": url, "name": "Holder", "username": USERNAME, "password": PASSWORD, **changes}
    return browser.post(path, form)


def backup() -> bytes:
    """Every row of every table, as the login that makes backups reads them."""
    with psycopg.connect(servers.dsn("tw_backup", servers.process_database())) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        ).fetchall()
        parts: list[bytes] = []
        for (table,) in tables:
            with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as rows:
                parts += [bytes(row) for row in rows]
    return b"".join(parts)


def kept_in_redis() -> bytes:
    """Every value of both logical databases, whoever wrote it."""
    parts: list[bytes] = []
    for number in (0, 1):
        with redis.Redis.from_url(redis_url(number=number)) as client:
            for key in client.scan_iter(count=1000):
                kind = client.type(key)
                value: Any = (
                    client.get(key)
                    if kind == b"string"
                    else client.lrange(key, 0, -1)
                    if kind == b"list"
                    else b""
                )
                parts += [key, value if isinstance(value, bytes) else repr(value).encode()]
    return b"\n".join(parts)


def arguments_of_processes() -> bytes:
    """What everybody on this machine can read."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return b"\n".join(found)


@pytest.mark.django_db(transaction=True)
def test_a_password_is_nowhere_but_under_seal(keys, alice, signed_in, gossip, written, settings, capfd):
    settings.EMAIL_BACKEND = "tradewise.outbox.mail.OutboxBackend"
    pages = [
        connect(signed_in, gossip, password=f"{PASSWORD}x"),  # refused, and repeated in the refusal
        connect(signed_in, "http://169.254.169.254/"),
        connect(signed_in, gossip, username="a:b"),
        connect(signed_in, gossip, intent="test"),
        connect(signed_in, gossip),
        connect(signed_in, gossip),
    ]
    assert [page.status_code for page in pages] == [422, 422, 422, 200, 303, 409]
    with tenant_context(alice.tenant_id):
        bot = Bot.objects.get()
    with as_login("tw_worker"):
        sweep()
    pages += [signed_in.post(f"/bots/{bot.bot_id}/pause/"), signed_in.get("/")]
    pages += [signed_in.get(f"/bots/{bot.bot_id}/{page}") for page in ("", "edit/", "delete/", "stop/")]
    with as_login("tw_worker"):
        sweep()
    with tenant_context(alice.tenant_id):
        assert BotFigures.objects.get().profit_all is not None  # the password was opened and worked
    kept = backup()
    assert str.__str__(bot.api_token).encode() in kept
    assert b"Holder" in pages[-4].content
    for page in pages:
        assert traces(page.content + repr(page.headers).encode()) == []
    assert traces(kept) == []
    assert traces(kept_in_redis()) == []
    assert traces(arguments_of_processes()) == []
    assert traces(written()) == []
    assert traces("".join(capfd.readouterr())) == []


def _pages_of(report: Any) -> list[str]:
    return [content for content, _ in report.alternatives]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/connect/", "/bots/holder/edit/"])
def test_the_report_of_a_fault_holds_no_password(
    keys, alice, signed_in, gossip, written, settings, monkeypatch, path
):
    BotFactory(tenant_id=alice.tenant_id, bot_id="holder")
    settings.ADMINS = [("Ops", "ops@example.com")]
    handler = AdminEmailHandler(
        include_html=True, email_backend="django.core.mail.backends.locmem.EmailBackend"
    )
    log = logging.getLogger("django.request")
    log.addHandler(handler)
    monkeypatch.setenv("SEAL_PUBLIC_KEY", "no key")
    keyring.forget()
    signed_in.raise_request_exception = False
    try:
        answer = connect(signed_in, gossip, path=path)
    finally:
        log.removeHandler(handler)
    assert answer.status_code == 500
    reports = [str(part) for report in mail.outbox for part in (report.body, *_pages_of(report))]
    assert any("give_token" in report and "Local Vars" in report for report in reports)
    assert traces("".join(reports)) == []
    assert traces(answer.content) == []
    assert traces(written()) == []


def test_the_search_finds_what_it_looks_for():
    assert traces(f"password={PASSWORD}")
    assert traces(f"Authorization: Basic {BASIC}")
    assert traces(repr({"password": PASSWORD}))
    assert traces(f"?password={quote(PASSWORD)}")
