"""What a real Freqtrade 2026.9 answered, played back: in each state, and with its exchange down."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from bots.adapters import Rejection
from bots.enums import Command, EngineState, HealthReason

RECORDED = Path(__file__).parent / "recorded"
QUESTIONS = ("show_config", "health", "profit", "status", "daily", "balance", "trades")


def load(name: str):
    """The status and the body, as `PlayedBot.answers` takes them."""
    record = json.loads((RECORDED / f"{name}.json").read_text())
    return record["status"], record["body"]


def play(bot, situation: str):
    bot.answers = {question: load(f"{situation}_{question}") for question in QUESTIONS}


def look(bot):
    async def everything(adapter):
        return await adapter.probe(), await adapter.figures(), await adapter.trades(0)

    return bot.talk(everything)


@pytest.mark.parametrize(
    ("situation", "state", "reason"),
    [
        ("running", EngineState.RUNNING, HealthReason.OK),
        ("paused", EngineState.PAUSED, HealthReason.PAUSED),
        ("stopped", EngineState.STOPPED, HealthReason.STOPPED),
    ],
)
def test_a_real_bot_is_understood(bot, situation, state, reason) -> None:
    play(bot, situation)
    probe, figures, trades = look(bot)
    assert (probe.state, probe.reason) == (state, reason)
    assert probe.version == "2026.9"
    assert figures.rejected is None
    assert figures.starting_capital == 990
    assert figures.equity == figures.starting_capital + figures.profit_all
    assert figures.closed_trades == 3
    assert [trade.trade_id for trade in trades] == [3, 4]  # the record was asked for two
    assert all(trade.closed_at and trade.profit_abs is not None for trade in trades)
    assert all(trade.opened_at and trade.current_rate for trade in figures.open_trades)
    assert figures.days


def test_the_fees_of_a_real_trade_are_what_lies_between_its_orders_and_its_profit(bot) -> None:
    play(bot, "running")
    _, _, trades = look(bot)
    said = {trade["trade_id"]: trade for trade in bot.answers["trades"][1]["trades"]}
    for trade in trades:
        bought, sold = (
            Decimal(str(order["filled"])) * Decimal(str(order["average"])) for order in orders(said, trade)
        )
        assert trade.turnover == bought + sold
        assert trade.fees == trade.turnover * Decimal("0.0002")
        assert abs(sold - bought - trade.fees - trade.profit_abs) < Decimal("1e-8")


def orders(said, trade):
    """The one with which it began and the one with which it ended."""
    return sorted(said[trade.trade_id]["orders"], key=lambda order: not order["ft_is_entry"])


def test_a_real_bot_whose_exchange_is_down_shows_no_loss(bot) -> None:
    play(bot, "exchange_down")
    probe, figures, _ = look(bot)
    assert probe.reason == HealthReason.OK  # the bot itself does not notice
    # Its prices are cached for five minutes; the balance shows at once that it gets none, ten percent lower.
    assert (figures.rejected, figures.equity) == (Rejection.ZERO_VALUED, None)


def test_the_balance_of_that_moment_is_refused_when_it_is_needed(bot) -> None:
    play(bot, "exchange_down")
    profit = bot.answers["profit"][1]
    unmoved = {name: 0 for name in profit if name.endswith(("_coin", "_ratio"))}
    bot.answers["profit"] = profit | unmoved
    figures = bot.talk(lambda adapter: adapter.figures())
    assert (figures.rejected, figures.equity) == (Rejection.ZERO_VALUED, None)


def test_a_real_bot_takes_commands(bot) -> None:
    bot.answers = {name: load(f"running_{name}") for name in ("start", "stop", "pause", "reload_config")}

    async def all_of_them(adapter):
        for command in Command:
            await adapter.command(command)

    bot.talk(all_of_them)
    assert len(bot.asked) == len(Command)


def test_a_real_bot_refuses_a_wrong_password(bot) -> None:
    bot.answers["show_config"] = load("wrong_password")
    assert bot.talk(lambda adapter: adapter.probe()).reason == HealthReason.AUTH
