"""What a sweep sees and writes, against bots that answer for real."""

import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connections

from bots import tasks
from bots.health import sweep as module
from bots.services.tokens import seal_token
from tests import servers
from tests.logins import as_login
from tradewise.secrets import KeyTrouble, keyring


def test_a_bot_that_works_is_seen_with_its_figures_at_once(town, connected, sweeps, sql):
    bot = connected(town.bot().url)
    report = sweeps()
    row = sql.bot(bot)
    assert (report.checked, report.written, report.figures) == (1, 1, 1)
    assert (row.status, row.health, row.failures, row.connection_error) == ("running", "ok", 0, None)
    assert (row.engine_version, row.strategy, row.exchange, row.dry_run) == (
        "2026.9",
        "TWDemo",
        "binance",
        True,
    )
    assert row.last_ping is not None
    assert row.checks == 1
    assert row.lease_token is None
    assert row.desired_state == "running"
    assert sql.events(bot) == [("health", "running", "The bot runs.")]


@pytest.mark.parametrize(
    ("state", "status", "health"),
    [("running", "running", "ok"), ("paused", "connected", "paused"), ("stopped", "inactive", "stopped")],
)
def test_the_status_is_what_the_bot_says(town, connected, sweeps, sql, state, status, health):
    played = town.bot()
    played.state = state
    bot = connected(played.url)
    sweeps()
    assert (sql.bot(bot).status, sql.bot(bot).health) == (status, health)


def test_a_bot_as_before_gets_a_heartbeat_and_nothing_else(town, connected, sweeps, sql):
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    before, asked = sql.bot(bot), len(played.asked)
    sql.make_due()
    sweeps()
    after = sql.bot(bot)
    assert played.asked[asked:] == ["show_config"]
    assert after.checks == 2
    assert after.last_ping > before.last_ping
    assert after.updated_at == before.updated_at
    assert len(sql.events(bot)) == 1


def test_the_next_check_is_within_an_interval_in_the_bots_own_slot(town, connected, sweeps, sql):
    bots = [connected(town.bot().url) for _ in range(12)]
    sweeps(interval=15)
    slots: dict[int, set[float]] = {}
    for _ in range(2):
        sql.make_due()
        sweeps(interval=15)
        for bot in bots:
            row = sql.bot(bot)
            wait = (row.next_check_at - row.checked_at).total_seconds()
            assert 0 < wait <= 15
            slots.setdefault(bot.pk, set()).add(round(row.next_check_at.timestamp() % 15, 3))
    assert all(len(own) == 1 for own in slots.values())
    assert len({next(iter(own)) for own in slots.values()}) > 8


def test_nothing_due_means_nothing_asked(town, connected, sweeps):
    played = town.bot()
    connected(played.url)
    sweeps()
    asked = len(played.asked)
    assert sweeps().checked == 0
    assert len(played.asked) == asked


def test_a_bot_that_is_not_due_not_ours_or_without_a_token_is_left_alone(town, connected, sweeps, sql):
    bot = connected(town.bot().url)
    sql("UPDATE bots SET api_token = NULL WHERE id = %s", bot.pk)
    connected(town.bot().url, bot_type="shared")
    assert sweeps().checked == 0


def test_three_failures_make_down_and_one_success_makes_up(connected, town, sweeps, sql):
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    good = played.url
    sql("UPDATE bots SET api_url = 'http://127.0.0.1:9' WHERE id = %s", bot.pk)
    token = sql.bot(bot).api_token
    seal_for(sql, bot, "http://127.0.0.1:9")
    seen = []
    for _ in range(3):
        sql.make_due()
        sweeps()
        row = sql.bot(bot)
        seen.append((row.status, row.health, row.failures))
        assert row.connection_error.startswith("Nothing listens at 127.0.0.1:9.")
    assert seen == [("running", "refused", 1), ("running", "refused", 2), ("error", "refused", 3)]
    sql("UPDATE bots SET api_url = %s, api_token = %s WHERE id = %s", good, token, bot.pk)
    sql.make_due()
    sweeps()
    row = sql.bot(bot)
    assert (row.status, row.health, row.failures, row.connection_error) == ("running", "ok", 0, None)
    assert [status for _, status, _ in sql.events(bot)] == ["running", "error", "running"]


def test_down_is_known_within_seconds_and_last_ping_is_the_last_success(town, connected, sweeps, sql):
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    alive = sql.bot(bot).last_ping
    played.hangs = True
    sql.make_due()
    sweeps(timeout=0.2)
    row = sql.bot(bot)
    assert row.health == "timed_out"
    assert row.last_ping == alive
    assert (row.next_check_at - row.checked_at).total_seconds() == pytest.approx(3.0)


def test_a_wrong_password_is_auth(town, connected, sweeps, sql):
    played = town.bot()
    bot = connected(played.url, password="wrong")
    sweeps()
    row = sql.bot(bot)
    assert row.health == "auth"
    assert "user name and password" in row.connection_error
    assert played.asked == ["show_config"]


def test_a_token_that_belongs_elsewhere_needs_to_be_entered_again(town, connected, sweeps, sql):
    played, other = town.bot(), town.bot()
    bot, donor = connected(played.url), connected(other.url)
    sql("UPDATE bots SET api_token = %s WHERE id = %s", sql.bot(donor).api_token, bot.pk)
    sweeps()
    assert sql.bot(bot).health == "needs_token"
    assert "cannot be opened" in sql.bot(bot).connection_error
    assert played.asked == []
    assert sql.bot(donor).health == "ok"


def test_a_worker_without_its_key_blames_no_bot(town, connected, sweeps, sql, monkeypatch):
    bot = connected(town.bot().url)
    monkeypatch.setenv("SEAL_PRIVATE_KEYS", keyring.PrivateKey.generate().export_text())
    keyring.forget()
    try:
        with pytest.raises(KeyTrouble):
            sweeps()
    finally:
        keyring.forget()
    assert sql.bot(bot).health == "unknown"
    assert sql.bot(bot).lease_token is None


def test_a_bot_deleted_in_mid_check_does_no_harm(town, connected, sweeps, sql):
    played, other = town.bot(), town.bot()
    bot, stays = connected(played.url), connected(other.url)

    def vanish(path, authorization, ask=played.answer):
        sql_delete(bot)
        return ask(path, authorization)

    played.answer = vanish
    report = sweeps()
    assert (report.checked, report.written) == (2, 1)
    assert sql.bot(stays).health == "ok"


def test_a_bot_given_another_address_in_mid_check_is_not_judged_by_the_old_one(town, connected, sweeps, sql):
    old, new = town.bot(), town.bot()
    bot = connected(old.url)
    old.state = "stopped"

    def move(path, authorization, ask=old.answer):
        with admin() as connection:
            connection.execute("UPDATE bots SET api_url = %s WHERE id = %s", [new.url, bot.pk])
        return ask(path, authorization)

    old.answer = move
    sweeps()
    assert sql.bot(bot).status == "running"
    assert "show_config" in new.asked


def test_hanging_bots_cost_one_timeout_together_and_do_not_delay_the_others(town, connected, sweeps, sql):
    for number in range(100):
        played = town.bot()
        played.hangs = number % 10 < 3
        connected(played.url, **({"name": "hangs"} if played.hangs else {}))
    started = time.monotonic()
    sweeps(concurrency=8, timeout=2.0, interval=3600)
    took = time.monotonic() - started
    ((healthy, hanging),) = sql(
        """SELECT extract(epoch FROM max(checked_at) FILTER (WHERE failures = 0) - min(checked_at)) AS healthy,
                  extract(epoch FROM max(checked_at) - min(checked_at)) AS hanging FROM bots"""
    )
    # With eight places and no second lane, thirty hanging bots take 8 s, and the healthy behind them as long.
    assert took < 6.5
    assert healthy < 4.5
    assert hanging > 1.5
    assert sql("SELECT count(*) FROM bots WHERE health = 'timed_out'")[0][0] == 30
    # Next time they start in the slow lane, and the healthy do not notice them.
    sql.make_due()
    sql("UPDATE bots SET checked_at = NULL")
    sweeps(concurrency=8, timeout=5.0, interval=3600)
    ((healthy,),) = sql(
        "SELECT extract(epoch FROM max(checked_at) - min(checked_at)) FROM bots WHERE failures = 0"
    )
    assert healthy < 5.0  # behind hanging bots they would take several timeouts


def test_a_result_that_the_database_refuses_keeps_no_other_from_being_written(town, connected, sweeps, sql):
    bots = [connected(town.bot().url) for _ in range(5)]
    sql(f"ALTER TABLE bots ADD CONSTRAINT poison CHECK (id <> {bots[2].pk} OR checks = 0)")
    try:
        report = sweeps()
    finally:
        sql("ALTER TABLE bots DROP CONSTRAINT poison")
    assert (report.checked, report.written) == (5, 4)
    assert [sql.bot(bot).checks for bot in bots] == [1, 1, 0, 1, 1]


def test_a_row_that_a_request_holds_delays_nobody_else(town, connected, sweeps, sql):
    bots = [connected(town.bot().url) for _ in range(3)]
    sweeps()
    sql.make_due()
    with admin(autocommit=False) as request:
        hold = lambda *_: request.execute("SELECT FROM bots WHERE id = %s FOR UPDATE", [bots[0].pk])  # noqa: E731
        played = town.bots["b0"]
        ask = played.answer
        played.answer = lambda *words: (hold(), ask(*words))[1]
        sweeps()
        request.rollback()
    assert [sql.bot(bot).checks for bot in bots] == [1, 2, 2]


def test_no_secret_is_logged_or_stored(town, connected, sweeps, sql, caplog):
    caplog.set_level("DEBUG")
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    played.password = "another"
    sql.make_due()
    sweeps()
    ((row,),) = sql("SELECT row_to_json(b)::text FROM bots b WHERE id = %s", bot.pk)
    for text in (row, caplog.text, str(sql.events(bot))):
        assert "canary" not in text


def test_the_task_survives_a_database_that_is_away(transactional_db, caplog, monkeypatch):
    monkeypatch.setattr(module, "RECONNECT_SECONDS", 0.1)
    with as_login("tw_worker"):
        connections["default"].settings_dict["PORT"] = "9"
        tasks.sweep()
    assert "sweep ended early: OperationalError" in caplog.text


def test_the_worker_keeps_the_partitions(transactional_db, sql):
    sql("DROP TABLE IF EXISTS bot_samples_20200101")
    sql(
        "CREATE TABLE bot_samples_20200101 PARTITION OF bot_samples "
        "FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')"
    )
    sql("ALTER TABLE bot_samples_20200101 OWNER TO tw_owner")
    (before,) = sql(GUARDS, DAY_AHEAD)
    sql(f"DROP TABLE {DAY_AHEAD}")
    with as_login("tw_worker"):
        tasks.keep_partitions()
    assert sql("SELECT to_regclass('bot_samples_20200101')") == [(None,)]
    assert sql(GUARDS, DAY_AHEAD) == [before]
    assert before[1:] == (True, True, ["audit_changed", "audit_inserted"])


#: A day for which there is a partition already, whichever side of midnight the test runs on.
DAY_AHEAD = f"bot_samples_{datetime.now(UTC) + timedelta(days=2):%Y%m%d}"
GUARDS = """SELECT pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity,
    array(SELECT tgname::text FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal ORDER BY 1)
    FROM pg_class c WHERE relname = %s"""


def admin(*, autocommit=True):
    return psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=autocommit)


def sql_delete(bot):
    with admin() as connection:
        for table in ("bot_events", "bot_figures", "bots"):
            column = "id" if table == "bots" else "bot_id"
            connection.execute(f"DELETE FROM {table} WHERE {column} = %s", [bot.pk])


def seal_for(sql, bot, url):
    token = seal_token(tenant_id=bot.tenant_id, bot_id=bot.bot_id, url=url, token="freqtrader:anything")
    sql("UPDATE bots SET api_token = %s WHERE id = %s", token, bot.pk)
