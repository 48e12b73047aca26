"""TradeWise whole, as `make run` starts it: both sites, the worker and beat, beside a real Freqtrade.

Loaded with `-p tests.whole`. Every process is one of its own with its own login; their database is that of
this test process, and what they leave behind lies in a directory of its own.
"""

import email
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.policy import default
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from tests import servers
from tradewise.env import ROOT
from tradewise.running import services
from tradewise.running.demo_bot import Demo
from tradewise.running.services import Plan, Service
from tradewise.simulation.engine import DemoBot
from tradewise.simulation.exchange_process import ExchangeProcess

Found = TypeVar("Found")
PARTS = ("trader-site", "staff-site", "worker", "slow-worker", "beat")


def until(look: Callable[[], Found], seconds: float, what: str) -> Found:
    """What `look` finds, as soon as it is anything; fails with `what` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"Not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
    return found


@dataclass
class Whole:
    """A running TradeWise."""

    plan: Plan
    database: str
    #: Ten ports from here are for engines of its own.
    first_port: int = 0
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.plan.site

    def start(self) -> None:
        """Return when all of it is ready."""
        self.run("collectstatic", "--noinput", "-v0", settings="ops")
        parts = [part for part in services.sites_and_workers(self.plan) if part.name in PARTS]
        for part in parts:
            with part.log.open("wb") as log:
                self.processes.append(
                    subprocess.Popen(
                        part.command, env=self.environment(part.environment), stdout=log, stderr=log, cwd=ROOT
                    )
                )
        for part, process in zip(parts, self.processes, strict=True):
            until(partial(self._is_up, part, process), 60, f"{part.name} is ready")

    def _is_up(self, part: Service, process: "subprocess.Popen[bytes]") -> bool:
        assert process.poll() is None, part.log.read_text()[-2000:]
        return part.is_ready()

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def run(self, *arguments: str, settings: str, told: str = "") -> None:
        """A command of manage.py, which reads `told`."""
        command = services.python(str(ROOT / "manage.py"), *arguments)
        environment = self.environment(self.plan.environment(settings))
        subprocess.run(command, env=environment, cwd=ROOT, check=True, input=told.encode())

    def environment(self, given: dict[str, str]) -> dict[str, str]:
        """What `make run` gives, but for the database, and with checks in quick succession."""
        own = {"TRADEWISE_DATABASE": self.database}
        if not servers.EMBEDDED:
            names = {
                "DATABASE_URL": "tw_app",
                "DATABASE_URL_WORKER": "tw_worker",
                "DATABASE_URL_STAFF": "tw_staff",
            }
            own = {name: servers.dsn(login, self.database) for name, login in names.items()}
        quick = {
            "BOT_CHECK_INTERVAL": "3",
            "BOT_PORTS": f"{self.first_port}-{self.first_port + 9}",
            "REDIS_PREFIX": self.database,
            "SECURE": "false",
        }
        return {**given, **own, **quick, "SITE_URL": self.url, "ALLOWED_HOSTS": "127.0.0.1"}

    def code_for(self, address: str) -> str:
        """The code in the newest mail to that address, once the worker has sent one."""

        def newest() -> Path | None:
            return max(self.plan.var.glob(f"mail/*-{address}.eml"), default=None)

        path = until(newest, 15, f"a mail for {address}")
        assert path is not None
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        found = re.search(r"^ {4}(\S+)\s*$", message.get_content(), re.MULTILINE)
        assert found, message.get_content()
        return found.group(1)

    def sql(self, statement: str, *values: Any, login: str = "tw_admin") -> list[Any]:
        """One statement as the superuser, or as another login."""
        with psycopg.connect(
            servers.dsn(login, self.database), autocommit=True, row_factory=namedtuple_row
        ) as connection:
            cursor = connection.execute(statement, values)
            # Rows without a column are rows too: an assertion that there is none has to see them.
            return [] if cursor.rownumber is None else cursor.fetchall()


@pytest.fixture(scope="session")
def trading_bot(freqtrade_bot: Callable[..., DemoBot]) -> DemoBot:
    """The Freqtrade that the whole may dial, and no other address."""
    return freqtrade_bot(username="freqtrader", password="p-correct-horse")


@pytest.fixture(scope="session")
def whole(
    django_db_setup: None,
    trading_bot: DemoBot,
    exchange_process: ExchangeProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Whole]:
    """A TradeWise that runs for the rest of the session."""
    from tests.ports import free_port, free_ports
    from tradewise.secrets.keyring import ensure_keys
    from tradewise.secrets.signing import ensure_signing_keys

    var = tmp_path_factory.mktemp("var")
    for name in ("run", "log", "mail"):
        (var / name).mkdir()
    if servers.EMBEDDED:
        (var / "embedded.json").symlink_to(servers.VAR / "embedded.json")
    ensure_keys(var / "keys")
    ensure_signing_keys(var / "keys")
    demo = Demo(exchange_process.port, trading_bot.port, trading_bot.username, trading_bot.password)
    whole = Whole(
        Plan(var, free_port(), free_port(), demo, "tests"), servers.process_database(), free_ports(10)[0]
    )
    try:
        whole.start()
        yield whole
    finally:
        whole.stop()
