"""Leases: one worker at a time, no late writer, and nothing of what a trader asked for meanwhile is lost."""

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from bots.adapters import Probe
from bots.enums import EngineState, HealthReason
from bots.health import queue
from bots.health.check import Outcome
from bots.health.commands import next_step
from bots.health.sweep import Plan, sweep
from bots.health.verdict import judge
from bots.health.writing import Pace, write_back
from bots.services import lifecycle
from tests.logins import as_login
from tradewise.tenancy.context import tenant_context

MINE, ANOTHER = uuid.uuid4(), uuid.uuid4()
PACE = Pace(checks=15, figures=60)


@pytest.fixture
def worker(transactional_db):
    """`worker(work)`: run `work(connection)` by the worker's login."""

    def run(work):
        async def connected():
            connection = await queue.connect()
            async with connection:
                return await work(connection)

        with as_login("tw_worker"):
            return asyncio.run(connected())

    return run


def claim(worker, token=MINE, most=100, failing=False):
    return worker(lambda connection: queue.claim(connection, token, most=most, failing=failing))


def write(worker, outcomes, token=MINE):
    return worker(lambda connection: write_back(connection, token, outcomes, PACE))


def seen(bot, state="running", *, sent=False):
    """What a check of this bot finds when the bot is in `state`."""
    reasons = {"running": HealthReason.OK, "stopped": HealthReason.STOPPED, "paused": HealthReason.PAUSED}
    probe = Probe(
        reason=reasons[state], sentence="It is so.", latency_ms=7, state=EngineState(state), version="2026.9"
    )
    return Outcome(bot, probe, judge(bot, probe, interval=15, step=next_step(bot, probe, sent=sent)))


@pytest.fixture
def bot(connected, sql):
    """A bot that runs and is due."""
    bot = connected("http://127.0.0.1:9/nobody")
    sql(
        "UPDATE bots SET status = 'running', health = 'ok', engine_state = 'running', desired_state = 'running'"
    )
    return bot


def test_what_is_leased_is_not_leased_again(connected, worker):
    for _ in range(5):
        connected("http://127.0.0.1:9/nobody" + uuid.uuid4().hex)
    first = claim(worker, MINE, most=3)
    second = claim(worker, ANOTHER)
    assert len(first) == 3
    assert len(second) == 2
    assert not {b.id for b in first} & {b.id for b in second}


def test_a_lease_that_ended_is_open_to_others_and_its_late_writer_changes_nothing(bot, worker, sql):
    (late,) = claim(worker, MINE)
    sql("UPDATE bots SET lease_until = now(), next_check_at = now()")
    (taken,) = claim(worker, ANOTHER)
    assert write(worker, [seen(late, "stopped")], MINE) == 0
    assert sql.bot(bot).status == "running"
    assert sql.bot(bot).checks == 0
    assert sql.events(bot) == []
    assert write(worker, [seen(taken, "paused")], ANOTHER) == 1
    assert sql.bot(bot).status == "connected"
    assert sql.bot(bot).checks == 1


def test_a_result_is_written_once(bot, worker, sql):
    (leased,) = claim(worker)
    assert write(worker, [seen(leased, "stopped")]) == 1
    assert write(worker, [seen(leased, "stopped")]) == 0
    assert sql.bot(bot).checks == 1
    assert len(sql.events(bot)) == 1


def test_a_bot_whose_worker_died_is_due_when_the_lease_ends(bot, worker, sql):
    claim(worker)
    row = sql.bot(bot)
    assert row.next_check_at == row.lease_until
    assert claim(worker, ANOTHER) == []


def test_a_newer_command_is_not_overwritten_and_is_due_at_once(bot, worker, sql, alice):
    (leased,) = claim(worker)
    with tenant_context(alice.tenant_id):
        lifecycle.request_stop(actor=alice, bot=bot)
    asked = sql.bot(bot)
    write(worker, [seen(leased, "paused")])
    row = sql.bot(bot)
    assert (row.status, row.command, row.desired_state) == ("stopping", "stop", "stopped")
    assert row.command_asked_at == asked.command_asked_at
    assert row.command_sent_at is None
    assert row.health == "paused"
    assert row.next_check_at == asked.next_check_at
    assert len(claim(worker, ANOTHER)) == 1


def test_a_command_that_ended_does_not_end_the_one_that_came_after_it(bot, worker, sql, alice):
    sql("UPDATE bots SET command = 'start', command_asked_at = now() - interval '5 s', status = 'starting'")
    (leased,) = claim(worker)
    done = seen(leased, "running")
    assert done.verdict.command == ""
    sql(
        "UPDATE bots SET command = 'stop', command_asked_at = now(), status = 'stopping', next_check_at = now()"
    )
    write(worker, [done])
    assert (sql.bot(bot).command, sql.bot(bot).status) == ("stop", "stopping")


def test_a_check_that_was_asked_for_in_mid_check_comes(bot, worker, sql, alice):
    (leased,) = claim(worker)
    with tenant_context(alice.tenant_id):
        lifecycle.check_now(actor=alice, bot=bot)
    write(worker, [Outcome(leased, seen(leased).seen)])
    assert sql.bot(bot).lease_token is None
    assert len(claim(worker, ANOTHER)) == 1


def test_about_nothing_nothing_is_said_and_the_bot_is_looked_at_soon(bot, worker, sql):
    (leased,) = claim(worker)
    before = sql.bot(bot)
    write(worker, [Outcome(leased)])
    row = sql.bot(bot)
    assert (row.status, row.health, row.checks, row.checked_at) == ("running", "ok", 0, None)
    assert row.lease_token is None
    assert row.next_check_at < before.next_check_at


def test_a_heartbeat_is_a_hot_update(bot, worker, sql):
    (leased,) = claim(worker)
    sql("SELECT pg_stat_reset_single_table_counters('bots'::regclass)")
    for _ in range(5):
        write(worker, [Outcome(leased, seen(leased).seen)])
        sql("UPDATE bots SET next_check_at = now()")
        (leased,) = claim(worker)
    # Sessions report what they did when they end; the last one has ended by now.
    sql("SELECT pg_stat_clear_snapshot()")
    ((updates, hot),) = sql("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'bots'")
    assert updates >= 5
    assert hot == updates


def test_two_sweeps_at_once_check_each_bot_once(town, connected, sql):
    for _ in range(60):
        connected(town.bot().url)
    with as_login("tw_worker"), ThreadPoolExecutor(2) as threads:
        plans = [Plan(interval=3600, timeout=2.0, concurrency=5)] * 2
        reports = list(threads.map(sweep, plans))
    assert sum(report.written for report in reports) == 60
    assert sql("SELECT min(checks), max(checks) FROM bots") == [(1, 1)]
    assert all(played.asked.count("show_config") == 1 for played in town.bots.values())
    assert sql("SELECT count(*) FROM bot_events") == [(60,)]


def test_the_worker_may_write_no_more_than_health(bot, worker):
    import psycopg

    for column in ("api_url", "api_token", "name", "tenant_id"):

        async def overreach(connection, column=column):
            await connection.execute(f"UPDATE bots SET {column} = {column}")

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            worker(overreach)
