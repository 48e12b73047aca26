"""Behind PgBouncer in transaction mode a connection serves everybody, and still nobody sees another."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from django.db import connection, connections

from bots.models import Bot
from tests import servers
from tests.factories.bots import BotFactory
from tests.ports import free_port
from tradewise.env import embedded
from tradewise.tenancy.context import tenant_context

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

pytestmark = [
    pytest.mark.pgbouncer,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(PROGRAM is None, reason="install PgBouncer (apt-get install pgbouncer) for this test"),
    pytest.mark.skipif(not servers.EMBEDDED, reason="knows the passwords of the embedded server alone"),
]

CONFIG = """
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
ignore_startup_parameters = extra_float_digits
logfile = {log}
"""


@pytest.fixture
def bouncer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a PgBouncer that lends two server connections to all."""
    directory = tmp_path_factory.mktemp("pgbouncer")
    server = embedded()["postgres"]
    port = free_port()
    users = directory / "users.txt"
    users.write_text(f'"tw_app" "{server["passwords"]["tw_app"]}"\n')
    log = directory / "log"
    config = directory / "pgbouncer.ini"
    config.write_text(CONFIG.format(server_port=server["port"], port=port, users=users, log=log))
    command = [str(PROGRAM), str(config)]
    if os.geteuid() == 0:  # it refuses to serve as root
        command[1:1] = ["-u", "nobody"]
        for path in (users, config, directory):
            shutil.chown(path, "nobody")
        # pytest's directories are root's alone; the chain down to ours must be passable.
        for parent in [directory, *directory.parents]:
            if parent.owner() == "root" and parent not in (Path("/tmp"), Path("/")):
                parent.chmod(parent.stat().st_mode | 0o011)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            assert process.poll() is None, log.read_text() if log.exists() else "pgbouncer ended"
            time.sleep(0.1)
        else:
            return
    raise AssertionError("PgBouncer did not start within 10 s")


@pytest.fixture
def through(bouncer: int) -> Iterator[None]:
    """Django's default connection goes through PgBouncer."""
    settings = connections["default"].settings_dict
    direct = settings["PORT"]
    connection.close()
    settings["PORT"] = bouncer
    yield
    connection.close()
    settings["PORT"] = direct


def test_interleaved_tenants_each_see_their_own_bots(through: None) -> None:
    bots = [BotFactory() for _ in range(6)]
    wrong: list[str] = []
    seen = []

    def work(offset: int) -> None:
        try:
            for turn in range(60):
                bot = bots[(turn + offset) % len(bots)]
                with (
                    suppress(ZeroDivisionError),
                    tenant_context(bot.tenant_id, user_agent=f"turn {turn}"),
                ):
                    names = [found.pk for found in Bot.across_tenants.all()]
                    seen.append(1)
                    if names != [bot.pk]:
                        wrong.append(f"{bot.pk} saw {names}")
                    if turn % 5 == 0:
                        raise ZeroDivisionError  # noqa: TRY301 - as a view would
                if list(Bot.across_tenants.all()):
                    wrong.append("rows without a tenant")
        except Exception as error:  # noqa: BLE001 - a thread's failure is the test's
            wrong.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert len(seen) == 360


def test_the_server_connections_were_shared(bouncer: int) -> None:
    """Otherwise the test above would prove nothing."""
    from tradewise.env import database_url

    name = servers.process_database()
    address = database_url("tw_app").rpartition("@")[0] + f"@127.0.0.1:{bouncer}/{name}"
    pids = set()
    clients = [psycopg.connect(address, autocommit=True, prepare_threshold=None) for _ in range(6)]
    try:
        for client in clients:
            row = client.execute("SELECT pg_backend_pid()").fetchone()
            assert row is not None
            pids.add(row[0])
    finally:
        for client in clients:
            client.close()
    assert len(pids) <= 2
