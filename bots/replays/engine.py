"""One Freqtrade process that replays configurations, one after the other, and the exchange that it asks for markets."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tradewise.simulation import installation
from tradewise.simulation.dialect import Dialect
from tradewise.simulation.history import Stretch, milliseconds
from tradewise.simulation.market import Market
from tradewise.simulation.server import Exchange

_PATIENCE = 10.0  # seconds in which the process ends once its input has


class ReplayFailed(Exception):  # noqa: N818 - told to whoever asked
    """Freqtrade could not replay it; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """A filled order. `fee` is a fraction of its cost."""

    at: datetime
    buys: bool
    price: Decimal
    amount: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class ReplayedTrade:
    """As Freqtrade tells of a trade that is closed; `profit` is after fees."""

    pair: str
    opened_at: datetime
    closed_at: datetime
    stake: Decimal
    open_rate: Decimal
    close_rate: Decimal
    profit: Decimal
    ratio: Decimal
    reason: str
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of the starting balance. At the end Freqtrade sells what is still held."""

    starting: Decimal
    final: Decimal
    trades: tuple[ReplayedTrade, ...]


@dataclass
class ReplayEngine:
    """Ask for several, then take the answers in the same order."""

    directory: Path
    exchange_url: str
    #: The candles that were provided begin with this day.
    first: date
    process: "subprocess.Popen[str]"

    def provide(self, pair: str, candles: Stretch) -> None:
        """Prices of a pair, before the first question about it."""
        candles.write(self.directory / pair.replace("/", "_"))

    def ask(self, config: dict[str, Any], first: date, days: int) -> None:
        """Replay Freqtrade's configuration on these whole days. Raises ReplayFailed where nobody listens."""
        job = {
            "directory": str(self.directory),
            "config": config,
            "first": milliseconds(self.first),
            "start": milliseconds(first),
            "end": milliseconds(first + timedelta(days=days)),
        }
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise ReplayFailed(self._last_words()) from None

    def answer(self) -> Replay:
        """The next one. Raises ReplayFailed."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise ReplayFailed(self._last_words())
        told = json.loads(line, parse_float=Decimal)
        if "error" in told:
            raise ReplayFailed(told["error"])
        trades = sorted(map(_trade, told["trades"]), key=lambda trade: (trade.opened_at, trade.pair))
        return Replay(Decimal(told["starting_balance"]), Decimal(told["final_balance"]), tuple(trades))

    def _last_words(self) -> str:
        lines = (self.directory / "log").read_text(encoding="utf-8", errors="replace").split("\n")
        return (
            f"Freqtrade ended: {next((line for line in reversed(lines) if line.strip()), 'without a word')}"[
                :500
            ]
        )


@contextmanager
def replay_engine(first: date) -> Iterator[ReplayEngine]:
    """Freqtrade at low priority, for the length of the block. Raises ReplayFailed where it is not installed."""
    if not installation.is_installed():
        raise ReplayFailed(
            "Freqtrade is not installed. `python -m tradewise.running.install_engine` does it, in about a minute."
        )
    with TemporaryDirectory(prefix="replays-", ignore_cleanup_errors=True) as name, _exchange() as url:
        directory = Path(name)
        (directory / "user_data").mkdir()
        with (directory / "log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(  # noqa: S603 - the command is ours
                [str(installation.ENVIRONMENT / "bin" / "python"), "-m", "bots.replays.runner"],
                env=_environment(directory),
                cwd=installation.ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        try:
            yield ReplayEngine(directory, url, first, process)
        finally:
            _end(process)


@contextmanager
def _exchange() -> Iterator[str]:
    """Freqtrade wants to know the markets and their fees, also of a backtest."""
    with Exchange(("127.0.0.1", 0), Dialect(Market())) as exchange:
        thread = threading.Thread(target=exchange.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{exchange.port}"
        finally:
            exchange.shutdown()
            thread.join()


def _environment(directory: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("TRADEWISE_RUN",) if name in os.environ}
    return {
        "PATH": os.defpath,
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(installation.ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        **kept,
    }


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        # What was not read by a process that has ended.
        with suppress(OSError):
            assert pipe is not None
            pipe.close()


def _trade(told: dict[str, Any]) -> ReplayedTrade:
    return ReplayedTrade(
        pair=str(told["pair"]),
        opened_at=_moment(told["opened"]),
        closed_at=_moment(told["closed"]),
        reason=str(told["reason"]),
        orders=tuple(map(_order, told["orders"])),
        **{name: Decimal(told[name]) for name in ("stake", "open_rate", "close_rate", "profit", "ratio")},
    )


def _order(told: dict[str, Any]) -> Order:
    numbers: Sequence[Decimal] = [Decimal(told[name]) for name in ("price", "amount", "fee")]
    return Order(_moment(told["at"]), bool(told["buys"]), *numbers)


def _moment(milliseconds_: int) -> datetime:
    return datetime.fromtimestamp(milliseconds_ // 1000, UTC)
