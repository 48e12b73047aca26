"""The embedded Redis: broker and cache."""

import os
import signal
import time
from pathlib import Path

import redis

from tradewise.embedded import ports, processes
from tradewise.embedded.errors import EmbeddedError
from tradewise.embedded.processes import Process
from tradewise.embedded.service_account import Account, give, make_directory

_START_SECONDS = 60.0
_GRACEFUL = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))


def start(
    program: Path, home: Path, account: Account | None, port: int, password: str, log: Path, *, fast: bool
) -> Process:
    """Start the server; it may still be reading its log when this returns."""
    data = make_directory(home / "redis", 0o700)
    settings = {
        "bind": ports.LOOPBACK,
        "port": str(port),
        "protected-mode": "yes",
        "requirepass": password,
        "dir": f'"{data}"',
        "appendonly": "no" if fast else "yes",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    # In a file of mode 0600: arguments can be read by every user of the machine.
    configuration = data / "redis.conf"
    configuration.unlink(missing_ok=True)
    configuration.touch(mode=0o600)
    configuration.write_text(
        "".join(f"{name} {value}\n" for name, value in settings.items()), encoding="utf-8"
    )
    give(data, account)
    if account:
        os.chown(configuration, account.uid, account.gid)
    processes.rotate(log)
    return processes.launch([program, configuration], log=log, account=account, cwd=data)


def wait_until_ready(process: Process, url: str, log: Path) -> None:
    """Wait until it answers. Raises EmbeddedError with the last line of its log."""
    deadline = time.monotonic() + _START_SECONDS
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        while process.alive() and time.monotonic() < deadline:
            try:
                client.ping()
            except redis.RedisError:
                time.sleep(0.03)
            else:
                return
    raise EmbeddedError(f"Redis did not start: {processes.last_line(log)} (log: {log})")


def stop(process: Process | None) -> bool:
    """End the server after it has written everything down: whether it is gone."""
    return process is None or processes.end([process], _GRACEFUL)
