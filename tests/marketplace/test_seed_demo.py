"""Demo data: published as everybody's templates are, replayed by the real Freqtrade, and taken away without a trace."""

import getpass
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from accounts.platform import Platform
from bots.replays.days import CENT
from bots.replays.engine import ReplayFailed, replay_engine
from bots.services.replaying import keep_replay
from bots.strategies import kinds, needs
from marketplace.enums import TemplateStatus
from marketplace.exceptions import NameTaken
from marketplace.models import BotTemplate, TemplateVersion
from marketplace.services.checks import checks_of
from marketplace.services.demo import seeding
from marketplace.services.demo.catalog import CATALOG
from marketplace.services.demo.entries import SAYS
from tests import servers
from tests.audit.test_coverage_ops import manage
from tests.audit.world import entries_since, last_entry, sql
from tests.factories.subscriptions import make_subscription, make_template, subscribers
from tests.logins import as_login
from tests.marketplace.written import template
from tests.strategies.backtesting import STRATEGIES, environment, exported
from tradewise.celery import app
from tradewise.simulation.history import milliseconds
from tradewise.simulation.installation import executable
from tradewise.tenancy.context import PLATFORM, tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

ACTOR = Platform("ops:tester")
FEW = ("--templates", "3", "--days", "20")
SPAN = seeding.Span.until(date(2026, 6, 1), 20)


def published(*entries: Any) -> None:
    """The platform's account, which a test before this one took away, and templates of it."""
    sql(
        "INSERT INTO users (email, hashed_password, tenant_id) VALUES ('platform@tradewise.invalid', '!', %s) "
        "ON CONFLICT DO NOTHING",
        PLATFORM,
    )
    with as_login("tw_migrator"):
        for entry in entries:
            with tenant_context(PLATFORM, actor=ACTOR.pk, action="demo.seed"):
                seeding.publish(actor=ACTOR, entry=entry)


def a_replay(template_id: str) -> None:
    """A bot without an engine, as `keep_replay` leaves it."""
    sql(
        "INSERT INTO bots (bot_id, tenant_id, bot_type, name, config_template, is_simulated, dry_run) "
        "VALUES (%s, %s, 'platform', 'Replay', %s, true, true)",
        template_id,
        PLATFORM,
        template_id,
    )


def counts() -> dict[str, int]:
    tables = ("bot_templates", "template_versions", "bots", "bot_trades", "bot_days", "bot_figures")
    return {table: sql(f"SELECT count(*) AS n FROM {table}")[0].n for table in tables}


# ——— what it is made of ———


def test_there_are_twelve_of_each_kind_that_the_simulated_exchange_can_trade() -> None:
    assert [sum(entry.kind == kind for entry in CATALOG) for kind in ("dca", "grid", "momentum")] == [12] * 3
    assert len({entry.template_id for entry in CATALOG}) == 36
    assert {entry.risk for entry in CATALOG} == {"low", "medium", "high"}
    for entry in CATALOG:
        for text in entry.texts:
            assert text.description.endswith(SAYS)
            configuration = kinds.parse(text.config)
            needed = needs.needed_allocation(configuration)
            assert needs.problems(configuration, allocation=needed, smallest_order=Decimal(5)) == ()


def test_templates_pass_the_moderators_own_checks(transactional_db: None) -> None:
    before = last_entry()
    published(*CATALOG)
    with as_login("tw_migrator"), tenant_context(PLATFORM):
        versions = list(TemplateVersion.across_tenants.select_related("template"))
        failed = [check for version in versions for check in checks_of(version) if check.is_well is False]
    assert failed == []
    assert {version.status for version in versions} == {TemplateStatus.PUBLISHED}
    assert [
        row.n for row in sql("SELECT count(*) AS n FROM bot_templates WHERE is_public AND version = 2")
    ] == [sum(len(entry.texts) == 2 for entry in CATALOG)]
    # Each step is in the trail, with who took it; nobody gets a mail.
    taken = {e.action for e in entries_since(before) if e.resource_type == "template_version"}
    assert taken == {"template.create", "template.submit", "template.approve", "template.edit"}
    assert {e.actor for e in entries_since(before) if e.resource_type == "template_version"} == {ACTOR.pk}
    # Who follows a template is told of its second version; nobody else is told of anything.
    told = sql("SELECT kind, payload FROM outbox_messages")
    assert {(each.kind, each.payload["number"]) for each in told} == {("marketplace.tell_author", 2)}


def test_nobody_can_log_in_as_its_author(transactional_db: None) -> None:
    published(CATALOG[0])
    (author,) = sql("SELECT u.* FROM users u JOIN bot_templates t ON t.creator_tenant_id = u.tenant_id")
    assert author.hashed_password == "!"


def test_by_default_nothing_is_changed(transactional_db: None) -> None:
    before = counts()
    assert manage("seed_demo").stdout == (
        "Would publish 36 demo templates, and replay 36 on 240 days of invented prices: some minutes at low "
        "priority. Add --apply to do it.\n"
    )
    assert manage("seed_demo", "--remove").stdout == "There is no demo data.\n"
    assert counts() == before
    assert manage("seed_demo", "--days", "0").returncode == 1


# ——— really replayed ———


@pytest.mark.engine
def test_it_makes_records_and_a_second_run_adds_nothing(freqtrade_venv: Any, transactional_db: None) -> None:
    before = last_entry()
    done = manage("seed_demo", "--apply", *FEW)
    assert done.returncode == 0, done.stderr
    assert "3 of 3: " in done.stdout
    found = sql(
        "SELECT b.*, t.is_public AS public FROM bots b JOIN bot_templates t ON t.template_id = b.config_template"
    )
    assert len(found) == 3
    for bot in found:
        assert (bot.tenant_id, bot.bot_type, bot.is_simulated, bot.public) == (
            PLATFORM,
            "platform",
            True,
            True,
        )
        assert (bot.status, bot.desired_state, bot.api_url, bot.api_token) == (
            "inactive",
            "stopped",
            None,
            None,
        )
        check_the_record(bot.id)
    assert sql("SELECT FROM bot_engines") == []
    (made, *_) = [e for e in entries_since(before) if e.resource_type == "bot"]
    assert (made.actor, made.action) == (f"ops:{getpass.getuser()}", "bot.replay")

    all_there = counts()
    again = manage("seed_demo", "--apply", *FEW)
    assert again.stdout == "All 3 demo templates are there. Nothing was added.\n"
    with as_login("tw_worker"):
        app.tasks["bots.sweep"].apply().get()
        app.tasks["bots.reconcile"].apply().get()
    assert counts() == all_there
    assert {row.checks for row in sql("SELECT checks FROM bots")} == {0}
    assert manage("seed_demo", "--remove", "--apply").stdout == "Removed 3 demo templates and 3 replays.\n"
    assert set(counts().values()) == {0}


def check_the_record(bot: int) -> None:
    """Days and trades tell the same story as the latest figures."""
    (figures,) = sql("SELECT * FROM bot_figures WHERE bot_id = %s", bot)
    trades = sql("SELECT * FROM bot_trades WHERE bot_id = %s ORDER BY trade_id", bot)
    days = sql("SELECT * FROM bot_days WHERE bot_id = %s ORDER BY day", bot)
    assert len(days) == (days[-1].day - days[0].day).days + 1 == 20
    assert figures.closed_trades == len(trades) == sum(day.trades for day in days) > 0
    assert figures.winning_trades + figures.losing_trades <= len(trades)
    assert figures.profit_all == figures.profit_closed == sum(trade.profit for trade in trades)
    assert figures.profit_all == sum(day.profit for day in days)
    assert abs(days[-1].equity_close - figures.starting_capital - figures.profit_all) < CENT / 2
    balance = figures.starting_capital
    for day in days:
        assert day.starting_balance == balance
        assert day.equity_low <= day.equity_close <= day.equity_high
        balance += day.profit


@pytest.mark.engine
def test_a_replay_is_what_freqtrade_says_on_its_own(
    freqtrade_venv: Any, transactional_db: None, tmp_path: Any
) -> None:
    published(*CATALOG[:2])
    with as_login("tw_migrator"), tenant_context(PLATFORM):
        templates = list(BotTemplate.across_tenants.order_by("pk"))
    with replay_engine(SPAN.candles) as engine:
        replayer = seeding.Replayer(engine, SPAN)
        for number, template in enumerate(templates):
            replayer.ask(template)
            kept = replayer.answer(template)
            # The same candles and configuration, by Freqtrade's own program.
            results = tmp_path / str(number) / "backtest_results"
            results.parent.mkdir()
            command = [
                *(str(executable()), "backtesting", "--no-color", "--cache", "none", "--export", "trades"),
                *("--config", str(engine.directory / "config.json"), "--userdir", str(results.parent)),
                *("--datadir", str(engine.directory / "data"), "--strategy-path", str(STRATEGIES)),
                *("--timerange", f"{milliseconds(SPAN.first)}-{milliseconds(date(2026, 6, 1))}"),
            ]
            run = subprocess.run(
                command, env=environment(tmp_path), capture_output=True, text=True, timeout=120
            )
            assert run.returncode == 0, run.stderr[-3000:]
            theirs = exported(results, run.stdout + run.stderr)
            ours = [round(trade.profit, 4) for trade in kept.replay.trades]
            assert ours == [Decimal(str(trade.profit)) for trade in theirs] != []
            assert [len(trade.orders) for trade in kept.replay.trades] == [
                len(trade.orders) for trade in theirs
            ]
            assert {order.fee for trade in kept.replay.trades for order in trade.orders} == {needs.FEE}
            check_that_nothing_false_is_kept(kept)


def check_that_nothing_false_is_kept(kept: Any) -> None:
    """A cent more than Freqtrade says, in its trades or in its days, and there is no record."""
    trade, *others = kept.replay.trades
    better = replace(trade, profit=trade.profit + CENT)
    for false in (
        replace(kept, replay=replace(kept.replay, trades=(better, *others))),
        replace(kept, days=[*kept.days[:-1], replace(kept.days[-1], close=kept.days[-1].close + CENT)]),
    ):
        with (
            as_login("tw_migrator"),
            tenant_context(PLATFORM),
            pytest.raises(ReplayFailed, match="Freqtrade says"),
        ):
            keep_replay(actor=ACTOR, kept=false)
    assert sql("SELECT FROM bots") == []


@pytest.mark.engine
def test_killed_half_way_a_second_run_completes_it(freqtrade_venv: Any, transactional_db: None) -> None:
    command = [sys.executable, str(servers.ROOT / "manage.py"), "seed_demo", "--apply", *FEW]
    given = {
        "TRADEWISE_DATABASE": servers.process_database(),
        "DJANGO_SETTINGS_MODULE": "tradewise.settings.ops",
    }
    with subprocess.Popen(command, env=os.environ | given, stdout=subprocess.PIPE, text=True) as seeding_it:
        assert seeding_it.stdout is not None
        for line in seeding_it.stdout:
            if line.startswith("1 of 3"):
                seeding_it.send_signal(signal.SIGKILL)
    half = counts()
    assert half["bot_templates"] == 3
    assert 1 <= half["bots"] < 3
    assert "Would publish 0 demo templates" in manage("seed_demo", *FEW).stdout
    assert manage("seed_demo", "--apply", *FEW).returncode == 0
    whole = counts()
    assert (whole["bot_templates"], whole["bots"], whole["bot_figures"], whole["bot_days"]) == (3, 3, 3, 60)


# ——— beside everything else ———


def test_removal_takes_nothing_of_anybody_else(alice: User, transactional_db: None) -> None:
    published(*CATALOG[:3])
    first, second, _ = sql("SELECT * FROM bot_templates ORDER BY id")
    a_replay(first.template_id)
    followed_one = template(second.id)
    followed = make_subscription(alice, followed_one, "cancelled")
    sql(
        "INSERT INTO bot_templates (template_id, name, config_json, status, creator_tenant_id) "
        "VALUES ('demo-of-alice', 'Mine', '{}', 'draft', %s)",
        alice.tenant_id,
    )
    said = manage("seed_demo", "--remove", "--apply")
    assert said.returncode == 0, said.stderr
    assert "Removed 2 demo templates and 1 replays." in said.stdout
    assert (
        f"Withdrew 1 that somebody follows or followed, or that TradeWise runs: {second.name}." in said.stdout
    )
    left = sql("SELECT template_id, status FROM bot_templates ORDER BY id")
    assert [tuple(row) for row in left] == [(second.template_id, "withdrawn"), ("demo-of-alice", "draft")]
    assert [row.id for row in sql("SELECT id FROM subscriptions")] == [followed.pk]
    assert subscribers(followed_one) == 0
    assert [row.tenant_id for row in sql("SELECT tenant_id FROM bots")] == [alice.tenant_id]
    # What was withdrawn stays so, and is not replayed.
    assert "Would publish 35 demo templates, and replay 35" in manage("seed_demo").stdout


def test_tradewise_runs_a_demo_template_beside_its_replay(transactional_db: None) -> None:
    published(CATALOG[0])
    number = CATALOG[0].template_id
    a_replay(number)
    sql(
        "INSERT INTO engine_hosts (name, runtime, places, memory_mb, simulates) VALUES ('m', 'process', 2, 660, true)"
    )
    sql("INSERT INTO engine_places (host, port) VALUES ('m', 18100)")
    assert manage("run_platform_bot").stdout == "TradeWise runs no template on its own account.\n"
    done = manage("run_platform_bot", number, "--apply")
    assert done.returncode == 0, done.stderr
    (run,) = sql("SELECT b.bot_id FROM bots b JOIN bot_engines e ON e.bot_id = b.id")
    assert run.bot_id != number
    assert f"{number}\t{run.bot_id}\tdry_run" in manage("run_platform_bot").stdout
    # It is kept, and so is its template.
    assert "Withdrew 1" in manage("seed_demo", "--remove", "--apply").stdout
    assert [row.bot_id for row in sql("SELECT bot_id FROM bots")] == [run.bot_id]


def test_a_name_that_a_trader_has_is_left_out(alice: User, transactional_db: None) -> None:
    make_template(CATALOG[0].name.upper(), creator_tenant_id=alice.tenant_id)
    with pytest.raises(NameTaken, match="which keeps its name"):
        published(CATALOG[0])
    assert [row.n for row in sql("SELECT count(*) AS n FROM bot_templates")] == [1]
