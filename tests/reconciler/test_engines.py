"""Real Freqtrade engines, one of each kind: they start, trade on the simulated exchange, and stop in all three ways.

What the site shows of them is compared with Freqtrade's own figures, asked at the same moment.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from bots.adapters.own import OwnFreqtrade, client_of_engines
from bots.enums import StopWay
from bots.exchanges import ask_markets
from bots.models import Bot
from bots.services.tokens import token_context
from bots.strategies import kinds
from marketplace.models import BotTemplate
from marketplace.records import measure
from marketplace.services.observing import look, source_of
from marketplace.services.starting import configuration_of
from tests.factories.subscriptions import make_template
from tests.marketplace.recorded import data, shows, turn
from tests.reconciler.conftest import QUICK, Fleet, wait_for
from tradewise.secrets import open_sealed
from tradewise.simulation.exchange_process import ExchangeProcess
from tradewise.tenancy.context import tenant_context

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

CENT = Decimal("0.01")
#: Seconds. A trade takes a minute or two; now and then the market goes the other way for a while.
LONG = 1200


@pytest.fixture(scope="module")
def wild() -> Iterator[ExchangeProcess]:
    """An exchange on which a trade seldom takes more than a minute."""
    process = ExchangeProcess(seed=7, volatility=0.02)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def exchange(wild: ExchangeProcess) -> ExchangeProcess:
    """What `fleet` trades on."""
    return wild


def grid_around(price: Decimal) -> dict[str, Any]:
    """Lines 0.5 % apart, twenty below and twenty above: twice as far apart, a sale may take ten minutes."""
    return {
        "strategy": "grid",
        "exchange": "binance",
        "stake_currency": "USDT",
        "pairs": ["BTC/USDT"],
        "timeframe": "1m",
        "parameters": {
            "lower": float((price * Decimal("0.9")).quantize(CENT)),
            "upper": float((price * Decimal("1.1")).quantize(CENT)),
            "levels": 41,
            "unit": 22,
        },
    }


def launch_from_template(fleet: Fleet, config: dict[str, Any]) -> Bot:
    """A bot of a published template of the trader's own, with what the template says."""
    kind = config["strategy"]
    author = fleet.trader.tenant_id
    template = make_template(f"Quick {kind}", config, strategy_type=kind, creator_tenant_id=author)
    said = kinds.dump(configuration_of(template))
    bot = fleet.launch(config=said, template_id=template.template_id)
    assert bot.config_template == template.template_id
    return bot


def ask(fleet: Fleet, bot: Bot, path: str) -> Any:
    """What the engine itself says, by its own credentials."""
    from bots.adapters import Credentials

    row = fleet.row(bot)
    context = token_context(row.tenant_id, row.bot_id, row.api_url)
    credentials = Credentials.parse(open_sealed(row.api_token, context=context).reveal())

    async def call() -> Any:
        async with client_of_engines(fleet.machine.ports, limit=1) as client:
            return await OwnFreqtrade(client, row.api_url, credentials)._ask(path, max_bytes=2_000_000)

    return asyncio.run(call())


def figures_beside(fleet: Fleet, bot: Bot) -> tuple[Any, dict[str, Any]]:
    """What was stored, and what the engine said just before and just after: tried until both are the same."""
    for _ in range(40):
        before = ask(fleet, bot, "profit")
        fleet.sql("UPDATE bots SET next_figures_at = now(), next_check_at = now() WHERE id = %s", bot.pk)
        fleet.sweep()
        after = ask(fleet, bot, "profit")
        same = [
            before[name] == after[name] for name in ("profit_all_coin", "profit_closed_coin", "trade_count")
        ]
        if all(same):
            (figures,) = fleet.sql("SELECT * FROM bot_figures WHERE bot_id = %s", bot.pk)
            return figures, after
        time.sleep(0.3)
    pytest.fail("The prices never stood still for a moment.")


def has_sold(fleet: Fleet, bot: Bot) -> bool:
    """A trade, or a part of one: a grid's whole cycle is one trade, which may take hours."""
    fleet.tick()
    fleet.sweep()
    if ask(fleet, bot, "profit")["closed_trade_count"]:
        return True
    return any(trade.get("realized_profit") for trade in ask(fleet, bot, "status"))


def test_each_kind_trades_and_is_stopped_in_its_own_way(fleet: Fleet, wild: ExchangeProcess) -> None:
    price = ask_markets(wild.url, ["BTC/USDT"], simulated=True).by_pair["BTC/USDT"].price
    assert price is not None
    dca, momentum, grid = (
        launch_from_template(fleet, config)
        for config in (QUICK["dca"], QUICK["momentum"], grid_around(price))
    )
    bots = {"dca": dca, "momentum": momentum, "grid": grid}
    for bot in bots.values():
        row = fleet.until_up(bot)
        assert (row.status, row.is_simulated, row.connection_error) == ("running", True, None)
    for kind, bot in bots.items():
        wait_for(partial(has_sold, fleet, bot), LONG, f"{kind} sells")
    for bot in bots.values():
        compare(fleet, bot)
        compare_record(fleet, bot)

    fleet.stop(dca, StopWay.CLOSE)
    fleet.stop(grid, StopWay.NOW)
    fleet.stop(momentum, StopWay.EXITS)
    held = fleet.row(momentum)
    assert held.status == "stopping"
    fleet.until_off(grid)
    fleet.until_off(dca)
    fleet.until_off(momentum, LONG)
    for bot in bots.values():
        row = fleet.row(bot)
        assert (row.status, row.places, row.exposed_host_port, row.api_token) == ("inactive", 0, None, None)
    assert fleet.engines() == []
    for bot in (dca, momentum):
        assert open_in_its_database(fleet, bot) == 0
        # What was closed last was read before the engine ended.
        (figures,) = fleet.sql("SELECT * FROM bot_figures WHERE bot_id = %s", bot.pk)
        assert figures.open_trade_count == 0
        assert figures.closed_trades == closed_in_its_database(fleet, bot)


def compare(fleet: Fleet, bot: Bot) -> None:
    figures, own = figures_beside(fleet, bot)
    exactly = Decimal("1e-6")
    assert abs(figures.profit_all - Decimal(str(own["profit_all_coin"]))) < exactly
    assert abs(figures.profit_closed - Decimal(str(own["profit_closed_coin"]))) < exactly
    assert figures.closed_trades == own["closed_trade_count"]
    assert figures.starting_capital == 1000
    assert figures.equity == figures.starting_capital + figures.profit_all
    (seen,) = fleet.sql("SELECT coalesce(sum(profit), 0) AS profit FROM bot_trades WHERE bot_id = %s", bot.pk)
    # What a grid has sold of a trade that is open still is in neither.
    assert abs(seen.profit - figures.profit_closed) < Decimal("1e-4")


def compare_record(fleet: Fleet, bot: Bot) -> None:
    """The template whose author shows this bot: its record is what the engine says of its own trades."""
    (template,) = fleet.sql("SELECT id FROM bot_templates WHERE template_id = %s", bot.config_template)
    shows(template.id, bot.pk)
    figures, own = figures_beside(fleet, bot)
    assert turn().failed == 0
    told = data(template.id)
    assert (told["tier"], told["mode"], told["currency"]) == ("observed", "simulated", "USDT")
    assert (told["trades"], told["deleted_trades"], told["gaps"]) == (own["closed_trade_count"], 0, 0)
    # As the simulated exchange takes it.
    assert told["fee_rate"] == ("0.001" if own["closed_trade_count"] else None)
    # Of an hour no record tells a figure. Those that it will tell are reckoned all the same.
    assert (told["is_enough"], told["return"], told["win_rate"]) == (False, None, None)
    with tenant_context(fleet.trader.tenant_id):
        shown = Bot.objects.select_related("engine", "figures").get(pk=bot.pk)
        of = BotTemplate.across_tenants.get(pk=template.id)
        seen = look(source_of(shown, of, None), {}, datetime.now(UTC)).observed
    reckoned = measure(seen)
    begun = seen.equity[0].equity
    assert begun is not None
    assert reckoned.total_return is not None
    assert abs(reckoned.total_return - (figures.equity / begun - 1)) < Decimal("1e-9")
    if reckoned.win_rate is not None:
        assert abs(reckoned.win_rate - Decimal(str(own["winrate"]))) < Decimal("1e-6")
    if reckoned.profit_factor is not None:
        assert abs(reckoned.profit_factor - Decimal(str(own["profit_factor"]))) < Decimal("1e-6")


def open_in_its_database(fleet: Fleet, bot: Bot) -> int:
    return counted(fleet, bot, "is_open")


def closed_in_its_database(fleet: Fleet, bot: Bot) -> int:
    return counted(fleet, bot, "NOT is_open")


def counted(fleet: Fleet, bot: Bot, condition: str) -> int:
    import sqlite3

    with sqlite3.connect(fleet.directory(bot) / "trades-simulated.sqlite") as trades:
        return int(trades.execute(f"SELECT count(*) FROM trades WHERE {condition}").fetchone()[0])


def test_five_start_together(fleet: Fleet) -> None:
    """How long that takes and what they use, `benchmarks.engines` says."""
    bots = [fleet.launch("dca", name=f"Bot {number}") for number in range(5)]
    for bot in bots:
        fleet.until_up(bot)
    assert len(set(fleet.engines())) == 5
    ports = {fleet.row(bot).exposed_host_port for bot in bots}
    assert len(ports) == 5
