"""The embedded servers start, end, and lose nothing, whatever was killed."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import redis

from tradewise import embedded
from tradewise.embedded import binaries, processes, service_account


def connect(facts, login="tw_admin"):
    server = facts["postgres"]
    return psycopg.connect(
        host=server["host"],
        port=server["port"],
        dbname=server["database"],
        user=login,
        password=server["passwords"][login],
        autocommit=True,
    )


def remember(facts, word):
    with connect(facts) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", [word])
    with redis.Redis.from_url(facts["redis"]["url"]) as client:
        client.rpush("words", word)


def words(facts):
    with connect(facts) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM words")]


def test_the_logs_are_private_and_hold_nothing_that_was_entered(directory):
    facts = embedded.start(directory, fast=True)
    with connect(facts) as connection:
        connection.execute("CREATE TABLE people (email text PRIMARY KEY, hash text)")
        connection.execute("INSERT INTO people VALUES ('ann@example.com', 'hash-canary')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES ('ann@example.com', 'hash-canary')")
    log = directory / "log" / "postgres.log"
    assert "duplicate key" in log.read_text()
    assert "canary" not in log.read_text()
    assert "ann@" not in log.read_text()
    for path in (log, directory / "log" / "redis.log"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_first_start_writes_the_facts_for_its_owner_alone(directory):
    facts = embedded.start(directory, fast=True)
    path = directory / "embedded.json"
    assert json.loads(path.read_text()) == facts
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(facts) == {"postgres", "redis", "secret_key"}
    with connect(facts) as connection:
        (version,) = connection.execute("SHOW server_version_num").fetchone()
        (collation,) = connection.execute(
            "SELECT datlocale FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert int(version) // 10_000 == 18
    assert collation == "C.UTF-8"


def test_every_login_gets_in_with_its_own_password_and_with_no_other(directory):
    facts = embedded.start(directory, fast=True)
    for login in ("tw_app", "tw_staff", "tw_worker", "tw_migrator", "tw_backup"):
        with connect(facts, login) as connection:
            (session,) = connection.execute("SELECT session_user").fetchone()
            assert session == login
    facts["postgres"]["passwords"]["tw_app"] = facts["postgres"]["passwords"]["tw_staff"]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(facts, "tw_app")


def test_redis_wants_its_password_and_keeps_what_it_is_given(directory):
    facts = embedded.start(directory)
    with redis.Redis.from_url(facts["redis"]["url"]) as client:
        assert client.config_get("appendonly")["appendonly"] == "yes"
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    address = facts["redis"]["url"].rpartition("@")[2]
    with redis.Redis.from_url(f"redis://{address}") as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_a_second_start_finds_the_running_servers(directory):
    first = embedded.start(directory, fast=True)
    pids = embedded.status(directory)
    assert embedded.start(directory, fast=True) == first
    assert embedded.status(directory) == pids


def test_four_starts_at_once_make_one_pair_of_servers(directory):
    command = [sys.executable, "-m", "tradewise.embedded", "start", str(directory), "--fast"]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: subprocess.run(command, capture_output=True, text=True), range(4)))
    assert [result.returncode for result in results] == [0] * 4, results
    assert len({result.stdout for result in results}) == 1


def test_nothing_is_lost_when_everything_is_killed(directory):
    facts = embedded.start(directory)
    remember(facts, "kept")
    for pid in filter(None, embedded.status(directory).values()):
        os.kill(pid, signal.SIGKILL)
    again = embedded.start(directory)
    assert words(again) == ["kept"]
    assert again["postgres"]["passwords"] == facts["postgres"]["passwords"]


def test_a_stopped_pair_starts_again_on_its_ports_with_its_data(directory):
    facts = embedded.start(directory)
    remember(facts, "kept")
    assert embedded.stop(directory)
    assert embedded.status(directory) == {"postgres": None, "redis": None}
    again = embedded.start(directory)
    assert again == facts
    assert words(again) == ["kept"]
    with redis.Redis.from_url(again["redis"]["url"]) as client:
        assert client.lrange("words", 0, -1) == [b"kept"]


def test_a_port_that_somebody_took_meanwhile_is_chosen_anew(directory):
    facts = embedded.start(directory, fast=True)
    embedded.stop(directory)
    with socket.create_server(("127.0.0.1", facts["postgres"]["port"])):
        again = embedded.start(directory, fast=True)
    assert again["postgres"]["port"] != facts["postgres"]["port"]
    assert again["redis"] == facts["redis"]
    with connect(again) as connection:
        connection.execute("SELECT 1")


def test_a_pid_file_that_names_a_stranger_does_not_keep_the_server_down(directory):
    facts = embedded.start(directory, fast=True)
    embedded.stop(directory)
    data = directory / "servers" / "postgres"
    # Our own parent: alive, and certainly no PostgreSQL.
    (data / "postmaster.pid").write_text(f"{os.getppid()}\n{data}\n0\n{facts['postgres']['port']}\n")
    again = embedded.start(directory, fast=True)
    assert again == facts


def test_without_its_facts_the_data_stay_and_get_new_passwords(directory):
    facts = embedded.start(directory, fast=True)
    remember(facts, "kept")
    (directory / "embedded.json").unlink()
    again = embedded.start(directory, fast=True)
    assert again["postgres"]["passwords"] != facts["postgres"]["passwords"]
    assert words(again) == ["kept"]


def test_stop_spares_a_stranger_with_a_recorded_id(directory):
    embedded.start(directory, fast=True)
    embedded.stop(directory)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        processes.record(directory, "redis", processes.Process(stranger.pid, 1))
        processes.record(directory, "postgres", processes.Process(stranger.pid, 1))
        assert embedded.stop(directory)
        assert stranger.poll() is None
        stranger.kill()


def test_two_directories_stand_side_by_side_and_end_apart(directory, private_directory):
    one = embedded.start(directory, fast=True)
    other = embedded.start(private_directory, fast=True)
    assert one["postgres"]["port"] != other["postgres"]["port"]
    embedded.stop(directory)
    with connect(other) as connection:
        connection.execute("SELECT 1")
    assert all(embedded.status(private_directory).values())


def test_a_copied_directory_leaves_the_original_alone(directory):
    original = embedded.start(directory, fast=True)
    copy = directory.with_name("copy")
    shutil.copytree(directory, copy, symlinks=True)
    embedded.stop(copy)
    with connect(original) as connection:
        connection.execute("SELECT 1")


def test_the_servers_never_run_as_root(directory, private_directory):
    for place in (directory, private_directory):
        embedded.start(place, fast=True)
        for pid in embedded.status(place).values():
            assert Path(f"/proc/{pid}").stat().st_uid != 0
        unreachable = os.geteuid() == 0 and place == private_directory
        assert (place / "servers").is_symlink() is unreachable


def test_root_and_the_owner_of_the_checkout_take_turns(directory):
    owner = service_account.service_account(directory.parent)
    if owner:
        os.chown(directory.parent, owner.uid, owner.gid)
    facts = embedded.start(directory)
    remember(facts, "first")
    embedded.stop(directory)
    start_as(owner, directory)
    remember(facts, "second")
    embedded.stop(directory)
    assert words(embedded.start(directory)) == ["first", "second"]


def start_as(user, directory):
    """Start the servers as another user; as ourselves where that user cannot read the programs."""
    if user is None or not service_account.reaches(user, Path(binaries.__file__)):
        embedded.start(directory)
        return
    if pid := os.fork():
        assert os.waitpid(pid, 0)[1] == 0
        return
    failed = 1
    try:  # a fork has its modules loaded already: the user may not be able to read the interpreter's
        os.setgroups([])
        os.setgid(user.gid)
        os.setuid(user.uid)
        embedded.start(directory)
        failed = 0
    finally:  # whatever happens, no second pytest goes on from here
        os._exit(failed)


def test_a_machine_without_any_redis_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(embedded.EmbeddedError, match="install redis-server or valkey-server"):
        binaries.redis_program(None)
