"""Servers that go away and come back: Redis under a real worker and beat, PostgreSQL under a real site.

Redis is away for a few seconds and not for a minute: long enough for ticks to be lost and for both processes to
notice, and each second more would only be waited for.
"""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from pytest_django import Settings

from tests import servers
from tests.ports import free_port
from tradewise import embedded
from tradewise.embedded import binaries, processes, redis_server
from tradewise.embedded.service_account import data_home, make_directory, service_account

AWAY = 4.0


def until(told: Callable[[], Any], what: str, *, seconds: float = 45.0) -> Any:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not (answer := told()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)
    return answer


def say(figures: str) -> None:
    """For whoever runs it with -s."""
    sys.stdout.write(f"\n{figures}\n")


@pytest.fixture
def directory() -> Iterator[Path]:
    """For servers of a test's own; every user may enter it, since PostgreSQL is never root."""
    parent = Path(tempfile.mkdtemp(prefix="tradewise-outage-"))
    parent.chmod(0o755)
    var = make_directory(parent / "var")
    yield var
    embedded.stop(var)
    if (var / "servers").is_symlink():
        shutil.rmtree((var / "servers").resolve(), ignore_errors=True)
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture
def spawn(directory: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """`spawn(environment, "-m", …)`: a Python that ends with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
        with (directory / f"{len(started)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env={**os.environ, **environment},
                cwd=servers.ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Redis:
    """A Redis of this test's own, on one port, that can be stopped and started."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port, self.password = directory, port, secrets.token_hex(8)
        self.account = service_account(directory)
        self.home = data_home(directory, self.account)
        self.url = f"redis://:{self.password}@127.0.0.1:{port}/0"
        self.process: processes.Process | None = None

    def start(self) -> None:
        program, log = binaries.redis_program(self.account), self.directory / "redis.log"
        self.process = redis_server.start(
            program, self.home, self.account, self.port, self.password, log, fast=True
        )
        redis_server.wait_until_ready(self.process, self.url, log)

    def stop(self) -> None:
        assert redis_server.stop(self.process)


@pytest.fixture
def own_redis(directory: Path) -> Iterator[Redis]:
    server = Redis(directory, free_port())
    server.start()
    yield server
    redis_server.stop(server.process)


def test_redis_away_stops_no_page_and_checks_resume_when_it_is_back(
    settings: Settings, own_redis, spawn, directory, town, connected, sql, alice, client_of
):
    bot = connected(town.bot().url, name="Watched")
    settings.CACHES = {
        alias: {**options, "LOCATION": f"{own_redis.url.removesuffix('/0')}/1"}
        for alias, options in settings.CACHES.items()
    }
    browser = client_of(alice)
    database = servers.process_database()
    environment = {
        "DJANGO_SETTINGS_MODULE": "tradewise.settings.worker",
        "DATABASE_URL": servers.dsn("tw_app", database),
        "DATABASE_URL_WORKER": servers.dsn("tw_worker", database),
        "REDIS_URL": own_redis.url,
        "SECRET_KEY": "only for this test",
        "EGRESS_ALLOW": settings.EGRESS_ALLOW,
        "BOT_CHECK_INTERVAL": "1",
    }
    celery = ("-m", "celery", "-A", "tradewise.celery:app")
    worker = ("worker", "--pool=prefork", "--concurrency=1", "--without-gossip", "--without-mingle")
    spawn(environment, *celery, *worker)
    spawn(environment, *celery, "beat", "--pidfile=", "--schedule", str(directory / "beat-schedule"))

    def checks() -> int:
        return int(sql.bot(bot).checks)

    until(lambda: checks() > 1, "the first checks")
    own_redis.stop()
    gone = time.monotonic()
    waited = []
    while time.monotonic() < gone + AWAY:
        asked = time.monotonic()
        answer = browser.get("/")
        waited.append(time.monotonic() - asked)
        assert answer.status_code == 200
        assert b"Watched" in answer.content
        time.sleep(0.2)
    assert statistics.median(waited) < 1.5, "no page waits for a cache that is away"
    assert browser.post(f"/bots/{bot.bot_id}/stop/", {"confirm": "1"}).status_code < 400, "nor does a command"
    before = checks()
    own_redis.start()
    back = time.monotonic()
    until(lambda: checks() > before + 1, "checks resume")
    until(lambda: sql.bot(bot).status == "inactive", "the command given meanwhile is carried out")
    say(f"Redis away for {back - gone:.1f} s, checks again after {time.monotonic() - back:.1f} s")


# PostgreSQL.

PREPARE = """
import django; django.setup()
from django.test import Client
from tests.factories.accounts import UserFactory
from tests.factories.bots import BotFactory
from tradewise.tenancy.context import tenant_context
alice = UserFactory(email="alice@example.com")
bot = BotFactory(tenant_id=alice.tenant_id, name="Kept", status="running", health="ok")
client = Client()
with tenant_context(alice.tenant_id):
    client.force_login(alice)
print(client.cookies["session"].value, bot.bot_id, bot.api_url)
"""


class Site:
    """The trader site in a process of its own, on a PostgreSQL of its own."""

    def __init__(self, port: int, session: str, bot_id: str, url: str) -> None:
        self.port, self.bot_id, self.url = port, bot_id, url
        self.csrf = secrets.token_hex(16)
        self.cookies = f"session={session}; csrf={self.csrf}"

    def ask(self, method: str, path: str, **fields: str) -> int:
        """The status of the answer; 0 for none at all."""
        body = urlencode({"csrfmiddlewaretoken": self.csrf, **fields}) if fields else None
        headers = {"Cookie": self.cookies, "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def note(self, text: str) -> int:
        """Write something down about the bot: 303 is the site's word that it is kept."""
        return self.ask("POST", f"/bots/{self.bot_id}/edit/", name="Kept", url=self.url, description=text)


@pytest.fixture
def site(directory: Path, spawn) -> Site:
    embedded.start(directory, fast=False)
    environment = {
        "TRADEWISE_VAR": str(directory),
        "DJANGO_SETTINGS_MODULE": "tradewise.settings.trader",
        "TRADEWISE_DATABASE": "",
        "DJANGO_ALLOW_ASYNC_UNSAFE": "",
    }
    for module, arguments in (
        ("ops", ["manage.py", "migrate", "--skip-checks", "-v0"]),
        ("ops", ["manage.py", "collectstatic", "--no-input", "-v0"]),
        ("trader", ["-c", PREPARE]),
    ):
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": f"tradewise.settings.{module}"},
            cwd=servers.ROOT,
            capture_output=True,
            text=True,
        )
        assert not done.returncode, done.stderr
    port = free_port()
    gunicorn = ("-m", "gunicorn", "tradewise.wsgi:application", "--bind", f"127.0.0.1:{port}")
    spawn(environment, *gunicorn, "--worker-class", "gthread", "--threads", "8", "--no-control-socket")
    site = Site(port, *done.stdout.split())
    until(lambda: site.ask("GET", "/") == 200, "the site is up")
    return site


def crash_and_restart(directory: Path) -> float:
    """PostgreSQL gives up at once, as at a power cut, and is started again; the seconds without it."""
    pid = embedded.status(directory)["postgres"]
    assert pid is not None
    gone = time.monotonic()
    os.kill(pid, signal.SIGQUIT)
    until(lambda: embedded.status(directory)["postgres"] is None, "PostgreSQL is gone")
    # The site's pool waits for 5 s for a connection: a shorter restart is no more than a slow page.
    time.sleep(6)
    embedded.start(directory, fast=False)
    return time.monotonic() - gone


def test_postgres_restarted_means_503_for_the_moment_and_no_acknowledged_write_is_lost(site, directory):
    read: list[int] = []
    written: list[tuple[str, int]] = []
    over = threading.Event()

    def reader() -> None:
        while not over.is_set():
            read.append(site.ask("GET", "/"))
            time.sleep(0.02)

    def writer() -> None:
        while not over.is_set():
            text = f"note {len(written)}"
            written.append((text, site.note(text)))

    threads = [threading.Thread(target=work) for work in (reader, reader, writer)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: sum(status == 303 for _, status in written) > 20, "notes are written")
        away = crash_and_restart(directory)
        until(lambda: read[-5:] == [200] * 5 and written[-1][1] == 303, "the site is well again")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert set(read) == {200, 503}, "503 for the moment, and nothing else"
    statuses = [status for _, status in written]
    assert set(statuses) == {303, 503}
    kept = [text for text, status in written if status == 303]
    assert the_diary(directory) >= len(kept)
    assert the_note(directory) == kept[-1]
    say(
        f"PostgreSQL away for {away:.1f} s: {read.count(503)} of {len(read)} pages 503, {len(kept)} notes kept"
    )


def the_note(directory: Path) -> str:
    return str(_first(directory, "SELECT description FROM bots"))


def the_diary(directory: Path) -> int:
    """Each change that was acknowledged has its line."""
    return int(_first(directory, "SELECT count(*) FROM bot_events WHERE kind = 'changed'"))


def _first(directory: Path, statement: str) -> Any:
    server = json.loads((directory / "embedded.json").read_text())["postgres"]
    with psycopg.connect(
        host=server["host"],
        port=server["port"],
        dbname=server["database"],
        user="tw_admin",
        password=server["passwords"]["tw_admin"],
    ) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]
