"""The reconciler of a machine of its own, as `tw_worker`, and traders who start bots by the site's services."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from bots.enums import Mode, StopWay
from bots.health.sweep import sweep
from bots.models import Bot, BotEngine
from bots.reconciler import Report, reconcile
from bots.reconciler.machine import Machine
from bots.reconciler.tidying import tidy
from bots.runtimes.process import ProcessRuntime
from bots.services import running
from bots.strategies import kinds
from tests.audit.world import sql
from tests.logins import as_login
from tests.ports import free_ports
from tradewise.embedded import processes
from tradewise.env import var_directory
from tradewise.secrets import keyring
from tradewise.simulation import installation
from tradewise.simulation.exchange_process import ExchangeProcess
from tradewise.tenancy.context import tenant_context


@pytest.fixture(scope="session", autouse=True)
def _keys() -> None:
    keyring.ensure_keys(var_directory() / "keys")
    keyring.forget()


#: Parameters that trade within a minute or two on a wild simulated exchange.
QUICK: dict[str, dict[str, Any]] = {
    "dca": {
        "strategy": "dca",
        "exchange": "binance",
        "stake_currency": "USDT",
        "pairs": ["BTC/USDT", "ETH/USDT", "SOL/USDT"],
        "timeframe": "1m",
        "parameters": {
            "base_order": 50,
            "safety_order": 50,
            "max_safety_orders": 2,
            "price_deviation_pct": 0.3,
            "take_profit_pct": 0.4,
        },
    },
    "momentum": {
        "strategy": "momentum",
        "exchange": "binance",
        "stake_currency": "USDT",
        "pairs": ["BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT", "XRP/USDT"],
        "timeframe": "1m",
        "parameters": {
            "fast": 2,
            "slow": 3,
            "rsi_period": 2,
            "rsi_max": 99,
            "stake": 50,
            "max_open_trades": 5,
            "take_profit_pct": 0.4,
            "stop_loss_pct": 0.8,
        },
    },
}


@dataclass
class Fleet:
    """A machine, the trader whose bots it runs, and what stands in the database."""

    machine: Machine
    runtime: ProcessRuntime
    trader: User
    settings: Any
    bots: list[Bot] = field(default_factory=list)
    #: Every engine is due at every look of `until`, so that nothing waits for its turn.
    hurries: bool = False

    def tick(self) -> Report:
        """One tick of the reconciler, as the worker."""
        with as_login("tw_worker"):
            return reconcile(self.machine, self.runtime)

    def sweep(self) -> None:
        """One sweep of the health checks, as the worker."""
        with as_login("tw_worker"):
            sweep()

    def tidy(self) -> None:
        """What a tick does once a minute."""
        with as_login("tw_worker"):
            tidy(self.machine, self.runtime)

    def launch(
        self,
        kind: str = "dca",
        *,
        name: str = "Quick",
        mode: Mode = Mode.SIMULATED,
        allocation: int = 1000,
        config: dict[str, Any] | None = None,
        template_id: str = "",
        **changes: Any,
    ) -> Bot:
        """Make a bot and start it, as the site does; `changes` replace members of its configuration."""
        config = {**(config or QUICK[kind]), **changes}
        wanted = running.Wanted(name, kinds.parse(config), Decimal(allocation), mode, template_id)
        with tenant_context(self.trader.tenant_id, actor=str(self.trader.pk)):
            bot = running.launch_bot(actor=self.trader, wanted=wanted)
        self.bots.append(bot)
        return bot

    def start(self, bot: Bot) -> None:
        with tenant_context(self.trader.tenant_id, actor=str(self.trader.pk)):
            running.start(actor=self.trader, bot=bot)

    def stop(self, bot: Bot, way: StopWay = StopWay.NOW) -> None:
        with tenant_context(self.trader.tenant_id, actor=str(self.trader.pk)):
            running.stop(actor=self.trader, bot=bot, way=way)

    def row(self, bot: Bot) -> Any:
        """The bot and its engine as they are now; columns of both."""
        found = self.sql(
            "SELECT b.*, e.phase, e.attempts, e.failure, e.stop_way, e.revision, e.running_revision, e.memory, "
            "e.cpu_seconds, e.handle, e.host, e.log_lines, e.log_taken_at, e.ready_at, e.launched_at, "
            "(SELECT array_agg(sentence ORDER BY id) FROM bot_events v WHERE v.bot_id = b.id) AS told, "
            "(SELECT count(*) FROM engine_places p WHERE p.bot_id = b.id) AS places "
            "FROM bots b JOIN bot_engines e ON e.bot_id = b.id WHERE b.id = %s",
            bot.pk,
        )
        return found[0] if found else None

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """One statement as the superuser."""
        return sql(statement, *values)

    def until(
        self, bot: Bot, is_so: Callable[[Any], bool], seconds: float = 180, *, sweeps: bool = False
    ) -> Any:
        """Tick until it is so, and return the row; fails with the row after so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            if self.hurries:
                self.hurry()
            self.tick()
            if sweeps:
                self.sweep()
            row = self.row(bot)
            if is_so(row):
                return row
            assert time.monotonic() < deadline, (
                f"Not within {seconds:.0f} s: {row.status} {row.phase} {row.told}"
            )
            time.sleep(0.05 if self.hurries else 0.2)

    def hurry(self) -> None:
        """Every engine is due now, whatever it waits for."""
        self.sql("UPDATE bot_engines SET next_visit_at = now()")

    def age(self, bot: Bot, seconds: float) -> None:
        """The engine has been in its phase for so many seconds more."""
        self.sql(
            "UPDATE bot_engines SET phase_since = phase_since - %s * interval '1 s', next_visit_at = now() "
            "WHERE bot_id = %s",
            seconds,
            bot.pk,
        )

    def play(self, bot: Bot, **faults: Any) -> None:
        """What the played engine of the bot does from its next start on; see `played_engine`."""
        self.directory(bot).mkdir(parents=True, exist_ok=True)
        (self.directory(bot) / "played.json").write_text(json.dumps(faults))

    def witness(self, bot: Bot) -> list[str]:
        """What its played engines wrote of themselves: BEGIN, END, DOUBLE and what they were asked to do."""
        try:
            lines = (self.directory(bot) / "witness.log").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [line.partition(" ")[0] for line in lines]

    def until_up(self, bot: Bot, seconds: float = 180) -> Any:
        return self.until(bot, lambda row: row.phase == "up", seconds)

    def until_off(self, bot: Bot, seconds: float = 180) -> Any:
        return self.until(bot, lambda row: row.phase == "off", seconds, sweeps=True)

    def pid(self, bot: Bot) -> int:
        """The process id of the bot's engine; 0 without one."""
        handle = self.runtime.look(bot.bot_id).handle
        return int(handle.split(":")[0]) if handle else 0

    def directory(self, bot: Bot) -> Path:
        return self.machine.directory / bot.bot_id

    def engines(self) -> list[int]:
        """Every process that works in a directory of this machine's bots."""
        found = []
        for bot in self.bots:
            found += [process.pid for process in processes.working_in(self.directory(bot))]
        return found


@pytest.fixture
def fleet(
    transactional_db: None,
    freqtrade_venv: Path,
    alice: User,
    exchange: ExchangeProcess,
    tmp_path: Path,
    settings: Settings,
) -> Iterator[Fleet]:
    """A machine with ten places that reports, and its engines; none is left afterwards."""
    machine = machine_with(10, tmp_path / "bots", exchange.url)
    yield from _work(Fleet(machine, ProcessRuntime(machine.directory), alice, settings))


@pytest.fixture
def played(transactional_db: None, alice: User, tmp_path: Path, settings: Settings) -> Iterator[Fleet]:
    """The same with 24 places and engines that are played (`played_engine`), so that they are quick and can fail."""
    machine = machine_with(24, tmp_path / "bots", "http://127.0.0.1:9")
    runtime = ProcessRuntime(machine.directory, environment=played_environment(tmp_path / "freqtrade"))
    yield from _work(Fleet(machine, runtime, alice, settings, hurries=True))


def played_environment(directory: Path) -> Path:
    """Where `bin/freqtrade` is the played engine, finished as the real environment is."""
    program = directory / "bin" / "freqtrade"
    program.parent.mkdir(parents=True)
    # The kernel passes what follows the interpreter as one argument.
    source = Path(__file__).with_name("played_engine.py").read_text()
    program.write_text(f"#!{sys.executable} -SE\n{source}")
    program.chmod(0o755)
    (directory / installation._STAMP).write_text(installation._fingerprint(installation.REQUIREMENTS))
    return directory


def machine_with(places: int, directory: Path, exchange: str) -> Machine:
    """A machine with so many places, on ports that nobody has."""
    ports = free_ports(places)
    return Machine(
        host=f"test-{os.getpid()}-{ports[0]}",
        ports=ports,
        directory=directory,
        memory=330 * places,
        engine_memory=330,
        starts_at_once=2,
        simulated_exchange=exchange,
    )


def _work(fleet: Fleet) -> Iterator[Fleet]:
    machine = fleet.machine
    fleet.settings.BOT_HOST = machine.host
    fleet.settings.BOT_PORTS = f"{machine.ports[0]}-{machine.ports[-1]}"
    fleet.settings.BOT_ENGINES_PER_TENANT = len(machine.ports)
    fleet.tick()
    yield fleet
    for pid in fleet.engines():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def wait_for(look: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"Not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
    return found


__all__ = ["QUICK", "BotEngine", "Fleet", "wait_for"]
