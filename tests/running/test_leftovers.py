"""What a run leaves behind is found and ended, and nothing else is."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tradewise.embedded import processes
from tradewise.embedded.processes import Process
from tradewise.running import leftovers, services, tied
from tradewise.running.demo_bot import Demo
from tradewise.running.preparation import RunError, check_ports
from tradewise.running.services import Plan
from tradewise.running.supervisor import only_one


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """The directory of a run."""
    (tmp_path / "var" / "run").mkdir(parents=True)
    return tmp_path / "var"


def plan(var, port=1, staff_port=2):
    return Plan(var, port, staff_port, Demo(3, 4, "demo", "x"), "mark")


def marked(mark):
    return subprocess.Popen(["sleep", "60"], start_new_session=True, env={services.MARK: mark})


def test_every_process_that_bears_the_mark_ends_and_a_stranger_does_not(var):
    leftovers.begin(var, "ours")
    with marked("ours") as child, marked("theirs") as stranger:
        assert leftovers.end(var)
        assert child.wait(5) == -signal.SIGTERM
        assert stranger.poll() is None
        stranger.kill()


def test_a_copied_checkout_does_not_end_the_processes_of_the_original(var):
    leftovers.begin(var, "original")
    copy = var.with_name("copy")
    shutil.copytree(var, copy)
    with marked("original") as child:
        leftovers.end(copy)
        assert child.poll() is None
        child.kill()


def test_a_process_that_ignores_the_request_is_ended_by_force(var, monkeypatch):
    monkeypatch.setattr(leftovers, "_PATIENCE", 0.5)
    leftovers.begin(var, "stubborn")
    code = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env={services.MARK: "stubborn"}, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"ready\n"
        assert leftovers.end(var)
        assert child.wait(5) == -signal.SIGKILL


def test_a_child_ends_with_a_parent_that_was_killed():
    parent_code = f"""
import os, subprocess, sys, time
child = subprocess.Popen(
    [sys.executable, {tied.__file__!r}, str(os.getpid()), "/bin/sleep", "60"], start_new_session=True
)
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        while Path(f"/proc/{pid}/comm").read_text() != "sleep\n":
            time.sleep(0.02)
        child = Process(pid, processes.start_time(pid) or 0)
        assert child.alive()
        os.kill(parent.pid, signal.SIGKILL)
        assert not processes.wait_for_end([child], 5)


def test_a_taken_port_is_named_with_a_way_out(var, listener):
    with pytest.raises(RunError) as refusal:
        check_ports(plan(var, port=listener, staff_port=listener + 1))
    assert f"port {listener} " in str(refusal.value)
    assert "make run PORT=" in str(refusal.value)


@pytest.fixture
def listener():
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_both_sites_on_one_port_are_refused(var):
    with pytest.raises(RunError, match="two ports"):
        check_ports(plan(var, port=8100, staff_port=8100))


def test_a_second_run_in_one_directory_is_refused(var):
    with only_one(var), pytest.raises(RunError, match="already"), only_one(var):
        pass


def test_only_the_demo_bot_may_be_dialled(var, monkeypatch):
    monkeypatch.setenv("EGRESS_ALLOW", "10.0.0.0/8:8080")
    assert plan(var).environment("trader")["EGRESS_ALLOW"] == "10.0.0.0/8:8080,127.0.0.1/32:4"


def test_the_last_words_are_the_cause_and_not_the_cleaning_up(tmp_path):
    log = tmp_path / "site.log"
    log.write_text("Booting\nModuleNotFoundError: No module named 'x'\nWorker exiting\nShutting down\n")
    assert processes.last_line(log) == "ModuleNotFoundError: No module named 'x'"
    log.write_text("Booting\nShutting down\n\n")
    assert processes.last_line(log) == "Shutting down"


@pytest.mark.parametrize(
    ("settings", "given"),
    [
        ("trader", {"DATABASE_URL"}),
        ("staff", {"DATABASE_URL_STAFF"}),
        ("worker", {"DATABASE_URL_WORKER", "SEAL_PRIVATE_KEYS", "AUDIT_SIGNING_KEY"}),
        ("base", set()),
    ],
)
def test_a_process_is_given_its_own_login_and_keys_alone(var, monkeypatch, settings, given):
    secrets = {"SEAL_PRIVATE_KEYS", "AUDIT_SIGNING_KEY", "DATABASE_URL"}
    secrets |= {f"DATABASE_URL_{name}" for name in ("STAFF", "WORKER", "MIGRATOR", "BACKUP", "ADMIN")}
    for name in secrets:
        monkeypatch.setenv(name, "secret")
    assert secrets & set(plan(var).environment(settings)) == given
