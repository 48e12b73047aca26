"""The embedded PostgreSQL 18: its cluster, its start, its end."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from tradewise.embedded import ports, processes
from tradewise.embedded.errors import EmbeddedError
from tradewise.embedded.processes import Process
from tradewise.embedded.service_account import Account, give, make_directory

ADMIN = "tw_admin"
_START_SECONDS = 180.0  # recovery after a crash replays the log first

_SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "cluster_name": "tradewise",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",
    "wal_compression": "on",
    "jit": "off",  # compiling costs more than these short queries
    "random_page_cost": "1.1",  # solid-state disks
    "max_locks_per_transaction": "256",  # partitioned tables
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
    # A statement and the detail of an error hold what people entered, hashes of passwords among it.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "logging_collector": "off",
}
# Data that nobody misses: tests.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum_naptime": "10s"}
_FAST_SHUTDOWN = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))


def data_directory(home: Path) -> Path:
    """Where the cluster lies."""
    return home / "postgres"


def create(programs: Path, home: Path, account: Account | None, password: str, *, fast: bool) -> None:
    """Make the cluster where there is none yet. Killed in the middle, it begins anew."""
    data = data_directory(home)
    if (data / "PG_VERSION").exists():
        give(data, account)
        return
    draft = home / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    make_directory(draft, 0o700)
    password_file = draft.with_name("postgres.password")
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="ascii")
    for path in (draft, password_file):
        if account:
            os.chown(path, account.uid, account.gid)
    try:
        _run(
            [
                *(programs / "initdb", "-D", draft, "-U", ADMIN, "--pwfile", password_file),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--locale-provider", "builtin"),
                *("--builtin-locale", "C.UTF-8", "--no-instructions", *(["--no-sync"] if fast else [])),
            ],
            account,
        )
    finally:
        password_file.unlink(missing_ok=True)
    draft.rename(data)


def start(
    programs: Path, home: Path, account: Account | None, port: int, log: Path, *, fast: bool
) -> Process:
    """Start the server of this cluster; it may still be recovering when this returns."""
    data = data_directory(home)
    _clear_stale_lock(data)
    settings = _SETTINGS | {"port": str(port)} | (_FAST if fast else {})
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    processes.rotate(log)
    return processes.launch(
        [programs / "postgres", "-D", data, *options],
        log=log,
        account=account,
        cwd=home,
        environment=_environment(),
    )


def wait_until_ready(process: Process, port: int, password: str, log: Path) -> bool:
    """Wait until it takes connections; False where the cluster knows another password.

    Raises EmbeddedError with the last line of its log when it dies or stays silent.
    """
    deadline = time.monotonic() + _START_SECONDS
    while process.alive() and time.monotonic() < deadline:
        try:
            psycopg.connect(dsn(port, password, "postgres"), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                return False
            time.sleep(0.05)
        else:
            return True
    raise EmbeddedError(f"PostgreSQL did not start: {processes.last_line(log)} (log: {log})")


def dsn(port: int, password: str, database: str) -> str:
    """How the superuser of the cluster connects."""
    return psycopg.conninfo.make_conninfo(
        host=ports.LOOPBACK, port=port, user=ADMIN, password=password, dbname=database
    )


def set_password(programs: Path, home: Path, account: Account | None, password: str) -> None:
    """Give a stopped cluster this superuser password: the way back when embedded.json was lost."""
    statement = f"ALTER ROLE {ADMIN} PASSWORD '{password}'\n"
    _run([programs / "postgres", "--single", "-D", data_directory(home), "postgres"], account, statement)


def stop(home: Path, process: Process | None) -> bool:
    """End the server without losing a commit: whether nothing of it is left."""
    left = processes.working_in(data_directory(home))
    postmaster = process or _postmaster(data_directory(home), left)
    if postmaster:
        processes.end([postmaster], _FAST_SHUTDOWN)
    # After a postmaster that was killed its children end by themselves, within moments.
    return not processes.wait_for_end(left, 10) or processes.end(
        left, [(signal.SIGQUIT, 5), (signal.SIGKILL, 5)]
    )


def running(home: Path) -> Process | None:
    """The server that runs on this cluster although no record names it."""
    data = data_directory(home)
    return _postmaster(data, processes.working_in(data)) if data.exists() else None


def _postmaster(data: Path, candidates: list[Process]) -> Process | None:
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return next((process for process in candidates if process.pid == pid), None)


def _clear_stale_lock(data: Path) -> None:
    """Remove the pid file of a server that was killed, once nothing of that server is left.

    PostgreSQL would do it, unless another process has got that id since: then it refuses for ever.
    """
    left = processes.working_in(data)
    if processes.wait_for_end(left, 10) and not processes.end(
        left, [(signal.SIGQUIT, 5), (signal.SIGKILL, 5)]
    ):
        raise EmbeddedError(f"Processes of an earlier PostgreSQL still work in {data}.")
    (data / "postmaster.pid").unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    """No PG* variable of the caller reaches the server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _run(command: list[str | Path], account: Account | None, text: str | None = None) -> None:
    result = subprocess.run(  # noqa: S603 - the commands are ours
        [str(part) for part in command],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=_environment(),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines()
        raise EmbeddedError(f"{Path(command[0]).name} failed: {lines[-1] if lines else 'no message'}")
