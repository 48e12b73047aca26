"""Become an engine that nobody can start a second time: `python launcher.py DIRECTORY PROGRAM ARGUMENTS…`.

The exclusive lock on `engine.lock` is taken before the engine begins and belongs to the engine's own process, which
carries it through `exec`: it is held exactly as long as the engine lives, whatever becomes of who started it. The
process id and start time are written into the locked file first, so that a held lock names its holder.

Ends with 0 once the engine has begun, with `TAKEN` when there is one already, with 1 and a sentence otherwise. Standard
library only: it runs before anything is imported that could fail.
"""

import contextlib
import fcntl
import json
import os
import resource
import sys
import time
from pathlib import Path

TAKEN = 75
LOCK = "engine.lock"
CONSOLE = "console.log"
#: Whoever only looks holds the lock for a moment.
_TRIES, _PAUSE = 40, 0.025


def main(directory: Path, command: list[str]) -> int:
    """Start the engine as a child that outlives this process; the exit status."""
    lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    if not _locked(lock):
        return TAKEN
    reader, writer = os.pipe()  # closed by exec: nothing to read means that it began
    if os.fork() == 0:
        try:
            _become(directory, lock, command)
        except BaseException as error:  # noqa: BLE001 - it must say so, and never go on as a second launcher
            with contextlib.suppress(OSError):
                os.write(writer, str(error).encode()[:500])
        finally:
            os._exit(1)
    os.close(writer)
    os.close(lock)
    with os.fdopen(reader, "rb") as pipe:
        trouble = pipe.read().decode(errors="replace")
    sys.stdout.write(trouble)
    return 1 if trouble else 0


def _locked(lock: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        else:
            return True
    return False


def _become(directory: Path, lock: int, command: list[str]) -> None:
    """Replace this process, which is in a session of its own, by the engine."""
    os.setsid()
    pid = os.getpid()
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    told = {"pid": pid, "started": int(fields[19]), "boot": boot, "run": os.environ.get("TRADEWISE_RUN", "")}
    text = json.dumps(told).encode()
    os.ftruncate(lock, 0)
    if os.pwrite(lock, text, 0) != len(text):
        raise OSError(28, "No space left on device")
    os.fsync(lock)
    os.set_inheritable(lock, True)
    # To append: what grows too long is cut off while the engine writes.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    console = os.open(directory / CONSOLE, flags, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, source in ((0, null), (1, console), (2, console)):
        os.dup2(source, number)
    # A memory dump of an engine would hold its secrets.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(directory)
    os.execv(command[0], command)  # noqa: S606 - the command is ours


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
