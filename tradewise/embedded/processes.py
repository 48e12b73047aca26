"""Processes that are recorded on disk, so that exactly these can be ended later, by anybody.

A process is known by its id **and** its start time: an id alone is used again by the kernel, and
killing whatever bears it today would end a stranger. A record also names the directory it was
made in, so that a copied checkout does not end the processes of the original.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tradewise.embedded.service_account import Account, hand_over

# How Python and PostgreSQL name the cause of an end; what follows it is mostly about cleaning up.
_CAUSE = re.compile(r"^[A-Za-z_.]+(Error|Exception|ImproperlyConfigured)\b|\bFATAL:")

# Popen objects of servers that are meant to outlive us. Keeping them alive here silences Python's
# "still running" warning, and lets alive() collect the exit status of one that has died.
_started: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Process:
    """A process as the kernel knows it: `started` is in clock ticks since boot."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        if self.pid in _started and _started[self.pid].poll() is not None:
            del _started[self.pid]
        return start_time(self.pid) == self.started

    def signal(self, number: int) -> None:
        """Send a signal to this process, and to nobody else who got its id meanwhile."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when there is none, or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before the bracket may contain anything
    return None if fields[0] in "ZX" else int(fields[19])


def identity(directory: Path) -> str:
    """What tells this directory from a copy of it; moving it keeps it."""
    status = directory.stat()
    return f"{status.st_dev}:{status.st_ino}"


def launch(
    command: Sequence[str | Path],
    *,
    log: Path,
    account: Account | None = None,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
) -> Process:
    """Start a process in a session of its own, writing to `log`, which its owner alone may read."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        os.fchmod(out.fileno(), 0o600)
        child = subprocess.Popen(  # noqa: S603 - the commands are ours
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=cwd,
            env=environment,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    hand_over(log)
    _started[child.pid] = child
    # 0 when it is dead already: no living process has that start time.
    return Process(child.pid, start_time(child.pid) or 0)


def record(directory: Path, name: str, process: Process) -> None:
    """Remember a process under `directory/run/NAME.json`."""
    path = directory / "run" / f"{name}.json"
    draft = path.with_suffix(".new")
    content = {
        "pid": process.pid,
        "started": process.started,
        "directory": identity(directory),
        "boot": boot_id(),
    }
    draft.write_text(json.dumps(content), encoding="utf-8")
    hand_over(draft)
    draft.replace(path)


def recorded(directory: Path, name: str) -> Process | None:
    """The living process that was recorded under this name, if there is one."""
    try:
        content = json.loads((directory / "run" / f"{name}.json").read_text(encoding="utf-8"))
        process = Process(int(content["pid"]), int(content["started"]))
        ours = content["directory"] == identity(directory) and content["boot"] == boot_id()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if ours and process.alive() else None


def forget(directory: Path, name: str) -> None:
    """Drop the record of a process that has ended."""
    (directory / "run" / f"{name}.json").unlink(missing_ok=True)


def end(processes: Iterable[Process], steps: Sequence[tuple[int, float]]) -> bool:
    """Send each signal and wait for its seconds, until all are gone. Whether they are.

    Example of steps: `[(signal.SIGTERM, 10), (signal.SIGKILL, 5)]`.
    """
    left = [process for process in processes if process.alive()]
    for number, seconds in steps:
        for process in left:
            process.signal(number)
        left = wait_for_end(left, seconds)
        if not left:
            return True
    return not left


def wait_for_end(processes: Iterable[Process], seconds: float) -> list[Process]:
    """Those that are still alive after at most so many seconds."""
    deadline = time.monotonic() + seconds
    left = list(processes)
    while left := [process for process in left if process.alive()]:
        if time.monotonic() >= deadline:
            break
        time.sleep(0.02)
    return left


def working_in(directory: Path) -> list[Process]:
    """The processes whose working directory is this one (PostgreSQL's: its data directory)."""
    wanted = str(directory.resolve())
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if str((entry / "cwd").readlink()) == wanted:
                pid = int(entry.name)
                found.append(Process(pid, start_time(pid) or 0))
    return [process for process in found if process.started]


def members_of_session(leader: int) -> list[Process]:
    """The living processes of the session that this process leads or led."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] not in "ZX":
                found.append(Process(int(entry.name), int(fields[19])))
    return found


def last_line(log: Path) -> str:
    """What a log says last, at most 300 characters: the cause, where one stands near the end."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    except OSError:
        return ""
    spoken = [line[:300] for line in reversed(lines) if line]
    causes = (line for line in spoken[:40] if _CAUSE.search(line))
    return next(causes, spoken[0] if spoken else "")


def rotate(log: Path, limit: int = 10_000_000) -> None:
    """Put a log of more than `limit` bytes aside; one older one is kept."""
    if log.exists() and log.stat().st_size > limit:
        log.replace(log.with_suffix(".1.log"))


def boot_id() -> str:
    """Start times count from boot: a record from before a restart of the machine says nothing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


TERMINATE_THEN_KILL = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
