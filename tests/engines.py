"""A real Freqtrade on the simulated exchange, for tests that believe nothing less.

Loaded with `-p tests.engines`, because tests in several directories share it.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tradewise.simulation import installation
from tradewise.simulation.configuration import QUICK
from tradewise.simulation.engine import DemoBot
from tradewise.simulation.exchange_process import ExchangeProcess

BotFactory = Callable[..., DemoBot]


@pytest.fixture(scope="session")
def freqtrade_venv() -> Path:
    """Where Freqtrade is installed; without it the tests are skipped, except in CI."""
    if not installation.is_installed():
        sentence = "Freqtrade is not installed: run python -m tradewise.simulation.installation"
        if os.environ.get("CI"):
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    return installation.ENVIRONMENT


@pytest.fixture(scope="session")
def exchange_process() -> Iterator[ExchangeProcess]:
    process = ExchangeProcess()
    process.start()
    yield process
    process.stop()


@pytest.fixture
def exchange(exchange_process: ExchangeProcess) -> Iterator[ExchangeProcess]:
    """The exchange: ok(), down(), slow(), throttled(), stop(), restart(). Healthy again after each test."""
    yield exchange_process
    if exchange_process.process is None:
        exchange_process.start()
    exchange_process.ok()


@pytest.fixture(scope="session")
def freqtrade_bot(
    freqtrade_venv: Path, exchange_process: ExchangeProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BotFactory]:
    """Make a bot that is ready: start(), wait_ready(), ask(), stop(), kill(). All end with the session.

    Another `password` before a second start() changes the credentials; trades stay.
    """
    bots: list[DemoBot] = []

    def make(username: str = "trader", password: str = "p-correct", **changes: object) -> DemoBot:
        directory = tmp_path_factory.mktemp("freqtrade")
        bot = DemoBot(
            directory,
            free_port(),
            username,
            password,
            exchange_process.url,
            name=directory.name,
            changes={**QUICK, **changes},
        )
        bots.append(bot)
        bot.start()
        bot.wait_ready()
        return bot

    yield make
    for bot in bots:
        bot.stop()
