"""What the triggers write, whoever changes a row and however."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import psycopg
import pytest
from django.db import connection
from psycopg.types.json import Jsonb

from accounts.models import User
from audit import ledger
from bots.models import Bot
from tests import servers
from tests.factories.bots import BotFactory
from tests.logins import as_login
from tradewise.env import var_directory
from tradewise.secrets import fingerprint, keyring, seal
from tradewise.tenancy.context import acting, tenant_context

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)
Superuser = psycopg.Connection[Any]


class Entry(NamedTuple):
    action: str
    key: str | None
    old: Any
    new: Any
    actor: str
    user: int | None
    address: str | None
    agent: str | None
    login: str


Since = Callable[[], list[Entry]]
ENTRIES = """
SELECT action, resource_id, old_values, new_values, actor, user_id, host(ip_address), user_agent, login, id
FROM audit_logs ORDER BY id
"""


@pytest.fixture
def since(alice: User, bot: Bot) -> Since:
    """The entries of alice's that the test adds to those of her account and her bot."""
    before = entries_of(alice)
    return lambda: [Entry(*row[:-1]) for row in entries_of(alice) if row[-1] > before[-1][-1]]


def entries_of(user: User) -> list[tuple[Any, ...]]:
    with tenant_context(user.tenant_id), connection.cursor() as cursor:
        cursor.execute(ENTRIES)
        rows = cursor.fetchall()
    return [(*row[:2], *(value and json.loads(value) for value in row[2:4]), *row[4:]) for row in rows]


@pytest.fixture
def psql(alice: User) -> Iterator[psycopg.Connection[Any]]:
    """Somebody with the site's password and a terminal."""
    url = servers.dsn("tw_app", servers.process_database())
    with psycopg.connect(url, autocommit=True, application_name="psql") as terminal:
        terminal.execute(f"SET app.tenant_id = '{alice.tenant_id}'")
        yield terminal


def test_an_update_past_save_leaves_an_entry_for_each_row(alice, bot, since):
    BotFactory(tenant_id=alice.tenant_id, name="Second")
    with tenant_context(alice.tenant_id, actor=str(alice.pk), ip="192.0.2.7", user_agent="Firefox"):
        Bot.objects.filter(name__isnull=False).update(name="Same")
    created, *changed = since()
    assert created.action == "bot.create"
    assert {entry.old["name"] for entry in changed} == {"Grid of Alice", "Second"}
    for entry in changed:
        assert entry[0] == "bot.change"
        assert entry.new == {"name": "Same"}
        assert entry[4:] == (str(alice.pk), alice.pk, "192.0.2.7", "Firefox", "tw_app")


def test_many_rows_at_once_leave_an_entry_each(alice, since):
    with tenant_context(alice.tenant_id):
        rows = [
            Bot(
                tenant_id=alice.tenant_id,
                bot_type="external",
                name=f"{n}",
                api_url=f"https://{n}.example.com",
            )
            for n in range(5)
        ]
        Bot.objects.bulk_create(rows)
    assert [(entry.action, entry.key, entry.old) for entry in since()] == [
        ("bot.create", row.bot_id, None) for row in rows
    ]


def test_raw_sql_leaves_its_trace_and_an_update_that_changes_nothing_none(alice, bot, since):
    with tenant_context(alice.tenant_id), connection.cursor() as cursor:
        cursor.execute("UPDATE bots SET name = name, description = description")
        cursor.execute("UPDATE bots SET description = 'x', updated_at = now()")
    (entry,) = since()
    assert (entry.action, entry.key, entry.old, entry.new) == (
        "bot.change",
        bot.bot_id,
        {"description": None},
        {"description": "x"},
    )


def test_what_was_rolled_back_leaves_none(alice, since):
    with pytest.raises(ZeroDivisionError), tenant_context(alice.tenant_id):
        Bot.objects.update(name="x")
        _ = 1 / 0
    assert since() == []


@committed
def test_psql_is_told_by_its_login_its_address_and_its_name(psql, bot, since):
    psql.execute("UPDATE bots SET name = 'x'")
    psql.execute("DELETE FROM bots")
    changed, deleted = since()
    for entry in (changed, deleted):
        assert entry[4:] == ("tw_app", None, "127.0.0.1", "psql", "tw_app")
    assert (deleted.action, deleted.key, deleted.new) == ("bot.delete", bot.bot_id, None)
    assert deleted.old["name"] == "x"


@committed
def test_an_insert_by_the_superuser_is_told_as_well(superuser, alice, since):
    superuser.execute(
        "INSERT INTO bots (tenant_id, bot_id, bot_type, api_url) VALUES (%s, 'b', 'external', 'https://x.example.com')",
        [alice.tenant_id],
    )
    (entry,) = since()
    assert (entry.action, entry.key, entry.login, entry.actor) == ("bot.create", "b", "tw_admin", "tw_admin")


@committed
def test_a_heartbeat_of_the_worker_leaves_none(alice, bot, since):
    with as_login("tw_worker"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE bots SET health = 'ok', health_since = now(), last_ping = now(), checks = checks + 1, failures = 0,"
            " checked_at = now(), latency_ms = 5, next_check_at = now(), engine_state = 'running', updated_at = now()"
        )
        assert cursor.rowcount == 1
    assert since() == []


@committed
def test_what_the_worker_finds_out_about_a_bot_is_told(alice, bot, since):
    with as_login("tw_worker"), connection.cursor() as cursor:
        cursor.execute("UPDATE bots SET status = 'error', last_ping = now()")
    (entry,) = since()
    assert (entry.actor, entry.old, entry.new) == ("tw_worker", {"status": "inactive"}, {"status": "error"})


FIGURES = {
    "bot_figures": "INSERT INTO bot_figures (tenant_id, bot_id, equity) VALUES (%(tenant)s, %(bot)s, 1)",
    "bot_day": "INSERT INTO bot_days (tenant_id, bot_id, day, profit) VALUES (%(tenant)s, %(bot)s, '2026-01-01', 1)",
    "bot_trade": """INSERT INTO bot_trades (tenant_id, bot_id, trade_id, pair, opened_at, closed_at, profit_ratio)
                    VALUES (%(tenant)s, %(bot)s, 1, 'BTC/USDT', now(), now(), 'NaN')""",
    "bot_event": """INSERT INTO bot_events (tenant_id, bot_id, kind, sentence)
                    VALUES (%(tenant)s, %(bot)s, 'health', 'x')""",
    "bot_mark": "INSERT INTO bot_marks (tenant_id, bot_id, capital) VALUES (%(tenant)s, %(bot)s, 1)",
    "bot_sample": """INSERT INTO bot_samples (tenant_id, bot_id, taken_at, equity)
                     VALUES (%(tenant)s, %(bot)s, now(), 1)""",
}


@committed
@pytest.mark.parametrize("series", FIGURES)
def test_figures_by_the_worker_leave_none_and_by_anybody_else_one(superuser, alice, bot, since, series):
    values = {"tenant": alice.tenant_id, "bot": bot.pk}
    with as_login("tw_worker"), connection.cursor() as cursor:
        cursor.execute(FIGURES[series], values)
    assert since() == []
    superuser.execute(f"DELETE FROM {series.removesuffix('s')}s")
    superuser.execute(FIGURES[series], values)
    deleted, created = since()
    assert (deleted.action, deleted.key, deleted.old) == (f"{series}.delete", bot.bot_id, {"rows": 1})
    assert (created.action, created.key, created.old) == (f"{series}.create", bot.bot_id, None)
    assert created.new["bot_id"] == bot.pk
    superuser.execute(f"UPDATE {series.removesuffix('s')}s SET tenant_id = tenant_id")
    assert since()[2].action == f"{series}.change"


@committed
def test_a_bot_that_is_deleted_takes_its_history_along_and_says_how_much(superuser, alice, bot, since):
    values = {"tenant": alice.tenant_id, "bot": bot.pk}
    with as_login("tw_worker"), connection.cursor() as cursor:
        for statement in FIGURES.values():
            cursor.execute(statement, values)
        for day in range(40):
            cursor.execute(
                "INSERT INTO bot_samples (tenant_id, bot_id, taken_at, equity)"
                " VALUES (%s, %s, now() - %s * interval '1 day', 1)",
                [alice.tenant_id, bot.pk, day],
            )
    with tenant_context(alice.tenant_id, actor=str(alice.pk), action="bot.delete"):
        Bot.objects.filter(pk=bot.pk).delete()
    entries = since()
    assert {(entry.action, entry.user) for entry in entries} == {("bot.delete", alice.pk)}
    (whole,) = [entry for entry in entries if "rows" not in entry.old]
    assert (whole.key, whole.old["name"]) == (bot.bot_id, "Grid of Alice")
    # The bot is gone before its history is, which is therefore known by its number.
    gone = sorted((entry.old["rows"], entry.key) for entry in entries if entry is not whole)
    assert gone == [*[(1, str(bot.pk))] * 5, (41, str(bot.pk))]


@pytest.fixture
def sealed() -> str:
    keyring.ensure_keys(var_directory() / "keys")
    keyring.forget()
    return seal("canary-pa55word", context="bots.api_token|x")


def test_a_token_is_told_as_its_fingerprint(alice, bot, since, sealed):
    with tenant_context(alice.tenant_id):
        Bot.objects.update(api_token=sealed)
        Bot.objects.update(api_token=None)
    mark = {"changed": True, "fingerprint": fingerprint(sealed)}
    entered, removed = since()
    assert (entered.old, entered.new) == ({"api_token": None}, {"api_token": mark})
    assert (removed.old, removed.new) == ({"api_token": mark}, {"api_token": None})
    assert sealed not in str(since())


def test_a_password_is_told_as_a_mark_of_its_hash(alice, since):
    with tenant_context(alice.tenant_id):
        alice.set_password("another battery staple")
        alice.save()
    (entry,) = since()
    for value in (entry.old["hashed_password"], entry.new["hashed_password"]):
        assert value["changed"] is True
        assert re.fullmatch("[0-9a-f]{4}-[0-9a-f]{4}", value["fingerprint"])
    assert entry.old != entry.new
    assert "argon2" not in str(entries_of(alice))


@pytest.mark.parametrize(
    "text", ["", "x", "ab", "abc", "abcd", "abcde", "!", "a b", "A-_z", "ä", "=", "=" * 400, "A" * 513]
)
def test_any_text_can_be_marked(superuser, text):
    (mark,) = superuser.execute("SELECT audit_mark(%s)", [text]).fetchone()
    assert set(mark) == {"changed", "fingerprint"}


CONFIGS = [
    ({"a": 1, "b": None, "c": []}, {"a": 1, "b": None, "c": []}),
    ({"$enc": "AAAA"}, "mark"),
    (
        {"a": {"b": [{"key": {"$enc": "AAAA"}, "n": None}, 5, None]}},
        {"a": {"b": [{"key": "mark", "n": None}, 5, None]}},
    ),
    ([{"$enc": "AAAA", "note": "secret too"}], ["mark"]),
    ({"a": {"$enc": None}}, {"a": None}),
    ({"a": {"$enc": {"deep": "canary"}}}, {"a": "mark"}),
    ({"a": {"x": {"$enc": "AAAA"}}, "$encrypted": "shown"}, {"a": {"x": "mark"}, "$encrypted": "shown"}),
    ({"a": "$enc", "b": ["$enc"], "c": {"$enc": "AAAA"}}, {"a": "$enc", "b": ["$enc"], "c": "mark"}),
    ("$enc", "$enc"),
]


@committed
def test_secrets_within_a_configuration_are_struck_out(superuser, alice, since):
    for config, _ in CONFIGS:
        superuser.execute(
            """INSERT INTO bot_templates (template_id, name, config_json, creator_tenant_id)
               VALUES (gen_random_uuid(), 'T', %s, %s)""",
            [Jsonb(config), alice.tenant_id],
        )
    superuser.execute("UPDATE bot_templates SET config_json = '[]'")
    entries = since()
    assert "AAAA" not in str(entries)
    assert "canary" not in str(entries)
    # Each is inserted with its first version, of which the trail says as little.
    versions = [entry for entry in entries if entry.action.startswith("template_version.")]
    assert len(versions) == len(CONFIGS)
    entries = [entry for entry in entries if entry not in versions]
    created, changed = entries[: len(CONFIGS)], entries[len(CONFIGS) :]
    shown = [shown for _, shown in CONFIGS]
    assert [with_marks(entry.new["config_json"]) for entry in created] == shown
    assert [with_marks(entry.old["config_json"]) for entry in changed] == shown


def with_marks(value: Any) -> Any:
    if isinstance(value, list):
        return [with_marks(item) for item in value]
    if isinstance(value, dict):
        is_mark = set(value) == {"changed", "fingerprint"}
        return "mark" if is_mark else {key: with_marks(item) for key, item in value.items()}
    return value


@committed
def test_a_template_of_nobody_stands_in_the_platforms_trail(superuser):
    superuser.execute("INSERT INTO bot_templates (template_id, name, config_json) VALUES ('t', 'T', '{}')")
    row = superuser.execute(
        "SELECT tenant_id::text FROM audit_logs WHERE action = 'template.create'"
    ).fetchone()
    assert row == ("00000000-0000-0000-0000-000000000000",)


ADDRESSES = {
    "192.0.2.7": "192.0.2.7",
    "2001:db8::7": "2001:db8::7",
    "::ffff:192.0.2.7": "::ffff:192.0.2.7",
    "": None,
    "garbage": None,
    "192.0.2.7:443": None,
    "[2001:db8::7]:443": None,
    "fe80::1%eth0": None,
    "192.0.2.7, 198.51.100.1": None,
    "1" * 10_000: None,
    "'; DROP TABLE bots; --": None,
}


@pytest.mark.parametrize("is_request", [True, False])
def test_an_address_that_is_none_is_left_out_and_breaks_nothing(alice, bot, since, is_request):
    """Where no request says who it was, the address is that of the connection."""
    for number, said in enumerate(ADDRESSES):
        with tenant_context(alice.tenant_id, actor=str(alice.pk) if is_request else "", ip=said):
            Bot.objects.update(name=f"{number}")
    otherwise = None if is_request else "127.0.0.1"
    assert [entry.address for entry in since()] == [kept or otherwise for kept in ADDRESSES.values()]


def test_a_browsers_name_is_cut(alice, bot, since):
    with tenant_context(alice.tenant_id, user_agent="x" * 5000):
        Bot.objects.update(name="x")
    assert since()[0].agent == "x" * 512


def test_an_actions_name_is_cut_and_breaks_no_write(alice, bot, since):
    name = "ä" * 300
    with tenant_context(alice.tenant_id, action=name):
        Bot.objects.update(name="x")
    with tenant_context(alice.tenant_id), acting(action=name):
        Bot.objects.update(name="y")
        ledger.event(name, resource=name, key=name)
    assert [entry.action for entry in since()] == [name[:100]] * 3
    assert since()[2].key == name[:255]


def test_a_named_action_ends_with_its_block(alice, bot, since):
    with tenant_context(alice.tenant_id):
        with ledger.action("bot.start", actor=alice):
            Bot.objects.update(name="x")
        Bot.objects.update(name="y")
    assert [(entry.action, entry.user) for entry in since()] == [
        ("bot.start", alice.pk),
        ("bot.change", None),
    ]
