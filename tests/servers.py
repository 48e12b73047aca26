"""The servers of a test run, started before Django reads its settings, and a database for each process.

Loaded with `-p tests.servers`. The schema is built once by the migrator into a template database, which is
named after the migrations and cloned for each process; the tests run as `tw_app`.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "test"
#: What writes SQL for the migrations.
OPERATIONS = ("audit/operations.py", "tradewise/tenancy/operations.py")
EMBEDDED = not os.environ.get("DATABASE_URL")

if EMBEDDED:
    os.environ["TRADEWISE_VAR"] = str(VAR)
    from tradewise import embedded

    embedded.start(VAR, fast=True)


def admin_dsn(database: str = "postgres") -> str:
    """A superuser's address: it makes and drops databases, and no test runs as it."""
    from tradewise.env import database_url

    return database_url("tw_admin").rpartition("/")[0] + f"/{database}"


def dsn(login: str, database: str) -> str:
    """The address of `login` in a database of this run."""
    from tradewise.env import database_url

    return database_url(login).rpartition("/")[0] + f"/{database}"


def process_database() -> str:
    """The name of this process's own database."""
    return f"tw_test_{os.getpid()}"


def superuser() -> psycopg.Connection[Any]:
    """This thread's own to the process's database, each time as if it were new: connecting takes longer than asking."""
    connection: psycopg.Connection[Any] | None = getattr(_kept, "connection", None)
    if connection is not None:
        try:
            connection.execute("DISCARD ALL")
        except psycopg.OperationalError:  # the server was restarted
            connection.close()
        else:
            return connection
    _kept.connection = psycopg.connect(
        admin_dsn(process_database()), autocommit=True, prepare_threshold=None, row_factory=namedtuple_row
    )
    return superuser()


_kept = threading.local()


def build_database(name: str) -> None:
    """Make the database `name` anew, with the migrated schema and no rows."""
    template = f"tw_template_{_schema_hash()}"
    with _alone(), psycopg.connect(admin_dsn(), autocommit=True) as connection:
        _drop_what_dead_processes_left(connection)
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [template]).fetchone()
        if found is None:
            _migrate_into(connection, template)
        clone_database(connection, template, name)


def clone_database(connection: psycopg.Connection, template: str, name: str) -> None:
    """Copy a database, its owner and who may enter."""
    from tradewise.tenancy.roles import create_database

    quoted = sql.Identifier(name)
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted))
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER tw_owner").format(quoted, sql.Identifier(template))
    )
    create_database(connection, name)


def drop_database(name: str) -> None:
    """Drop a database whoever is connected."""
    with psycopg.connect(admin_dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _drop_what_dead_processes_left(connection: psycopg.Connection) -> None:
    rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'tw\\_test\\_%'").fetchall()
    for (name,) in rows:
        if not Path("/proc", name.split("_")[2]).exists():
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _migrate_into(connection: psycopg.Connection, template: str) -> None:
    from tradewise.tenancy.roles import create_database

    for (stale,) in connection.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE 'tw\\_template\\_%'"
    ).fetchall():
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(stale)))
    create_database(connection, template)
    try:
        subprocess.run(
            [sys.executable, ROOT / "manage.py", "migrate", "--skip-checks", "-v0"],
            env={
                **os.environ,
                "TRADEWISE_DATABASE": template,
                "DJANGO_SETTINGS_MODULE": "tradewise.settings.ops",
            },
            check=True,
        )
    except BaseException:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(template)))
        raise


def _schema_hash() -> str:
    # A database has the partitions of the day on which it was made.
    digest = hashlib.sha256(datetime.now(UTC).date().isoformat().encode())
    for path in sorted([*ROOT.glob("*/migrations/*.py"), *(ROOT / name for name in OPERATIONS)]):
        digest.update(path.name.encode() + path.read_bytes())
    digest.update((ROOT / "requirements.txt").read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time builds the template."""
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "databases.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
