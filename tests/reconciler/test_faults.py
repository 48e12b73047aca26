"""Real Freqtrade engines, and all that goes wrong: each ends in the right status with a sentence, and nothing is left.

What is left is searched for after each: processes, ports, files with secrets in them.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bots.enums import StopWay
from bots.models import Bot
from bots.reconciler import decide
from bots.services.tokens import token_context
from tests.reconciler.conftest import Fleet
from tradewise.embedded import processes
from tradewise.secrets import open_sealed
from tradewise.simulation.engine import port_is_free
from tradewise.simulation.exchange_process import ExchangeProcess

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]


def password_of(fleet: Fleet, bot: Bot) -> str:
    row = fleet.row(bot)
    context = token_context(row.tenant_id, row.bot_id, row.api_url)
    return open_sealed(row.api_token, context=context).reveal().partition(":")[2]


@contextmanager
def nothing_is_left(fleet: Fleet, bot: Bot) -> Iterator[None]:
    """After the block the engine is gone with its port, and its password stands in no file."""
    password, port = password_of(fleet, bot), fleet.row(bot).exposed_host_port
    yield
    assert fleet.engines() == []
    assert port_is_free(port)
    row = fleet.row(bot)
    assert (row.places, row.api_token, row.exposed_host_port) == (0, None, None)
    for path in fleet.machine.directory.rglob("*"):
        if path.is_file():
            assert password.encode() not in path.read_bytes(), path
            assert path.suffix not in (".draft", ".new"), path


def until_given_up(fleet: Fleet, bot: Bot, seconds: float = 240) -> Any:
    """Without the pauses between two tries."""

    def is_so(row: Any) -> bool:
        fleet.sql(
            "UPDATE bot_engines SET next_visit_at = now() WHERE bot_id = %s AND phase = 'queued'", bot.pk
        )
        return bool(row.phase == "failed")

    return fleet.until(bot, is_so, seconds)


def test_the_exchange_is_down_at_the_start_and_comes_back(fleet: Fleet, exchange: ExchangeProcess) -> None:
    exchange.down()
    bot = fleet.launch()
    row = fleet.until(bot, lambda row: row.attempts >= 1)
    assert row.status == "starting"
    assert "The exchange could not be reached when the engine started." in row.connection_error
    assert "try 2 of 5" in row.connection_error
    exchange.ok()
    row = fleet.until_up(bot)
    assert (row.status, row.connection_error) == ("running", None)
    with nothing_is_left(fleet, bot):
        fleet.stop(bot)
        fleet.until_off(bot)


def test_the_exchange_stays_down(
    fleet: Fleet, exchange: ExchangeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "MOST_ATTEMPTS", 2)
    exchange.down()
    bot = fleet.launch()
    with nothing_is_left(fleet, bot):
        row = until_given_up(fleet, bot)
    assert row.status == "error"
    assert row.health == "engine_failed"
    assert row.connection_error == (
        "The exchange could not be reached when the engine started. It was started 2 times, and is not started again "
        "by itself."
    )


def test_the_port_is_taken_by_a_stranger(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "MOST_ATTEMPTS", 2)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", fleet.machine.ports[0]))
        stranger.listen()
        bot = fleet.launch()
        row = until_given_up(fleet, bot)
    assert row.status == "error"
    assert f"has taken the port {fleet.machine.ports[0]} of this bot" in row.connection_error
    assert fleet.engines() == []
    assert row.places == 0


def test_a_broken_configuration_is_given_up_though_the_engine_ends_with_0(fleet: Fleet) -> None:
    """What no model of ours lets through: a stake currency that the exchange has not."""
    bot = fleet.launch()
    fleet.sql(
        "UPDATE bot_engines SET config_json = jsonb_set(jsonb_set(config_json, '{stake_currency}', '\"XXX\"'), "
        "'{pairs}', '[\"BTC/XXX\"]') WHERE bot_id = %s",
        bot.pk,
    )
    with nothing_is_left(fleet, bot):
        row = until_given_up(fleet, bot)
    assert row.status == "error"
    assert row.attempts == 1
    assert "XXX" in row.connection_error


def test_an_engine_that_is_killed_starts_again_with_its_trades(fleet: Fleet) -> None:
    bot = fleet.launch()
    fleet.until_up(bot)
    first = fleet.pid(bot)
    os.kill(first, signal.SIGKILL)
    row = fleet.until(bot, lambda row: row.attempts == 1)
    assert row.status == "starting"
    assert "ended by itself" in row.connection_error
    fleet.until_up(bot)
    assert fleet.pid(bot) not in (0, first)
    assert len(fleet.engines()) == 1
    with nothing_is_left(fleet, bot):
        fleet.stop(bot)
        fleet.until_off(bot)


def test_an_engine_that_hangs_is_ended_and_started_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by SIGSTOP it holds its port and answers nothing; SIGTERM does not reach it."""
    monkeypatch.setattr(decide, "HUNG_SECONDS", 1.0)
    monkeypatch.setattr(decide, "TERM_SECONDS", 3.0)
    bot = fleet.launch()
    fleet.until_up(bot)
    first = fleet.pid(bot)
    os.kill(first, signal.SIGSTOP)
    fleet.sql("UPDATE bots SET next_check_at = now() WHERE id = %s", bot.pk)
    row = fleet.until(bot, lambda row: row.attempts == 1, sweeps=True)
    assert "The engine hung: it ran, and did not answer any more." in row.connection_error
    fleet.until_up(bot)
    assert fleet.pid(bot) not in (0, first)
    assert processes.start_time(first) is None
    with nothing_is_left(fleet, bot):
        fleet.stop(bot)
        fleet.until_off(bot)


@pytest.fixture
def small_disk(fleet: Fleet) -> Iterator[Path]:
    """The bots' directories on a disk of 4 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    fleet.machine.directory.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(fleet.machine.directory)]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    yield fleet.machine.directory
    for pid in fleet.engines():
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)
    subprocess.run(["umount", "-l", str(fleet.machine.directory)], check=True)


def test_the_disk_is_full_in_its_directory(
    fleet: Fleet, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "MOST_ATTEMPTS", 2)
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    bot = fleet.launch()
    row = until_given_up(fleet, bot)
    assert row.status == "error"
    assert "The disk of the machine is full" in row.connection_error
    assert fleet.engines() == []
    filler.unlink()
    fleet.start(bot)
    row = fleet.until_up(bot)
    assert row.connection_error is None


def test_a_worker_killed_mid_start_leaves_an_engine_that_its_successor_adopts(fleet: Fleet) -> None:
    """The lease of the dead is over: the successor finds the engine by its lock and starts no second one."""
    from bots.reconciler import tick

    bot = fleet.launch()

    class Killed(BaseException):
        """As if the worker had ended between the launch and what it was about to write of it."""

    with pytest.MonkeyPatch.context() as patch:

        def die(*_: Any) -> bool:
            raise Killed

        patch.setattr(tick, "write", die)
        with pytest.raises(Killed):
            fleet.tick()
    assert fleet.row(bot).phase == "queued"
    first = fleet.pid(bot)
    assert first
    fleet.sql("UPDATE bot_engines SET lease_until = now() - interval '1 s' WHERE bot_id = %s", bot.pk)
    fleet.until_up(bot)
    assert fleet.pid(bot) == first
    with nothing_is_left(fleet, bot):
        fleet.stop(bot, StopWay.NOW)
        fleet.until_off(bot)
