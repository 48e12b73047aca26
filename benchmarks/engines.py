"""What bots that TradeWise runs cost: five real Freqtrade engines on this machine, launched together, then idle.

A worker's tick loop runs in a process of its own, as `tw_worker`; the bots are started by the site's own service, as
`tw_app`. They trade three pairs of one-minute candles on the simulated exchange: "idle" is that nobody asks for
anything.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks import scratch
from benchmarks.report import record

DATABASE: Final = "bench_engines"
TENANT: Final = "00000000-0000-4000-8000-00000000e001"
BOTS: Final = 5
ROUNDS: Final = 3
IDLE_SECONDS: Final = 60
SETTLE_SECONDS: Final = 20
FIRST_PORT: Final = 18700
DIRECTORY: Final = scratch.VAR / "bots"
MOST_SECONDS, MOST_CPU = 60.0, 2.0
CONFIG: Final[dict[str, Any]] = {
    "strategy": "dca",
    "exchange": "binance",
    "stake_currency": "USDT",
    "pairs": ["BTC/USDT", "ETH/USDT", "SOL/USDT"],
    "timeframe": "1m",
    "parameters": {},
}


def main() -> None:
    """Start everything, measure, and end everything."""
    from tradewise.simulation import installation
    from tradewise.simulation.exchange_process import ExchangeProcess

    if not installation.is_installed():
        print("Freqtrade is not installed: python -m tradewise.running.install_engine")
        return
    scratch.start()
    scratch.make_database(DATABASE)
    exchange = ExchangeProcess()
    exchange.start()
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    environment = {
        "TRADEWISE_DATABASE": DATABASE,
        "BOT_HOST": "bench",
        "BOT_PORTS": f"{FIRST_PORT}-{FIRST_PORT + 19}",
        "BOT_DIRECTORY": str(DIRECTORY),
        "BOT_SIMULATED_EXCHANGE": exchange.url,
        "BOT_ENGINES_PER_TENANT": str(BOTS),
    }
    os.environ.update(environment)
    worker = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.engines", "worker"],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tradewise.settings.worker"},
        cwd=scratch.ROOT,
    )
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradewise.settings.trader"
    try:
        measure()
    finally:
        worker.terminate()
        worker.wait()
        end_engines()
        exchange.stop()
        shutil.rmtree(DIRECTORY, ignore_errors=True)


def work() -> None:
    """The worker: ticks every two seconds as beat does, and sweeps."""
    import django

    django.setup()
    from bots.health.sweep import sweep
    from bots.reconciler import reconcile
    from tradewise.secrets.keyring import ensure_keys

    ensure_keys(scratch.VAR / "keys")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        began = time.monotonic()
        reconcile()
        sweep()
        time.sleep(max(0.0, 2.0 - (time.monotonic() - began)))


def measure() -> None:
    """Rounds of five, started together; the last ones stay up and are looked at."""
    import django

    django.setup()
    with psycopg.connect(scratch.dsn("tw_admin", DATABASE), autocommit=True) as admin:
        admin.execute(
            "INSERT INTO users (id, email, hashed_password, tenant_id) VALUES (1001, 'bench@example.com', '!', %s)",
            [TENANT],
        )
        wait(lambda: admin.execute("SELECT count(*) FROM engine_places").fetchone()[0] >= BOTS, "the machine")  # type: ignore[index]
        bots = [make(number) for number in range(BOTS)]
        seconds = [until_up(admin)]
        for _ in range(ROUNDS - 1):
            stop_all(bots)
            wait(lambda: phases(admin) == {"off"}, "all are off")
            start_all(bots)
            seconds.append(until_up(admin))
        longest = max(seconds)
        record(
            "five engines at once, all are up", longest, "s", f"<= {MOST_SECONDS:g}", longest <= MOST_SECONDS
        )
        record("five engines at once, median of rounds", statistics.median(seconds), "s")
        look(bots)


def make(number: int) -> Any:
    """A bot, started as a page does it."""
    from accounts.models import User
    from bots.enums import Mode
    from bots.services import running
    from bots.strategies import kinds
    from tradewise.tenancy.context import tenant_context

    wanted = running.Wanted(f"Bot {number}", kinds.parse(CONFIG), Decimal(2000), Mode.SIMULATED)
    with tenant_context(TENANT, actor="1001"):
        return running.launch_bot(actor=User.objects.get(pk=1001), wanted=wanted)


def start_all(bots: list[Any]) -> None:
    """One after the other, at once."""
    from accounts.models import User
    from bots.services import running
    from tradewise.tenancy.context import tenant_context

    for bot in bots:
        with tenant_context(TENANT, actor="1001"):
            running.start(actor=User.objects.get(pk=1001), bot=bot)


def stop_all(bots: list[Any]) -> None:
    """At once."""
    from accounts.models import User
    from bots.enums import StopWay
    from bots.services import running
    from tradewise.tenancy.context import tenant_context

    for bot in bots:
        with tenant_context(TENANT, actor="1001"):
            running.stop(actor=User.objects.get(pk=1001), bot=bot, way=StopWay.NOW)


def phases(admin: "psycopg.Connection[Any]") -> set[str]:
    """What the reconciler says of them."""
    return {phase for (phase,) in admin.execute("SELECT phase FROM bot_engines")}


def until_up(admin: "psycopg.Connection[Any]") -> float:
    """Seconds from now on until all are up."""
    began = time.monotonic()
    wait(lambda: phases(admin) == {"up"}, "all are up")
    return time.monotonic() - began


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory in MB and processor seconds of an engine."""

    memory: float
    resident: float
    cpu: float


def look(bots: list[Any]) -> None:
    """What each engine uses while nobody asks for anything."""
    time.sleep(SETTLE_SECONDS)
    before = [sample(bot.bot_id) for bot in bots]
    time.sleep(IDLE_SECONDS)
    after = [sample(bot.bot_id) for bot in bots]
    shares = [100 * (b.cpu - a.cpu) / IDLE_SECONDS for a, b in zip(before, after, strict=True)]
    highest = max(shares)
    record("idle engine, most of one core", highest, "%", f"< {MOST_CPU:g}", highest < MOST_CPU)
    record("idle engine, median", statistics.median(shares), "%")
    for number, one in enumerate(after, 1):
        record(f"memory of engine {number} (proportional)", one.memory, "MB")
    record("memory of an engine, resident, median", statistics.median(one.resident for one in after), "MB")


def sample(bot_id: str) -> Sample:
    """By the runtime itself, and the resident size beside it."""
    from bots.runtimes.process import ProcessRuntime

    runtime = ProcessRuntime(DIRECTORY)
    used = runtime.usage(bot_id)
    assert used is not None
    pid = int(runtime.look(bot_id).handle.split(":")[0])
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Sample(used.memory / 2**20, pages * os.sysconf("SC_PAGE_SIZE") / 2**20, used.cpu)


def wait(is_so: Any, what: str, seconds: float = 120) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


def end_engines() -> None:
    """Every engine that was started here, by its lock."""
    from bots.runtimes.process import ProcessRuntime

    runtime = ProcessRuntime(DIRECTORY)
    for bot_id in runtime.present():
        runtime.end(bot_id)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(runtime.look(bot_id).alive for bot_id in runtime.present()):
        time.sleep(0.2)
    for bot_id in runtime.present():
        runtime.end(bot_id, by_force=True)


if __name__ == "__main__":
    work() if sys.argv[1:] == ["worker"] else main()
