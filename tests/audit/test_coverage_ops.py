"""Every command of `manage.py` and every task of the worker that changes something leaves its trace."""

import getpass
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from audit.commanding import FOUNDATIONS, READS
from tests import servers
from tests.audit.world import entries_since, last_entry, sql
from tests.factories.subscriptions import make_subscription, make_template
from tests.health import conftest as played
from tests.health.conftest import Town
from tests.logins import as_login
from tests.marketplace import recorded
from tradewise.celery import app
from tradewise.tenancy.context import PLATFORM, tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

town, connected, _keys = played.town, played.connected, played._keys  # fixtures
app.loader.import_default_modules()

OURS = {
    path.stem
    for path in servers.ROOT.glob("*/management/commands/*.py")
    if path.stem != "__init__" and ".venv" not in path.parts
}
#: Arguments with which each command of ours that is noted can be run here, and the settings that it wants.
ARGUMENTS: dict[str, tuple[list[str], str]] = {
    "archive_audit": (["--older-than", "100"], "ops"),
    "create_demo": (["--email", "demo-of-audit@example.com"], "trader"),
    "create_logins": ([], "ops"),
    "create_staff": (["--email", "made@example.com"], "ops"),
    "export_audit_heads": ([], "ops"),
    "limit_engines": (["00000000-0000-4000-8000-000000000001", "7"], "ops"),
    "make_seal_keys": (["--directory", "{tmp}"], "ops"),
    "reconcile_counters": (["--apply"], "ops"),
    "resume_audit": ([], "ops"),
    "run_platform_bot": ([], "ops"),
    "seed_demo": ([], "ops"),
}


def manage(*arguments: str, settings: str = "ops") -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "TRADEWISE_DATABASE": servers.process_database(),
        "DJANGO_SETTINGS_MODULE": f"tradewise.settings.{settings}",
    }
    return subprocess.run(
        [sys.executable, servers.ROOT / "manage.py", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_of_ours_is_known_to_read_or_is_tried_here() -> None:
    assert set(ARGUMENTS) == OURS - READS


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_a_command_is_noted_with_who_where_from_and_what(name: str, tmp_path: Path) -> None:
    arguments, settings = ARGUMENTS[name]
    given = [word.format(tmp=tmp_path / "keys") for word in arguments]
    before = last_entry()
    manage(name, *given, settings=settings)
    (entry,) = [e for e in entries_since(before) if e.action == "command.run"]
    # With the site's login it cannot say that ops did it.
    assert entry.actor == (f"ops:{getpass.getuser()}" if settings == "ops" else "tw_app")
    assert (entry.resource_id, entry.tenant_id.int) == (name, 0)
    assert (entry.address, entry.user_agent) == ("127.0.0.1", f"manage.py {name}")
    assert entry.new_values == {"arguments": given}


def test_a_command_of_django_is_noted_too(alice: User) -> None:
    before = last_entry()
    manage("migrate", "--skip-checks", "-v0")
    manage(
        "changepassword",
        "nobody@example.com",
        "--password=canary",
        "--token",
        "canary",
        "redis://u:canary@host/0",
    )
    found = [e for e in entries_since(before) if e.action == "command.run"]
    assert [e.resource_id for e in found] == ["migrate", "changepassword"]
    assert "canary" not in str(found[1])
    assert found[1].new_values["arguments"][0] == "nobody@example.com"


def test_a_command_that_only_reads_is_not_noted(alice: User) -> None:
    before = last_entry()
    assert manage("showmigrations", "audit").returncode == 0
    assert manage("check_rls").returncode == 0
    assert entries_since(before) == []


def test_what_a_command_changes_is_in_the_trail_of_whose_it_is() -> None:
    before = last_entry()
    assert manage("create_staff", "--email", "made@example.com").returncode == 0
    (made,) = [e for e in entries_since(before) if e.action == "staff.create"]
    assert (made.actor, made.login) == (f"ops:{getpass.getuser()}", "tw_migrator")
    assert made.new_values["email"] == "made@example.com"
    assert made.new_values["hashed_password"].keys() == {"changed", "fingerprint"}


def test_the_first_migration_is_noted_afterwards(django_db_setup: None) -> None:
    """In a database that has no trail yet."""
    name = f"{servers.process_database()}_first"
    import psycopg

    from tradewise.tenancy.roles import create_database

    with psycopg.connect(servers.admin_dsn(), autocommit=True) as connection:
        create_database(connection, name)
    try:
        environment = {
            **os.environ,
            "TRADEWISE_DATABASE": name,
            "DJANGO_SETTINGS_MODULE": "tradewise.settings.ops",
        }
        command: list[str | Path] = [
            sys.executable,
            servers.ROOT / "manage.py",
            "migrate",
            "--skip-checks",
            "-v0",
        ]
        subprocess.run(command, env=environment, check=True)
        with psycopg.connect(servers.admin_dsn(name)) as connection:
            rows = connection.execute(
                "SELECT resource_id FROM audit_logs WHERE action = 'command.run'"
            ).fetchall()
        assert rows == [("migrate",)]
    finally:
        servers.drop_database(name)


def test_commands_that_make_the_trail_are_known() -> None:
    assert set(ARGUMENTS) | {"migrate"} >= FOUNDATIONS


# ——— tasks ———

#: Tasks whose traces are shown here; the seal is itself the proof of what it does.
TASKS = {
    "bots.sweep",
    "bots.keep_partitions",
    "bots.reconcile",
    "accounts.forget_sessions",
    "accounts.forget_notifications",
    "accounts.post_webhooks",
    "subscriptions.tell_started",
    "tradewise.deliver_outbox",
    "audit.keep_partitions",
    "subscriptions.reckon",
    "marketplace.keep_records",
    "marketplace.keep_prices",
}
SEALS = "audit.seal"


def run_task(name: str) -> Any:
    with as_login("tw_worker"):
        return app.tasks[name].apply().get()


def test_every_task_is_tried_here() -> None:
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours == TASKS | {SEALS}


def assert_by_the_worker(entry: Any) -> None:
    assert (entry.actor, entry.login, entry.user_id) == ("tw_worker", "tw_worker", None)
    assert (entry.address, entry.user_agent) == ("127.0.0.1", "tw_worker")


def test_the_sweep_notes_the_use_of_a_token_and_what_it_saw_change(
    alice: User, town: Town, connected: Any
) -> None:
    bot = connected(town.bot().url)
    before = last_entry()
    run_task("bots.sweep")
    used, *seen = [e for e in entries_since(before) if e.tenant_id == alice.tenant_id]
    assert (used.action, used.resource_id) == ("bot.token_used", bot.bot_id)
    assert used.new_values["for"].startswith("checks on 20")
    assert_by_the_worker(used)
    (changed,) = [e for e in seen if e.action == "bot.change"]
    assert changed.new_values["status"] == "running"
    assert changed.old_values.keys() == changed.new_values.keys()
    assert_by_the_worker(changed)


def test_a_token_that_is_used_for_a_command_is_noted_each_time(
    alice: User, town: Town, connected: Any, client_of: Any
) -> None:
    bot = connected(town.bot().url)
    run_task("bots.sweep")
    before = last_entry()
    client_of(alice).post(f"/bots/{bot.bot_id}/stop/")
    run_task("bots.sweep")
    purposes = [e.new_values["for"] for e in entries_since(before) if e.action == "bot.token_used"]
    assert purposes == ["the command stop"]


def test_an_engine_that_has_ended_is_noted_with_the_address_that_it_gave_back(
    alice: User, settings: Any, tmp_path: Path
) -> None:
    settings.BOT_DIRECTORY = str(tmp_path)
    (bot,) = sql(
        "INSERT INTO bots (bot_id, tenant_id, bot_type, name, api_url, exposed_host_port, status, desired_state) "
        "VALUES ('ended', %s, 'shared', 'Ended', 'http://127.0.0.1:18100', 18100, 'stopping', 'stopped') RETURNING id",
        alice.tenant_id,
    )
    sql(
        "INSERT INTO bot_engines (tenant_id, bot_id, mode, allocation, config_json, host, phase) "
        "VALUES (%s, %s, 'dry_run', 100, '{}', %s, 'ending')",
        alice.tenant_id,
        bot.id,
        settings.BOT_HOST,
    )
    before = last_entry()
    run_task("bots.reconcile")
    (entry,) = [e for e in entries_since(before) if e.tenant_id == alice.tenant_id]
    assert (entry.action, entry.resource_id) == ("bot.change", "ended")
    assert entry.new_values == {"status": "inactive", "api_url": None, "exposed_host_port": None}
    assert_by_the_worker(entry)


def test_a_record_is_kept_by_itself_and_is_not_noted(transactional_db: None) -> None:
    recorded.platform_account()
    template = make_template()
    bot = recorded.bot(PLATFORM, template.template_id, kind="platform")
    recorded.engine(PLATFORM, bot)
    recorded.seen(PLATFORM, bot)
    before = last_entry()
    run_task("marketplace.keep_prices")
    assert recorded.data(template.pk) is None
    run_task("marketplace.keep_records")
    assert recorded.data(template.pk)["tier"] == "run_by_tradewise"
    assert entries_since(before) == []


def test_a_reckoned_result_changes_by_itself_and_is_not_noted(alice: User) -> None:
    subscription = make_subscription(alice, make_template())
    before = last_entry()
    assert run_task("subscriptions.reckon") == 1
    (row,) = sql("SELECT performance_data AS data FROM subscriptions WHERE id = %s", subscription.pk)
    assert row.data["return"] is None
    assert entries_since(before) == []


def test_a_delivered_mail_is_noted_without_its_words(alice: User, settings: Any, tmp_path: Path) -> None:
    from tradewise.outbox import enqueue

    settings.OUTBOX_EMAIL = {"backend": "tradewise.outbox.files.EmlBackend", "directory": tmp_path / "mail"}
    with tenant_context(alice.tenant_id):
        enqueue(
            "mail", {"subject": "canary", "body": "canary", "from": "a@example.com", "to": ["b@example.com"]}
        )
    before = last_entry()
    assert run_task("tradewise.deliver_outbox") == 1
    (entry,) = entries_since(before)
    assert (entry.action, entry.tenant_id, entry.old_values["kind"]) == (
        "message.delete",
        alice.tenant_id,
        "mail",
    )
    assert "canary" not in str(sql("SELECT * FROM audit_logs"))
    assert_by_the_worker(entry)


def test_sessions_that_are_forgotten_are_counted(alice: User) -> None:
    sql("INSERT INTO django_session VALUES ('k', 'd', now() - interval '1 day')")
    before = last_entry()
    assert run_task("accounts.forget_sessions") == 1
    (entry,) = entries_since(before)
    assert (entry.action, entry.old_values) == ("sessions.forget", {"sessions": 1})
    assert_by_the_worker(entry)


NOTED = (
    "INSERT INTO notifications (tenant_id, event, subject, occurrence, name, title, text, path, created_at) "
    "VALUES (%s, 'bot.down', 'bot-1', '1', 'N', 'T', 'T', '/', now() - interval '91 days') RETURNING id"
)


def test_what_was_told_long_ago_is_forgotten_by_the_subject(alice: User) -> None:
    sql(NOTED, alice.tenant_id)
    before = last_entry()
    assert run_task("accounts.forget_notifications") == 1
    (entry,) = entries_since(before)
    assert (entry.action, entry.tenant_id, entry.resource_id) == (
        "notification.delete",
        alice.tenant_id,
        "bot-1",
    )
    assert entry.old_values == {"rows": 1}
    assert_by_the_worker(entry)


def test_the_use_of_a_webhooks_secret_is_noted_before_it_is_used(alice: User) -> None:
    from accounts.services.webhooks import set_webhook
    from tradewise.outbox import enqueue

    (noted,) = sql(NOTED, alice.tenant_id)
    sql("UPDATE notifications SET webhook = 'waiting', told_at = now()")
    with tenant_context(alice.tenant_id, actor=str(alice.pk)):
        set_webhook(actor=alice, url="https://10.0.0.1/")
        enqueue("accounts.webhook", {"notification": noted.id})
    before = last_entry()
    assert run_task("accounts.post_webhooks") == 0
    used, *_ = entries_since(before)
    assert (used.action, used.resource_type, used.tenant_id) == ("webhook.send", "webhook", alice.tenant_id)
    assert used.new_values["try"] == 1
    assert_by_the_worker(used)


def test_a_subscription_that_started_is_told_with_a_trace_of_the_message(alice: User) -> None:
    from tests.factories.subscriptions import make_subscription, make_template

    make_subscription(alice, make_template())
    before = last_entry()
    assert run_task("subscriptions.tell_started") == 1
    (entry,) = entries_since(before)
    assert (entry.action, entry.tenant_id) == ("message.create", alice.tenant_id)
    assert_by_the_worker(entry)


def test_samples_whose_time_is_over_are_counted_by_the_day(alice: User) -> None:
    sql(
        "CREATE TABLE bot_samples_20200101 PARTITION OF bot_samples FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')"
    )
    sql("ALTER TABLE bot_samples_20200101 OWNER TO tw_owner")
    before = last_entry()
    run_task("bots.keep_partitions")
    (entry,) = entries_since(before)
    assert (entry.action, entry.old_values) == ("samples.forget", {"days": 1})
    assert_by_the_worker(entry)


def test_a_new_month_is_noted(alice: User) -> None:
    run_task("audit.keep_partitions")  # whatever month has begun since the database was made
    (last,) = sql("SELECT max(relname) AS name FROM pg_class WHERE relname ~ '^audit_seals_[0-9]{6}$'")
    sql(f"DROP TABLE {last.name}")
    before = last_entry()
    run_task("audit.keep_partitions")
    (entry,) = entries_since(before)
    assert (entry.action, entry.new_values) == ("partitions.keep", {"made": [last.name]})
    assert_by_the_worker(entry)
