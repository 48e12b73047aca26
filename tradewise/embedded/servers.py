"""Both servers together: start, stop, status, under one lock per directory."""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tradewise.embedded import binaries, ports, postgres, processes, redis_server
from tradewise.embedded.errors import EmbeddedError
from tradewise.embedded.processes import Process
from tradewise.embedded.service_account import Account, data_home, hand_over, make_directory, service_account
from tradewise.tenancy.roles import LOGINS, create_logins

DATABASE = "tradewise"
_ATTEMPTS = 3  # another process may take the chosen port before the server does

Facts = dict[str, Any]


def start(directory: Path, *, fast: bool = False) -> Facts:
    """Start what is not running yet, create what is not there yet, and say how to reach it.

    The returned dictionary is also written to `directory/embedded.json` (mode 0600) once both
    servers answer, the logins exist and the database is there. Safe to call at any time, by several
    processes at once, and after anything was killed. `fast` trades durability for speed: for tests.
    Raises EmbeddedError with a sentence.
    """
    directory = directory.absolute()
    make_directory(directory)
    with _locked(directory):
        account = service_account(directory)
        home = data_home(directory, account)
        facts = _remembered(directory)
        _start_postgres(directory, home, account, facts, fast=fast)
        _start_redis(directory, home, account, facts, fast=fast)
        server = facts["postgres"]
        admin = postgres.dsn(server["port"], server["passwords"][postgres.ADMIN], "postgres")
        create_logins(admin, server["passwords"], server["database"])
        _write(directory, facts)
    return facts


def stop(directory: Path) -> bool:
    """End both servers, and only these. False where something of them is left."""
    directory = directory.absolute()
    if not (directory / "run").is_dir():
        return True
    with _locked(directory):
        gone = redis_server.stop(processes.recorded(directory, "redis"))
        home = (directory / "servers").resolve()
        gone = postgres.stop(home, _postgres_process(directory, home)) and gone
        if gone:
            processes.forget(directory, "postgres")
            processes.forget(directory, "redis")
    return gone


def status(directory: Path) -> dict[str, int | None]:
    """The process ids of the two servers; None for one that does not run."""
    directory = directory.absolute()
    database = _postgres_process(directory, (directory / "servers").resolve())
    broker = processes.recorded(directory, "redis")
    return {"postgres": database.pid if database else None, "redis": broker.pid if broker else None}


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One at a time per directory; the kernel lets go of the lock when its holder dies."""
    lock = make_directory(directory / "run") / "servers.lock"
    descriptor = os.open(lock, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        hand_over(lock)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _postgres_process(directory: Path, home: Path) -> Process | None:
    return processes.recorded(directory, "postgres") or postgres.running(home)


def _start_postgres(
    directory: Path, home: Path, account: Account | None, facts: Facts, *, fast: bool
) -> None:
    server = facts["postgres"]
    password = server["passwords"][postgres.ADMIN]
    log = make_directory(directory / "log") / "postgres.log"
    process = _postgres_process(directory, home)
    if process and not server["port"]:  # runs, but embedded.json was lost: nobody knows its port
        postgres.stop(home, process)
        process = None
    programs = binaries.postgres_programs(account)
    if not process:
        postgres.create(programs, home, account, password, fast=fast)
    for attempt in range(1, _ATTEMPTS + 1):
        if not process:
            server["port"] = ports.choose(server["port"])
            process = postgres.start(programs, home, account, server["port"], log, fast=fast)
            processes.record(directory, "postgres", process)
        try:
            if postgres.wait_until_ready(process, server["port"], password, log):
                return
        except EmbeddedError:
            postgres.stop(home, process)
            if attempt == _ATTEMPTS:
                raise
        else:  # embedded.json was lost, the data was not
            postgres.stop(home, process)
            postgres.set_password(programs, home, account, password)
        process = None


def _start_redis(directory: Path, home: Path, account: Account | None, facts: Facts, *, fast: bool) -> None:
    log = make_directory(directory / "log") / "redis.log"
    password, port = facts.pop("_redis")
    process = processes.recorded(directory, "redis")
    if process and not port:
        redis_server.stop(process)
        process = None
    for attempt in range(1, _ATTEMPTS + 1):
        if not process:
            port = ports.choose(port)
            program = binaries.redis_program(account)
            process = redis_server.start(program, home, account, port, password, log, fast=fast)
            processes.record(directory, "redis", process)
        facts["redis"] = {"url": f"redis://:{password}@{ports.LOOPBACK}:{port}/0"}
        try:
            redis_server.wait_until_ready(process, facts["redis"]["url"], log)
            return
        except EmbeddedError:
            redis_server.stop(process)
            process = None
            if attempt == _ATTEMPTS:
                raise


def _remembered(directory: Path) -> Facts:
    """The facts of the last start, with fresh passwords where there are none yet."""
    try:
        facts: Facts = json.loads((directory / "embedded.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        facts = {}
    except ValueError as error:
        raise EmbeddedError(f"{directory / 'embedded.json'} cannot be read ({error}): remove it.") from None
    server = facts.get("postgres", {})
    passwords = server.get("passwords", {})
    url = facts.get("redis", {}).get("url", "")
    broker = url.removeprefix("redis://:").removesuffix("/0").partition("@")
    return {
        "postgres": {
            "host": ports.LOOPBACK,
            "port": server.get("port"),
            "database": server.get("database", DATABASE),
            "passwords": {login: passwords.get(login) or _password() for login in (postgres.ADMIN, *LOGINS)},
        },
        "_redis": (broker[0] or _password(), int(broker[2].rpartition(":")[2] or 0) or None),
        "secret_key": facts.get("secret_key") or secrets.token_urlsafe(48),
    }


def _password() -> str:
    return secrets.token_hex(24)  # only letters and digits: safe in URLs, configuration and SQL


def _write(directory: Path, facts: Facts) -> None:
    path = directory / "embedded.json"
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with draft.open("w", encoding="utf-8") as file:
        json.dump(facts, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    hand_over(draft)
    draft.replace(path)
