"""A trader connects a real Freqtrade through the site's own pages and sees the truth about it.

The site, the worker, beat, Freqtrade and the exchange are processes of their own; the trader has a browser
without JavaScript. How long each turn took to be seen is in the test report, as a property in seconds.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from bots.enums import HealthReason
from tests.visitor import Page, Visitor
from tests.whole import Whole, until
from tradewise.simulation.engine import DemoBot
from tradewise.web import formatting

pytestmark = pytest.mark.engine

VERSION = "2026.9"
STAKE = 100
#: How long anything may take here, in seconds, before it is taken for broken. How long it took is in the report.
PATIENCE = 90
ADDRESS, PASSWORD = "wilma@example.com", "seven quiet lighthouses"


@dataclass
class Trader:
    """Somebody in front of the site, and the bot that is looked at."""

    visitor: Visitor
    whole: Whole
    bot: DemoBot
    home: str = ""

    def look(self) -> Page:
        """The bot's page, anew."""
        return self.visitor.open(self.home)

    @property
    def status(self) -> str:
        return self.look().words(kind="status")

    def sees(self, status: str, *words: str) -> bool:
        """Whether the page says so now."""
        page = self.look()
        live = page.words(id="live")
        return page.words(kind="status") == status and all(word in live for word in words)

    @property
    def row(self) -> Any:
        """The bot in the database."""
        (row,) = self.whole.sql("SELECT * FROM bots WHERE bot_id = %s", self.home.split("/")[-2])
        return row

    @property
    def figures(self) -> Any:
        """What was read of its figures last; None before."""
        rows = self.whole.sql("SELECT * FROM bot_figures WHERE bot_id = %s", self.row.id)
        return rows[0] if rows else None

    def read_anew(self) -> Any:
        """Figures that were asked for after now: the worker's login makes them due, a minute is long."""
        before = self.figures
        known = (before.taken_at, before.rejected_samples) if before else None

        def fresh() -> Any:
            self.whole.sql("UPDATE bots SET next_figures_at = now()", login="tw_worker")
            now = self.figures
            return now if now and (now.taken_at, now.rejected_samples) != known else None

        return until(fresh, PATIENCE, "figures are read")

    @property
    def engine_state(self) -> str:
        return str(self.bot.ask("GET", "show_config").body["state"])


@pytest.fixture(scope="module")
def newcomer(whole: Whole, trading_bot: DemoBot) -> Trader:
    """Signs up and proves the address with the code from the mail."""
    visitor = Visitor(whole.url)
    visitor.open("/account/signup/")
    visitor.press("Make the account", full_name="Wilma", email=ADDRESS, password1=PASSWORD)
    visitor.press("Confirm", code=whole.code_for(ADDRESS))
    return Trader(visitor, whole, trading_bot)


@pytest.fixture(scope="module")
def connected(newcomer: Trader) -> Trader:
    """Has connected the bot."""
    bot, visitor = newcomer.bot, newcomer.visitor
    visitor.open("/connect/")
    page = visitor.press(
        "Connect", url=bot.url, username=bot.username, password=bot.password, name="Real Freqtrade"
    )
    assert "Real Freqtrade is connected." in page.words(), page.words()
    newcomer.home = page.url
    return newcomer


@pytest.fixture
def trader(connected: Trader, exchange) -> Trader:
    """Sees the bot run and has seen its figures, whatever the last test did to it."""
    if not connected.bot.is_running:
        connected.bot.start()
        connected.bot.wait_ready()
    if connected.bot.ask("GET", "show_config").body["state"] != "running":
        connected.bot.ask("POST", "start")
    # One answer that the exchange refused stands in Freqtrade's log, and so on the page, for a minute.
    until(lambda: connected.sees("Running", "The bot runs."), 180, "the page shows that the bot runs")
    until(lambda: connected.figures or connected.read_anew(), PATIENCE, "its first figures")
    return connected


@pytest.fixture
def holding(trader: Trader) -> Iterator[Trader]:
    """Has a bot that was started a moment ago, has open trades and keeps them.

    Freqtrade keeps the prices that it has for five to ten minutes. After a start it has none to hide behind,
    as long as nobody asks for its figures.
    """
    before = trader.bot.changes
    later = "UPDATE bots SET next_figures_at = now() + interval '10 min'"
    trader.whole.sql(later, login="tw_worker")
    trader.bot.kill()
    patient = {"dip": 0, "take_profit": 1, "hold_seconds": 3600}
    trader.bot.changes = {**before, "tradewise_demo": patient}
    trader.bot.start()
    trader.bot.wait_ready()
    # A pair may be locked for the rest of a minute, and the next price be none to buy at.
    until(lambda: trader.bot.ask("GET", "status").body, 150, "a trade is open")
    yield trader
    trader.bot.changes = before
    trader.bot.kill()


@pytest.fixture
def timed(record_property) -> Callable[..., Any]:
    """`with timed("stopped"): …` puts the seconds that it took into the test report."""

    @contextmanager
    def measure(what: str):
        began = time.monotonic()
        yield
        record_property(what, f"{time.monotonic() - began:.1f}")

    return measure


def test_who_signed_up_is_in_and_can_come_again(newcomer):
    assert newcomer.visitor.open("/").words(id="main").startswith("Your bots")
    again = Visitor(newcomer.whole.url)
    assert again.open("/").url.partition("?")[0].endswith("/account/login/")
    assert again.press("Log in", login=ADDRESS, password="not this one").status == 422
    again.press("Log in", login=ADDRESS, password=PASSWORD)
    assert again.page.words(id="main").startswith("Your bots")


def test_a_test_says_what_is_wrong_and_then_what_is_there_and_saves_nothing(newcomer):
    bot, visitor = newcomer.bot, newcomer.visitor
    count = "SELECT count(*) AS bots FROM bots"
    (before,) = newcomer.whole.sql(count)
    visitor.open("/connect/")
    wrong = visitor.press("Test", url=bot.url, username=bot.username, password="p-mistyped")
    assert wrong.status == 422
    assert "refuses this user name and password" in wrong.words(id="diagnosis")
    well = visitor.press("Test", password=bot.password).words(id="diagnosis")
    assert "The bot answers, and the password is right." in well
    for fact in (VERSION, "TradeWiseDemo", "binance", "USDT", "Dry run"):
        assert fact in well
    assert newcomer.whole.sql(count) == [before]


def test_it_is_seen_to_run_with_the_right_version(trader):
    # A check in its first moments may find it without prices.
    until(lambda: trader.status == "Running", PATIENCE, "it runs")
    page = trader.look()
    assert trader.bot.ask("GET", "version").body["version"] == VERSION
    assert VERSION in page.words(kind="facts")
    assert "Real Freqtrade" in trader.visitor.open("/").words(id="fleet")
    until(
        lambda: "Nothing needs attention." in trader.visitor.open("/").words(id="fleet"),
        PATIENCE,
        "all is well",
    )


def test_trades_close_and_the_profit_is_freqtrades_own(trader, timed):
    with timed("first closed trade is seen"):
        until(lambda: (trader.read_anew().closed_trades or 0) > 0, 300, "a closed trade")

    def in_the_same_state():
        before = trader.bot.ask("GET", "profit").body
        figures = trader.read_anew()
        page = trader.look()
        after = trader.bot.ask("GET", "profit").body
        closed = ("closed_trade_count", "profit_closed_coin")
        still = all(before[name] == after[name] for name in closed) and figures == trader.figures
        return (before, figures, page) if still else None

    own, figures, page = until(in_the_same_state, 60, "both were asked between two trades")
    places = Decimal("1e-8")
    assert figures.profit_closed == Decimal(str(own["profit_closed_coin"])).quantize(places)
    assert figures.closed_trades == own["closed_trade_count"] > 0
    assert (figures.winning_trades, figures.losing_trades) == (own["winning_trades"], own["losing_trades"])
    capital = trader.bot.ask("GET", "balance").body["starting_capital"]
    assert figures.starting_capital == Decimal(str(capital)).quantize(places)
    assert figures.equity == figures.starting_capital + figures.profit_all
    assert page.tile("Closed trades") == str(own["closed_trade_count"])
    shown = " ".join(formatting.money(figures.profit_all, "USDT").split())
    assert page.tile("In all").endswith(shown)
    trades = trader.whole.sql(
        "SELECT count(*) AS count, sum(profit) AS sum FROM bot_trades WHERE bot_id = %s", trader.row.id
    )[0]
    assert trades.count == figures.closed_trades
    assert abs(trades.sum - figures.profit_closed) < trades.count * places


def test_a_stopped_bot_is_seen_stopped_and_a_started_one_running(trader, timed):
    confirmation = trader.visitor.open(f"{trader.home}stop/").words(id="main")
    assert "nobody watches its open trades" in confirmation
    with timed("stop: seen stopped"):
        trader.visitor.press("Stop")
        until(lambda: trader.sees("Stopped"), PATIENCE, "the page shows that the bot is stopped")
    assert trader.engine_state == "stopped"
    assert trader.row.status == "inactive"
    with timed("start: seen running"):
        trader.visitor.press("Start")
        until(lambda: trader.sees("Running"), PATIENCE, "the page shows that the bot runs")
    assert trader.engine_state == "running"


def test_a_paused_bot_is_seen_paused_and_a_resumed_one_running(trader, timed):
    trader.look()
    with timed("pause: seen paused"):
        trader.visitor.press("Pause")
        until(lambda: trader.sees("Paused"), PATIENCE, "the page shows that the bot is paused")
    assert trader.engine_state == "paused"
    with timed("resume: seen running"):
        trader.visitor.press("Resume")
        until(lambda: trader.sees("Running"), PATIENCE, "the page shows that the bot runs")
    assert trader.engine_state == "running"


def test_a_reloaded_bot_is_seen_to_have_read_its_configuration(trader, timed):
    trader.visitor.open(f"{trader.home}reload/")
    with timed("reload: seen running"):
        trader.visitor.press("Reload configuration")
        until(
            lambda: "has read its configuration anew. The bot runs." in trader.look().words(kind="events"),
            PATIENCE,
            "the page tells that the bot read its configuration",
        )
        until(lambda: trader.sees("Running", "The bot runs."), PATIENCE, "the page shows that the bot runs")


def test_a_killed_bot_is_down_after_three_checks_and_back_by_itself(trader, timed):
    with timed("kill -9: the reason is seen"):
        trader.bot.kill()
        until(
            lambda: "Nothing listens at 127.0.0.1" in trader.look().words(id="live"), PATIENCE, "the reason"
        )
    with timed("kill -9: down after that"):
        until(lambda: trader.status == "Down", PATIENCE, "the page shows that the bot is down")
    row = trader.row
    assert row.status == "error"
    assert row.failures >= 3
    assert HealthReason(row.health).label.startswith("Unreachable")
    assert "Unreachable" in trader.look().words(id="live")
    assert "1 needs attention" in trader.visitor.open("/").words(id="fleet")
    trader.bot.start()
    trader.bot.wait_ready()
    with timed("started again: seen running"):
        until(lambda: trader.sees("Running", "The bot runs."), PATIENCE, "the page shows that the bot runs")
    assert (trader.row.failures, trader.row.connection_error) == (0, None)
    assert "Unreachable" not in trader.look().words(id="live")


def test_a_changed_password_is_noticed_and_the_new_one_mends_it(trader, timed):
    trader.bot.stop()
    trader.bot.password = "p-another-battery"
    trader.bot.start()
    trader.bot.wait_ready()
    with timed("wrong password: down, seen from when it answers"):
        until(
            lambda: trader.sees("Down", "refuses this user name and password"),
            PATIENCE,
            "the page tells the reason",
        )
    assert trader.row.health == HealthReason.AUTH
    trader.visitor.open(f"{trader.home}edit/")
    trader.visitor.press("Save", username=trader.bot.username, password=trader.bot.password)
    with timed("new password: seen running"):
        until(lambda: trader.sees("Running", "The bot runs."), PATIENCE, "the page shows that the bot runs")


def test_an_exchange_that_is_down_is_shown_as_such_and_is_no_loss(holding, exchange, timed):
    trader, well = holding, holding.figures
    exchange.down()
    # What it says beside that depends on the moment: a check may have come across the exchange by now.
    until(lambda: trader.sees("Running"), PATIENCE, "the page shows that the bot runs")
    with timed("exchange down: seen"):

        def is_told():
            trader.read_anew()
            return trader.sees("Running", "gets no prices from its exchange", "equity is not updated since")

        # At once, unless somebody else's check asked for figures after the start: then Freqtrade hides behind the
        # prices that it has, for ten minutes at most.
        until(is_told, 660, "the page tells that the exchange does not answer")
    assert trader.row.health == HealthReason.EXCHANGE_UNREACHABLE
    assert "1 needs attention" in trader.visitor.open("/").words(id="fleet")
    rejected = trader.read_anew()
    assert rejected.rejected_samples > well.rejected_samples
    assert abs(rejected.equity - well.equity) < STAKE / 10
    assert trader.bot.ask("GET", "status").body, "the trades are still open"
    exchange.ok()
    with timed("exchange up: seen"):

        def is_well():
            trader.read_anew()
            return trader.sees("Running", "The bot runs.") and not trader.figures.rejected_reason

        # As long as the log of the last 75 s tells of failures.
        until(is_well, 130, "the page tells that all is well")
    assert "equity is not updated" not in trader.look().words(id="live")
    equities = [
        row.equity
        for row in trader.whole.sql("SELECT equity FROM bot_samples WHERE bot_id = %s", trader.row.id)
    ]
    assert len(equities) >= 2
    assert max(equities) - min(equities) < STAKE / 10
