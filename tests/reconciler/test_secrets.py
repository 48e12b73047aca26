"""Canary secrets of a bot that is to trade live: they are in its engine's own environment, and nowhere else.

The engine is a real Freqtrade with the exchange's keys; the exchange is the simulated one for everything that it asks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.test import Client

from bots.enums import Mode
from bots.models import Bot
from bots.reconciler import visit
from bots.services import running
from bots.services.composing import compose
from bots.services.tokens import token_context
from tests.audit.test_canary import dump
from tests.reconciler.conftest import Fleet
from tests.secrets.test_canary import arguments_of_processes, kept_in_redis
from tradewise.embedded.processes import working_in
from tradewise.env import var_directory
from tradewise.secrets import open_sealed
from tradewise.simulation.exchange_process import ExchangeProcess
from tradewise.tenancy.context import tenant_context

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

KEY: Final = "canaryKeyQ7x" + "b" * 52
SECRET: Final = "canarySecretQ7x" + "c" * 49


@pytest.fixture(scope="module")
def own_exchange() -> Iterator[ExchangeProcess]:
    """What a live engine asks for beside is not to be counted by the tests of a dry run."""
    process = ExchangeProcess()
    process.start()
    yield process
    process.stop()


@pytest.fixture
def exchange(own_exchange: ExchangeProcess) -> ExchangeProcess:
    """What `fleet` trades on."""
    return own_exchange


@pytest.fixture
def live(
    fleet: Fleet, exchange: ExchangeProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Bot:
    """A bot that was set to trade live, started: as far as the simulated exchange knows what it asks for."""

    def pointed_at_the_simulation(setup: Any) -> dict[str, Any]:
        config = compose(setup)
        api = dict.fromkeys(("public", "private", "v1"), f"{exchange.url}/api/v3")
        api |= dict.fromkeys(("sapi", "sapiV2", "sapiV3", "sapiV4"), f"{exchange.url}/sapi/v1")
        config["exchange"]["ccxt_config"] = {
            "urls": {"api": api},
            "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False},
        }
        return config

    monkeypatch.setattr(visit, "compose", pointed_at_the_simulation)
    bot = fleet.launch(mode=Mode.DRY_RUN)
    fleet.stop(bot)
    fleet.until_off(bot)
    with tenant_context(fleet.trader.tenant_id, actor=str(fleet.trader.pk)):
        running.go_live(actor=fleet.trader, bot=bot, keys=f"{KEY}:{SECRET}")
    fleet.start(bot)
    return bot


def environments() -> dict[int, bytes]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = (entry / "environ").read_bytes()
            except OSError:
                continue
    return found


def test_keys_and_passwords_are_in_the_engines_own_environment_alone(
    fleet: Fleet,
    live: Bot,
    client_of: Any,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    row = fleet.row(live)
    context = token_context(row.tenant_id, row.bot_id, row.api_url)
    password = open_sealed(row.api_token, context=context).reveal().partition(":")[2]
    secrets = [word.encode() for word in (KEY, SECRET, password)]

    fleet.until(live, lambda row: row.phase != "queued")
    (engine,) = working_in(fleet.directory(live))
    holders = {pid for pid, environ in environments().items() if any(secret in environ for secret in secrets)}
    assert holders == {engine.pid}
    assert all(secret in environments()[engine.pid] for secret in secrets)
    arguments = arguments_of_processes()
    # It has asked the exchange with them by then, and was refused: the simulated one knows no accounts.
    row = fleet.until(live, lambda row: row.attempts >= 1 or row.phase == "failed")
    with tenant_context(fleet.trader.tenant_id, actor=str(fleet.trader.pk)):
        running.ask_for_log(actor=fleet.trader, bot=live)
    fleet.tick()
    row = fleet.row(live)
    assert len(row.log_lines.splitlines()) > 5
    browser: Client = client_of(fleet.trader)
    pages = [
        browser.get(path).content for path in ("/", f"/bots/{live.bot_id}/", f"/bots/{live.bot_id}/log/")
    ]
    logged = capfd.readouterr()
    places = {
        "arguments": arguments,
        "pages": b"".join(pages),
        "dump": dump(),
        "redis": kept_in_redis(),
        "our own logs": f"{logged.out}{logged.err}{caplog.text}".encode(),
        "events": str(row.told).encode(),
        **{str(path): path.read_bytes() for path in fleet.machine.directory.rglob("*") if path.is_file()},
        **{str(path): path.read_bytes() for path in (var_directory() / "log").glob("*") if path.is_file()},
    }
    hits = [(name, secret[:6]) for name, content in places.items() for secret in secrets if secret in content]
    assert hits == []
    # It came so far as to ask the exchange with them.
    assert "This endpoint does not exist on the simulated exchange" in row.log_lines
    assert fleet.sql(
        "SELECT id FROM audit_logs WHERE action = 'bot.keys_used' AND resource_id = %s", live.bot_id
    )
