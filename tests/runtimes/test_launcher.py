"""The launcher: who has the lock is the engine, as long as it lives, and there is no second one."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bots.runtimes import launcher
from tradewise.embedded.processes import start_time
from tradewise.env import ROOT

SCRIPT = ROOT / "bots" / "runtimes" / "launcher.py"
SLEEP = ["/bin/sleep", "60"]


def launch(directory, *command, **options):
    return subprocess.run(
        [sys.executable, "-S", "-E", SCRIPT, directory, *(command or SLEEP)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=20,
        start_new_session=True,
        **options,
    )


def holder(directory):
    return json.loads((directory / launcher.LOCK).read_text())


def is_held(directory):
    with (directory / launcher.LOCK).open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def wait_for(look, seconds=60):
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def directory(tmp_path):
    yield tmp_path
    try:
        os.kill(holder(tmp_path)["pid"], signal.SIGKILL)
    except (OSError, ValueError, KeyError, TypeError):
        return


def test_the_engine_is_who_holds_the_lock_and_outlives_its_launcher(directory):
    assert launch(directory).returncode == 0
    pid = holder(directory)["pid"]
    assert is_held(directory)
    assert holder(directory)["started"] == start_time(pid)
    assert Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/bin/sleep\x0060"), "held through exec"
    assert Path(f"/proc/{pid}/cwd").readlink() == directory
    assert os.getsid(pid) == pid, "in a session of its own"
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_held(directory))


def test_a_second_start_is_refused_while_it_lives_and_only_then(directory):
    launch(directory)
    first = holder(directory)
    again = launch(directory)
    assert again.returncode == launcher.TAKEN == 75
    assert holder(directory) == first
    os.kill(first["pid"], signal.SIGKILL)
    wait_for(lambda: not is_held(directory))
    assert launch(directory).returncode == 0
    assert holder(directory)["pid"] != first["pid"]


def test_of_many_at_the_same_moment_one_starts(directory):
    command = [sys.executable, "-S", "-E", str(SCRIPT), str(directory), *SLEEP]
    racing = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(6)]
    assert sorted(process.wait(30) for process in racing) == [0, *[75] * 5]


def test_who_looks_for_a_moment_does_not_keep_it_from_starting(directory):
    (directory / launcher.LOCK).touch()
    with (directory / launcher.LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        starting = subprocess.Popen([sys.executable, "-S", "-E", str(SCRIPT), str(directory), *SLEEP])
        time.sleep(0.2)
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert starting.wait(10) == 0


@pytest.mark.parametrize(
    "stale", ['{"pid": 1, "started": 1, "boot": "x"}' + " " * 500, "", "half a {", "\x00" * 80]
)
def test_what_a_former_engine_wrote_is_replaced(directory, stale):
    (directory / launcher.LOCK).write_text(stale)
    assert launch(directory).returncode == 0
    assert start_time(holder(directory)["pid"]) == holder(directory)["started"]


def test_a_program_that_is_missing_is_told_and_leaves_the_lock_free(directory):
    done = launch(directory, "/nowhere/freqtrade")
    assert done.returncode == 1
    assert "No such file" in done.stdout
    assert not is_held(directory)


def test_a_program_that_may_not_be_run_is_told(directory):
    (directory / "program").write_text("#!/bin/sh\n")
    done = launch(directory, str(directory / "program"))
    assert done.returncode == 1
    assert "Permission denied" in done.stdout


def test_an_interpreter_that_is_missing_is_told(directory):
    program = directory / "program"
    program.write_text("#!/nowhere/python\n")
    program.chmod(0o755)
    assert launch(directory, str(program)).returncode == 1
    assert not is_held(directory)


@pytest.fixture
def full(tmp_path):
    """A disk of 64 KB without any room left."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=16", "none", disk], check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    (disk / launcher.LOCK).touch()
    filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(filler, b"x" * 4096):
            pass
    except OSError:
        os.close(filler)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_on_a_full_disk_nothing_starts_and_the_reason_is_told(full):
    done = launch(full)
    assert done.returncode == 1
    assert "No space left on device" in done.stdout
    assert not is_held(full)


def test_it_prints_into_the_console_file_and_dumps_no_memory(directory):
    program = directory / "program"
    program.write_text("#!/bin/sh\necho printed; echo told >&2; ulimit -c; exec sleep 60\n")
    program.chmod(0o755)
    (directory / launcher.CONSOLE).write_text("of a former engine\n")
    assert launch(directory, str(program)).stdout == ""
    wait_for(lambda: (directory / launcher.CONSOLE).read_text() == "printed\ntold\n0\n")
    assert (directory / launcher.LOCK).stat().st_mode & 0o777 == 0o600


def test_no_other_open_file_is_handed_down(directory):
    launch(directory)
    pid = holder(directory)["pid"]
    opened = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    assert opened == {"/dev/null", str(directory / launcher.CONSOLE), str(directory / launcher.LOCK)}
