"""Public templates on TradeWise's own account: by a command of ops, and by the worker where staff asked."""

import getpass
import json
import uuid
from typing import Any

import pytest

from accounts.models import User
from bots.exceptions import NoPlace
from marketplace.services import platform_bots
from tests.accounts.staff import make_staff
from tests.accounts.test_staff_site import visit
from tests.audit.test_coverage_ops import manage
from tests.audit.world import entries_since, last_entry, sql
from tests.factories.accounts import PASSWORD
from tests.logins import as_login
from tradewise.env import var_directory
from tradewise.outbox.delivery import deliver
from tradewise.secrets import keyring
from tradewise.tenancy.context import PLATFORM

pytestmark = pytest.mark.django_db(transaction=True)

CONFIG: dict[str, Any] = {
    "strategy": "momentum",
    "exchange": "binance",
    "stake_currency": "USDT",
    "pairs": ["BTC/USDT"],
    "timeframe": "5m",
    "parameters": {},
}
EMAIL = "moderator@example.com"


@pytest.fixture(autouse=True)
def _keys() -> None:
    keyring.ensure_keys(var_directory() / "keys")
    keyring.forget()


@pytest.fixture
def room(transactional_db: None) -> None:
    """A machine with two places."""
    sql(
        "INSERT INTO engine_hosts (name, runtime, places, memory_mb, simulates) VALUES ('m', 'process', 2, 660, true)"
    )
    sql("INSERT INTO engine_places (host, port) VALUES ('m', 18100), ('m', 18101)")


@pytest.fixture
def platform(transactional_db: None) -> None:
    """The row that the migration makes, and a test before this one took away."""
    sql(
        "INSERT INTO users (email, hashed_password, tenant_id) VALUES ('platform@tradewise.invalid', '!', %s) "
        "ON CONFLICT DO NOTHING",
        PLATFORM,
    )


def template(
    author: User, *, public: bool = True, config: dict[str, Any] = CONFIG, name: str = "Calm"
) -> str:
    number = f"t-{uuid.uuid4().hex[:12]}"
    sql(
        "INSERT INTO bot_templates (template_id, name, config_json, is_public, status, strategy_type, "
        "creator_tenant_id) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        number,
        name,
        json.dumps(config),
        public,
        "published" if public else "draft",
        config["strategy"],
        author.tenant_id,
    )
    return number


def bots() -> list[Any]:
    return sql(
        "SELECT b.*, e.phase, e.mode, e.allocation, e.stop_way FROM bots b JOIN bot_engines e ON e.bot_id = b.id"
    )


def test_ops_run_a_template_and_stop_it(alice: User, room: None) -> None:
    number = template(alice)
    said = manage("run_platform_bot", number)
    assert said.stdout == "Would run “Calm”. Add --apply to do it.\n"
    assert bots() == []
    before = last_entry()
    done = manage("run_platform_bot", number, "--apply")
    assert done.returncode == 0, done.stderr
    (bot,) = bots()
    assert (bot.tenant_id, bot.bot_type, bot.config_template) == (PLATFORM, "platform", number)
    assert (bot.status, bot.phase, bot.mode, bot.dry_run) == ("starting", "queued", "dry_run", True)
    assert (bot.allocation, bot.exposed_host_port) == (1000, 18100)
    (made,) = [
        e for e in entries_since(before) if e.resource_type == "bot" and e.old_values is None and e.new_values
    ]
    assert (made.actor, made.action, made.tenant_id) == (f"ops:{getpass.getuser()}", "bot.launch", PLATFORM)
    # Twice is once.
    assert manage("run_platform_bot", number, "--apply").returncode == 0
    assert len(bots()) == 1
    assert f"{number}\t{bot.bot_id}\tdry_run\tstarting" in manage("run_platform_bot").stdout
    assert "when its open trades are closed" in manage("run_platform_bot", number, "--stop", "--apply").stdout
    (bot,) = bots()
    assert (bot.desired_state, bot.stop_way) == ("stopped", "exits")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"public": False}, "There is no public template with this number."),
        ({"config": {**CONFIG, "pairs": ["BTC/EUR"]}}, "Every pair must end in /USDT."),
        ({"config": {**CONFIG, "strategy": "arbitrage"}}, "one exchange"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(
    alice: User, room: None, options: dict[str, Any], sentence: str
) -> None:
    refused = manage("run_platform_bot", template(alice, **options), "--apply")
    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    assert bots() == []
    assert sql("SELECT FROM engine_places WHERE bot_id IS NOT NULL") == []


def test_without_room_nothing_is_half_made(alice: User) -> None:
    refused = manage("run_platform_bot", template(alice), "--apply")
    assert refused.returncode == 1
    assert "No machine of TradeWise" in refused.stderr
    assert bots() == []


def test_staff_ask_and_the_worker_does_it(alice: User, room: None, platform: None) -> None:
    tenant = uuid.uuid4()
    make_staff(EMAIL, tenant)
    public, hidden = template(alice), template(alice, public=False, name="Draft")
    numbers = [row.id for row in sql("SELECT id FROM bot_templates ORDER BY id")]
    before = last_entry()
    form: Any = {"action": "run_on_the_platform", "_selected_action": [str(number) for number in numbers]}
    pages = visit(
        ("post", "/login/", {"username": EMAIL, "password": PASSWORD}),
        ("post", "/marketplace/bottemplate/", form),
        ("get", "/marketplace/bottemplate/", None),
    )
    assert [status for status, *_ in pages] == [302, 302, 200]
    assert "1 template was handed to the worker" in str(pages[2])
    assert "1 of those are not public" in str(pages[2])
    (asked,) = [
        e for e in entries_since(before) if e.action == "platform_bot.ask" and e.resource_type == "template"
    ]
    (staff,) = sql("SELECT id FROM users WHERE email = %s", EMAIL)
    assert (asked.actor, asked.resource_id, asked.tenant_id) == (f"staff:{staff.id}", public, PLATFORM)
    assert bots() == []
    with as_login("tw_worker"):
        assert deliver() == 1
    (bot,) = bots()
    assert (bot.tenant_id, bot.bot_type, bot.config_template, bot.phase) == (
        PLATFORM,
        "platform",
        public,
        "queued",
    )
    assert hidden not in str(bots())
    made = [e for e in entries_since(before) if e.action == "bot.launch" and e.resource_type == "bot"]
    # Who asked stands in the entry above; what the worker does is the worker's.
    assert {e.actor for e in made} == {"tw_worker"}


def test_without_room_the_message_waits(alice: User, platform: None) -> None:
    payload = {"template_id": template(alice), "actor": "staff:1"}
    with as_login("tw_worker"), pytest.raises(NoPlace):
        platform_bots.deliver(payload)
    assert bots() == []


def test_a_template_that_no_engine_runs_is_noted_and_not_tried_again(
    alice: User, room: None, platform: None
) -> None:
    number = template(alice, config={**CONFIG, "strategy": "arbitrage"})
    before = last_entry()
    with as_login("tw_worker"):
        platform_bots.deliver({"template_id": number, "actor": "staff:1"})
    (entry,) = entries_since(before)
    assert (entry.action, entry.resource_id) == ("platform_bot.refused", number)
    assert "one exchange" in entry.new_values["reason"]


def test_the_staff_sites_login_may_ask_for_nothing_else(django_db_setup: None) -> None:
    import psycopg

    from tests import servers

    with psycopg.connect(servers.dsn("tw_staff", servers.process_database()), autocommit=True) as staff:
        for tenant, kind in ((uuid.uuid4(), platform_bots.KIND), (PLATFORM, "mail")):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                staff.execute(
                    "INSERT INTO outbox_messages (tenant_id, kind, payload) VALUES (%s, %s, '{}')",
                    [tenant, kind],
                )


def test_ops_limit_the_engines_of_a_tenant(alice: User) -> None:
    tenant = str(alice.tenant_id)
    assert manage("limit_engines", tenant).stdout == "5 (where nothing is set, 5)\n"
    assert manage("limit_engines", tenant, "2").stdout == "Would set 2 instead of 5. Add --apply to do it.\n"
    assert sql("SELECT FROM engine_limits") == []
    before = last_entry()
    assert manage("limit_engines", tenant, "2", "--apply").returncode == 0
    assert manage("limit_engines", tenant).stdout == "2 (where nothing is set, 5)\n"
    (entry,) = [e for e in entries_since(before) if e.resource_type == "engine_limit"]
    assert (entry.action, entry.tenant_id, entry.new_values["engines"]) == (
        "engine_limit.set",
        alice.tenant_id,
        2,
    )
    for wrong in ("-1", "10001"):
        assert manage("limit_engines", tenant, "--", wrong).returncode == 1
    assert manage("limit_engines", "garbage").stderr.strip().endswith("A tenant's id is a UUID.")
