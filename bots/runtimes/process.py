"""Engines as processes of this machine: Freqtrade's own virtual environment, one directory, port and log for each bot.

An engine's environment is empty but for what it needs, and its secrets are nowhere else. It outlives the worker that
started it; `launcher` says why there can never be two for one bot.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bots.runtimes import launcher
from bots.runtimes.base import BOT_ID, Launch, RuntimeRefused, Seen, Usage
from tradewise.embedded.processes import Process, boot_id, start_time
from tradewise.env import ROOT
from tradewise.simulation import configuration
from tradewise.simulation.engine import port_is_free
from tradewise.simulation.installation import ENVIRONMENT, executable

#: The longest that a launcher may take; the engine is not ready then, it has only begun.
_LAUNCH_SECONDS: Final = 10.0
_LOG: Final = "freqtrade.log"
_LOG_BYTES: Final = 256 * 1024
_CONSOLE_BYTES: Final = 1_000_000
#: What a directory of a bot that is gone is renamed to, and for how long it is kept.
_ASIDE: Final = ".gone-"
_ASIDE_SECONDS: Final = 7 * 24 * 3600
#: Set by `make run`, so that Ctrl-C ends the engines too.
_MARK: Final = "TRADEWISE_RUN"
_NEVER_WRITTEN: Final = {
    errno.ENOSPC: "The disk of the machine is full, so the engine could not be started.",
    errno.EDQUOT: "The disk of the machine is full, so the engine could not be started.",
}
TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessRuntime:
    """See `bots.runtimes.base.Runtime`. `directory` holds the bots' directories, `environment` is Freqtrade's."""

    directory: Path
    environment: Path = ENVIRONMENT
    name: str = "process"

    def launch(self, order: Launch) -> Seen:
        """Begin the engine. Raises RuntimeRefused."""
        there = self.look(order.bot_id)
        if there.alive:
            return there
        program = executable(self.environment)
        if not program.is_file():
            raise RuntimeRefused("Freqtrade is not installed on the machine, so no engine can start there.")
        if not port_is_free(order.port):
            raise RuntimeRefused(
                f"Another program of the machine has taken the port {order.port} of this bot."
            )
        own = self._own(order.bot_id)
        try:
            self._prepare(own, order)
            done = self._run_launcher(own, order, program)
        except OSError as error:
            raise RuntimeRefused(
                _NEVER_WRITTEN.get(error.errno or 0, "The engine could not be started.")
            ) from None
        except subprocess.TimeoutExpired:
            raise RuntimeRefused("The machine is too busy to start an engine.") from None
        if done.returncode not in (0, launcher.TAKEN):
            full = "No space left" in done.stdout
            raise RuntimeRefused(_NEVER_WRITTEN[errno.ENOSPC] if full else "The engine could not be started.")
        return self.look(order.bot_id)

    def _own(self, bot_id: str) -> Path:
        return self.directory.resolve() / bot_id

    def _prepare(self, own: Path, order: Launch) -> None:
        for folder in (self.directory, own, own / "user_data"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration.write(own / "config.json", order.config)
        # What a former engine said last must not be taken for this one's words.
        log = own / _LOG
        if log.exists():
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{BEGIN}\n")

    def _run_launcher(self, own: Path, order: Launch, program: Path) -> "subprocess.CompletedProcess[str]":
        script = str(Path(launcher.__file__).resolve())
        command = [str(program), *arguments(own, order)]
        return subprocess.run(  # noqa: S603 - the command is ours
            [sys.executable, "-S", "-E", script, str(own), *command],
            env=variables(own, order),
            cwd=own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            timeout=_LAUNCH_SECONDS,
            check=False,
        )

    def look(self, bot_id: str) -> Seen:
        """Whether the lock is held, and by whom."""
        try:
            with (self._own(bot_id) / launcher.LOCK).open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return Seen(alive=True, handle=_handle(file.read()))
                return Seen(alive=False, ended_with_machine=_is_of_another_run(file.read()))
        except (FileNotFoundError, NotADirectoryError):
            return Seen(alive=False)
        except OSError as error:
            raise RuntimeRefused(f"The lock of the engine cannot be read: {error.strerror}.") from None

    def _process(self, bot_id: str) -> Process | None:
        """The engine's process; None where there is none, or where it has not written who it is yet."""
        seen = self.look(bot_id)
        if not seen.handle:
            return None
        pid, started, _ = seen.handle.split(":")
        process = Process(int(pid), int(started))
        return process if process.alive() else None

    def end(self, bot_id: str, *, by_force: bool = False) -> None:
        """SIGTERM, or SIGKILL."""
        process = self._process(bot_id)
        if process is not None:
            process.signal(signal.SIGKILL if by_force else signal.SIGTERM)

    def usage(self, bot_id: str) -> Usage | None:
        """From `/proc`: the proportional share of memory, and user and system time."""
        process = self._process(bot_id)
        if process is None:
            return None
        try:
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
            stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        memory = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
        fields = stat.rpartition(")")[2].split()
        return Usage(memory * 1024, (int(fields[11]) + int(fields[12])) / TICKS)

    def ended_because(self, _bot_id: str) -> str:
        """The kernel tells nobody but a parent, and an engine has none."""
        return ""

    def log(self, bot_id: str, lines: int = 200) -> list[str]:
        """Of Freqtrade's own log since the last start; of what it printed where it did not come so far."""
        own = self._own(bot_id)
        found = _tail(own / _LOG)
        while BEGIN in found:
            found = found[found.index(BEGIN) + 1 :]
        return (found or _tail(own / launcher.CONSOLE))[-lines:]

    def present(self) -> set[str]:
        """Names of directories. What was put aside for long, and what an engine printed in weeks, goes meanwhile."""
        try:
            entries = [entry for entry in self.directory.iterdir() if entry.is_dir()]
        except OSError:
            return set()
        for entry in entries:
            if entry.name.startswith(_ASIDE) and time.time() - entry.stat().st_mtime > _ASIDE_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)
            _cut_off(entry / launcher.CONSOLE)
        return {entry.name for entry in entries if BOT_ID.fullmatch(entry.name)}

    def remove(self, bot_id: str) -> None:
        """Put the directory aside, where it stays for a week: trades are not lost by one wrong click."""
        if self.look(bot_id).alive:
            raise RuntimeRefused("The engine still runs.")
        own = self._own(bot_id)
        aside = own.with_name(f"{_ASIDE}{time.time_ns()}-{bot_id}")
        with contextlib.suppress(FileNotFoundError):
            own.rename(aside)
            os.utime(aside)


#: Stands in a log where the next engine begins.
BEGIN: Final = "--- started by TradeWise ---"


def arguments(own: Path, order: Launch) -> list[str]:
    """Freqtrade's command line, without any secret: everybody on the machine may read it."""
    return [
        "trade",
        *(["--dry-run"] if order.config["dry_run"] else []),
        "--no-color",
        *("--config", str(own / "config.json")),
        *("--userdir", str(own / "user_data")),
        *("--strategy", str(order.config["strategy"])),
        *("--strategy-path", str(ROOT / "bots" / "strategies" / "engine")),
        *("--db-url", f"sqlite:///{own / order.database}"),
        *("--logfile", str(own / _LOG)),
    ]


def variables(own: Path, order: Launch) -> dict[str, str]:
    """The engine's whole environment. `PYTHONPATH` leads to the parameters that its strategy shares with the site."""
    mark = {_MARK: os.environ[_MARK]} if _MARK in os.environ else {}
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(own),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),
        **mark,
        **order.secrets,
    }


def _handle(content: bytes) -> str:
    """`pid:start:boot` of who holds the lock; empty while it is being written."""
    try:
        told: dict[str, Any] = json.loads(content)
        handle = f"{int(told['pid'])}:{int(told['started'])}:{told['boot']}"
    except (ValueError, KeyError, TypeError):
        return ""
    return handle if start_time(int(told["pid"])) == told["started"] else ""


def _is_of_another_run(content: bytes) -> bool:
    """Whether the engine that was there began before the machine, or `make run`, was started last."""
    try:
        told: dict[str, Any] = json.loads(content)
        then = told["boot"], told.get("run", "")
    except (ValueError, KeyError, TypeError):
        return False
    return then != (boot_id(), os.environ.get(_MARK, ""))


def _cut_off(console: Path) -> None:
    """What Freqtrade prints beside its log, which takes turns by itself, would fill the disk in the end."""
    with contextlib.suppress(OSError):
        if console.stat().st_size > _CONSOLE_BYTES:
            os.truncate(console, 0)


def _tail(file: Path) -> list[str]:
    try:
        with file.open("rb") as opened:
            start = max(0, file.stat().st_size - _LOG_BYTES)
            opened.seek(start)
            if start:
                opened.readline()  # the rest of a line: half a secret is not recognised as one
            return [line for line in opened.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return []
