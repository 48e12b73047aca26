"""Engines as processes: what they are given, what is seen of them, and how they are forgotten."""

import base64
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from bots.adapters import Credentials
from bots.runtimes import Launch, RuntimeRefused, launcher
from bots.runtimes.process import BEGIN, ProcessRuntime
from bots.services.composing import secrets_of
from tests.ports import free_ports
from tests.reconciler.conftest import played_environment
from tradewise.env import ROOT

BOT = "bot-of-tests"
CANARY = "pPASSWORD-canary"


@pytest.fixture
def runtime(tmp_path):
    made = ProcessRuntime(tmp_path / "bots", environment=played_environment(tmp_path / "freqtrade"))
    yield made
    for bot_id in made.present():
        made.end(bot_id, by_force=True)


@pytest.fixture
def order():
    """As the reconciler makes it; its port is free."""
    port = free_ports(1)[0]
    config = {
        "bot_name": BOT,
        "strategy": "TradeWiseDca",
        "dry_run": True,
        "initial_state": "running",
        "api_server": {"listen_port": port, "username": "", "password": ""},
    }
    secrets = secrets_of(Credentials.parse(f"tradewise:{CANARY}"), "KEYcanary:SECRETcanary")
    return Launch(BOT, port, config, secrets, "trades-dry_run.sqlite")


def wait_for(look, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def pid_of(runtime):
    return int(runtime.look(BOT).handle.split(":")[0])


def became_engine(runtime):
    return wait_for((runtime.directory / BOT / "freqtrade.log").exists)


def environ(pid):
    pairs = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


def test_there_is_nothing_before_the_first_start(runtime):
    assert runtime.look(BOT).alive is False
    assert runtime.usage(BOT) is None
    assert runtime.log(BOT) == []
    assert runtime.present() == set()
    runtime.end(BOT)
    runtime.remove(BOT)


def test_it_starts_is_seen_and_ends(runtime, order):
    seen = runtime.launch(order)
    assert seen == runtime.look(BOT)
    pid, started, boot = seen.handle.split(":")
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19] == started
    became_engine(runtime)
    runtime.end(BOT)
    wait_for(lambda: not runtime.look(BOT).alive)
    assert "END" in (runtime.directory / BOT / "witness.log").read_text()


def test_a_second_launch_finds_the_first_engine(runtime, order):
    first = runtime.launch(order)
    assert runtime.launch(order) == first
    other = ProcessRuntime(runtime.directory, runtime.environment)
    assert other.look(BOT) == first


def test_its_environment_is_exactly_what_is_listed(runtime, order, monkeypatch):
    for name in ("DATABASE_URL", "SEAL_KEY", "SECRET_KEY", "PYTHONSTARTUP", "LD_PRELOAD_X", "TRADEWISE_VAR"):
        monkeypatch.setenv(name, "leaked-canary")
    monkeypatch.delenv("TRADEWISE_RUN", raising=False)
    runtime.launch(order)
    became_engine(runtime)
    found = environ(pid_of(runtime))
    assert found == {
        "PATH": "/usr/bin:/bin",
        "HOME": str(runtime.directory / BOT),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),
        **order.secrets,
    }
    assert set(order.secrets) == {
        "FREQTRADE__API_SERVER__USERNAME",
        "FREQTRADE__API_SERVER__PASSWORD",
        "FREQTRADE__API_SERVER__JWT_SECRET_KEY",
        "FREQTRADE__API_SERVER__WS_TOKEN",
        "FREQTRADE__EXCHANGE__KEY",
        "FREQTRADE__EXCHANGE__SECRET",
    }


def test_the_mark_of_make_run_is_handed_down(runtime, order, monkeypatch):
    monkeypatch.setenv("TRADEWISE_RUN", "this-run")
    runtime.launch(order)
    assert environ(pid_of(runtime))["TRADEWISE_RUN"] == "this-run"


def test_no_secret_is_on_the_command_line_or_on_the_disk(runtime, order):
    runtime.launch(order)
    became_engine(runtime)
    command = Path(f"/proc/{pid_of(runtime)}/cmdline").read_bytes()
    written = b"".join(path.read_bytes() for path in runtime.directory.rglob("*") if path.is_file())
    encoded = base64.b64encode(f"tradewise:{CANARY}".encode())
    for secret in [*order.secrets.values(), encoded.decode()]:
        if secret != "tradewise":
            assert secret.encode() not in command
            assert secret.encode() not in written
            assert secret not in repr(order)
    assert b"--dry-run" in command
    assert b"sqlite:///" + bytes(runtime.directory / BOT / "trades-dry_run.sqlite") in command


def test_only_a_dry_run_is_told_to_be_one(runtime, order):
    runtime.launch(Launch(BOT, order.port, {**order.config, "dry_run": False}, order.secrets))
    became_engine(runtime)
    assert b"--dry-run" not in Path(f"/proc/{pid_of(runtime)}/cmdline").read_bytes()


def test_nobody_else_reads_its_files(runtime, order):
    runtime.launch(order)
    for path in (runtime.directory, runtime.directory / BOT, runtime.directory / BOT / "user_data"):
        assert path.stat().st_mode & 0o777 == 0o700
    for name in ("config.json", launcher.LOCK, launcher.CONSOLE):
        assert (runtime.directory / BOT / name).stat().st_mode & 0o777 == 0o600
    assert not list(runtime.directory.rglob("*.draft"))


def test_without_freqtrade_the_reason_is_told(runtime, order):
    (runtime.environment / "bin" / "freqtrade").unlink()
    with pytest.raises(RuntimeRefused, match="Freqtrade is not installed") as refused:
        runtime.launch(order)
    assert not refused.value.final
    assert not runtime.look(BOT).alive


def test_a_full_disk_is_told(runtime, order, tmp_path):
    runtime.directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k,nr_inodes=8", "none", str(runtime.directory)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with (
            (runtime.directory / "filler").open("wb", buffering=0) as filler,
            pytest.raises(OSError, match="No space"),
        ):
            while filler.write(b"x" * 4096):
                pass
        with pytest.raises(RuntimeRefused, match="The disk of the machine is full"):
            runtime.launch(order)
        assert not runtime.look(BOT).alive
    finally:
        subprocess.run(["umount", "-l", str(runtime.directory)], check=True)


def test_what_cannot_be_known_is_not_taken_for_an_end(runtime, order):
    runtime.launch(order)
    lock = runtime.directory / BOT / launcher.LOCK
    lock.rename(lock.with_suffix(".kept"))
    lock.symlink_to(lock)  # a loop: it is there and cannot be opened
    with pytest.raises(RuntimeRefused):
        runtime.look(BOT)
    lock.unlink()
    lock.with_suffix(".kept").rename(lock)
    assert runtime.look(BOT).alive


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"pid": "x"}', '{"pid": 1, "started": 1, "boot": ""}']
)
def test_a_lock_that_nobody_holds_says_nothing_whatever_is_in_it(runtime, content):
    (runtime.directory / BOT).mkdir(parents=True)
    (runtime.directory / BOT / launcher.LOCK).write_text(content)
    seen = runtime.look(BOT)
    assert (seen.alive, seen.handle) == (False, "")
    assert runtime.usage(BOT) is None


def test_a_lock_with_a_strangers_id_never_ends_the_stranger(runtime):
    import fcntl

    (runtime.directory / BOT).mkdir(parents=True)
    stranger = subprocess.Popen(["/bin/sleep", "60"])
    lock = runtime.directory / BOT / launcher.LOCK
    lock.write_text(json.dumps({"pid": stranger.pid, "started": 1, "boot": "x"}))
    with lock.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert runtime.look(BOT).alive
        assert runtime.look(BOT).handle == ""
        runtime.end(BOT, by_force=True)
    time.sleep(0.05)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_end_by_force_ends_one_that_hangs(runtime, order):
    runtime.launch(order)
    became_engine(runtime)
    pid = pid_of(runtime)
    os.kill(pid, signal.SIGSTOP)
    runtime.end(BOT)
    time.sleep(0.1)
    assert runtime.look(BOT).alive
    runtime.end(BOT, by_force=True)
    wait_for(lambda: not runtime.look(BOT).alive)


def test_usage_is_what_the_kernel_says(runtime, order):
    runtime.launch(order)
    became_engine(runtime)
    usage = runtime.usage(BOT)
    pid = pid_of(runtime)
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert 0.1 * resident < usage.memory <= resident * 1.1
    told = float(subprocess.check_output(["ps", "-o", "cputimes=", "-p", str(pid)]))
    assert abs(usage.cpu - told) <= 1.1
    assert usage.cpu > 0


def log_of(runtime):
    (runtime.directory / BOT).mkdir(parents=True, exist_ok=True)
    return runtime.directory / BOT / "freqtrade.log"


def test_the_log_is_its_last_lines(runtime):
    log_of(runtime).write_text("".join(f"line {number}\n\n" for number in range(1000)))
    assert runtime.log(BOT, 3) == ["line 997", "line 998", "line 999"]
    assert len(runtime.log(BOT)) == 200


def test_of_a_huge_log_only_the_end_is_read(runtime):
    with log_of(runtime).open("w") as log:
        log.writelines(f"{number} {'x' * 100}\n" for number in range(300_000))
    began = time.process_time()
    lines = runtime.log(BOT, 10**6)
    assert time.process_time() - began < 1
    assert lines[-1].startswith("299999 ")
    assert 1000 < len(lines) < 3000


def test_no_line_begins_in_the_midst_of_a_secret(runtime):
    with log_of(runtime).open("w") as log:
        log.write("key=" + "S" * 300_000 + "\n")
        log.write("key=" + "T" * 100_000 + "\n")
    assert runtime.log(BOT) == ["key=" + "T" * 100_000]


def test_bytes_that_are_no_text_do_no_harm(runtime):
    log_of(runtime).write_bytes(b"good\n\xff\xfe bad \x00\ngood again")
    assert runtime.log(BOT)[0] == "good"
    assert runtime.log(BOT)[-1] == "good again"


def test_a_former_engines_words_are_not_this_ones(runtime, order):
    log_of(runtime).write_text("of the first\n")
    runtime.launch(order)
    wait_for(lambda: runtime.log(BOT))
    assert runtime.log(BOT)[0].endswith("freqtrade 2026.9")
    assert BEGIN in log_of(runtime).read_text()
    log_of(runtime).write_text(f"one\n{BEGIN}\ntwo\n{BEGIN}\n")
    assert "two" not in runtime.log(BOT)


def test_what_was_printed_is_the_log_of_one_that_never_logged(runtime):
    log_of(runtime).write_text(f"of the first\n{BEGIN}\n")
    (runtime.directory / BOT / launcher.CONSOLE).write_text("usage: freqtrade\n")
    assert runtime.log(BOT) == ["usage: freqtrade"]


def test_removing_puts_aside_and_refuses_while_it_lives(runtime, order):
    runtime.launch(order)
    with pytest.raises(RuntimeRefused, match="still runs"):
        runtime.remove(BOT)
    assert runtime.present() == {BOT}
    runtime.end(BOT, by_force=True)
    wait_for(lambda: not runtime.look(BOT).alive)
    runtime.remove(BOT)
    assert runtime.present() == set()
    (aside,) = runtime.directory.glob(f".gone-*-{BOT}")
    assert (aside / "config.json").exists()
    runtime.remove(BOT)
    runtime.launch(order)
    assert runtime.present() == {BOT}
    assert list(runtime.directory.glob(".gone-*")) == [aside]


def test_what_was_put_aside_goes_after_a_week(runtime):
    for number, age in enumerate((6.9, 7.1)):
        aside = runtime.directory / f".gone-{number}-{BOT}"
        aside.mkdir(parents=True)
        at = time.time() - age * 24 * 3600
        os.utime(aside, (at, at))
    assert runtime.present() == set()
    assert [path.name for path in runtime.directory.iterdir()] == [f".gone-0-{BOT}"]


def test_what_an_engine_printed_in_weeks_is_cut_off_while_it_writes(runtime, order):
    runtime.launch(order)
    console = runtime.directory / BOT / launcher.CONSOLE
    pid = runtime.look(BOT).handle.split(":")[0]
    (flags,) = (
        int(line.split()[1], 8)
        for line in Path(f"/proc/{pid}/fdinfo/1").read_text().splitlines()
        if line.startswith("flags")
    )
    assert flags & os.O_APPEND, "otherwise it would go on behind a hole as long as what was cut off"
    with console.open("ab") as file:
        file.write(b"x" * 1_000_001)
    runtime.present()
    assert console.stat().st_size == 0
