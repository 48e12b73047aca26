"""Every process of a run bears a random mark in its environment, and so do its children.

That finds them all after the supervisor was killed with -9, and never a stranger: the mark is
random and known to this directory alone.
"""

import contextlib
import json
import os
import signal
from pathlib import Path

from tradewise.embedded import processes
from tradewise.embedded.processes import Process
from tradewise.running.services import MARK

_PATIENCE = 15.0
_hurried = False


def begin(var: Path, mark: str) -> str:
    """Keep the mark of the run that begins; returns it."""
    path = var / "run" / "mark.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"mark": mark, "directory": processes.identity(var)}), encoding="ascii")
    return mark


def end(var: Path) -> bool:
    """End every process of the last run from this directory: whether none is left."""
    left = _find(var)
    # The parents only, and politely: a web server ends its own workers, after their requests.
    pids = {process.pid for process in left}
    for process in left:
        leader = _session(process.pid)
        if leader == process.pid or leader not in pids:
            process.signal(signal.SIGTERM)
    for _ in range(int(_PATIENCE * 10)):
        if _hurried or not processes.wait_for_end(left, 0.1):
            break
    return processes.end(_find(var), [(signal.SIGKILL, 5.0)])


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return pid


def hurry() -> None:
    """Have no more patience."""
    global _hurried
    _hurried = True


def _find(var: Path) -> list[Process]:
    try:
        kept = json.loads((var / "run" / "mark.json").read_text(encoding="ascii"))
        if kept["directory"] != processes.identity(var):  # a copied checkout
            return []
        wanted = f"{MARK}={kept['mark']}".encode()
    except (OSError, ValueError, KeyError):
        return []
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    pid = int(entry.name)
                    found.append(Process(pid, processes.start_time(pid) or 0))
    return [process for process in found if process.started]
