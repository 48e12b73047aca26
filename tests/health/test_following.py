"""Commands through the sweep: asked once, followed until their effect is seen, and told."""

import errno

import pytest

from bots.health import check as checking
from bots.health import verdict
from tradewise.egress import Client


def ask(sql, bot, command, *, age=0):
    """As the site does it, `age` seconds ago."""
    sql(
        "UPDATE bots SET command = %s, status = %s, command_sent_at = NULL, next_check_at = now(), "
        "command_asked_at = now() - %s * interval '1 s' WHERE id = %s",
        command,
        "starting" if command in ("start", "reload") else "stopping",
        age,
        bot.pk,
    )


def told(sql, bot):
    return [sentence for kind, _, sentence in sql.events(bot) if kind == "command"]


@pytest.mark.parametrize(
    ("before", "command", "status"),
    [
        ("stopped", "start", "running"),
        ("running", "stop", "inactive"),
        ("running", "pause", "connected"),
        ("paused", "start", "running"),
        ("paused", "stop", "inactive"),
    ],
)
def test_a_command_is_sent_once_and_its_effect_is_seen_in_the_same_sweep(
    town, connected, sweeps, sql, before, command, status
):
    played = town.bot()
    played.state = before
    bot = connected(played.url)
    sweeps()
    ask(sql, bot, command)
    sweeps()
    row = sql.bot(bot)
    assert (row.status, row.command, row.command_sent_at) == (status, "", None)
    assert played.commands == [command]
    assert len(told(sql, bot)) == 1
    sql.make_due()
    sweeps()
    assert played.commands == [command]
    assert len(told(sql, bot)) == 1


def test_a_command_that_takes_its_time_is_followed_and_not_sent_again(town, connected, sweeps, sql):
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    played.obeys = False
    ask(sql, bot, "stop")
    for _ in range(3):
        sweeps()
        row = sql.bot(bot)
        assert (row.status, row.command, told(sql, bot)) == ("stopping", "stop", [])
        assert row.command_sent_at is not None
        assert 0 < (row.next_check_at - row.checked_at).total_seconds() <= 1
        sql.make_due()
    played.state = "stopped"
    sweeps()
    assert sql.bot(bot).status == "inactive"
    assert played.commands == ["stop"]
    assert len(told(sql, bot)) == 1


def test_a_command_without_effect_within_a_minute_is_given_up(town, connected, sweeps, sql):
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    played.obeys = False
    ask(sql, bot, "stop", age=61)
    sweeps()
    row = sql.bot(bot)
    assert (row.status, row.command) == ("running", "")
    assert "did not stop within 60 seconds" in told(sql, bot)[0]


def test_a_pause_that_no_worker_was_there_to_send_is_sent_however_old_it_is(town, connected, sweeps, sql):
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    ask(sql, bot, "pause", age=7200)
    sweeps()
    row = sql.bot(bot)
    assert (row.status, row.command, row.command_sent_at) == ("connected", "", None)
    assert played.commands == ["pause"]
    assert told(sql, bot) == ["The bot is paused: it opens no new trades and goes on to manage those it has."]


def test_a_pause_that_was_sent_late_has_its_minute_from_then_on(town, connected, sweeps, sql):
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    played.obeys = False
    ask(sql, bot, "pause", age=7200)
    for _ in range(2):
        sweeps()
        assert (sql.bot(bot).status, sql.bot(bot).command) == ("stopping", "pause")
        sql.make_due()
    played.hangs = True
    sweeps(timeout=0.1)
    assert (sql.bot(bot).command, told(sql, bot)) == ("pause", [])
    played.hangs = False
    sql("UPDATE bots SET command_sent_at = now() - interval '61 s', next_check_at = now()")
    sweeps()
    assert (sql.bot(bot).status, sql.bot(bot).command) == ("running", "")
    assert "did not pause within 60 seconds" in told(sql, bot)[0]
    assert played.commands == ["pause"]


@pytest.mark.parametrize(
    ("before", "command", "status"),
    [("stopped", "start", "inactive"), ("running", "reload", "running"), ("running", "stop", "running")],
)
def test_what_would_start_a_bot_or_leave_its_trades_unwatched_is_not_sent_late(
    town, connected, sweeps, sql, before, command, status
):
    played = town.bot()
    played.state = before
    bot = connected(played.url)
    sweeps()
    ask(sql, bot, command, age=61)
    sweeps()
    assert (sql.bot(bot).status, sql.bot(bot).command) == (status, "")
    assert "within 60 seconds" in told(sql, bot)[0]
    assert played.commands == []


def test_an_old_pause_does_not_start_a_bot_that_is_stopped(town, connected, sweeps, sql):
    played = town.bot()
    played.state = "stopped"
    bot = connected(played.url)
    sweeps()
    ask(sql, bot, "pause", age=7200)
    sweeps()
    assert (sql.bot(bot).status, sql.bot(bot).command, played.commands) == ("inactive", "", [])
    assert "would have started it" in told(sql, bot)[0]


def test_a_command_to_a_bot_that_died_is_given_up_after_a_minute_and_the_bot_is_down(
    town, connected, sweeps, sql
):
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    played.hangs = True
    ask(sql, bot, "stop")
    for _ in range(3):
        sql.make_due()
        sweeps(timeout=0.1)
    assert (sql.bot(bot).status, sql.bot(bot).command, sql.bot(bot).failures) == ("error", "stop", 3)
    sql("UPDATE bots SET command_asked_at = now() - interval '61 s', next_check_at = now()")
    sweeps(timeout=0.1)
    assert (sql.bot(bot).status, sql.bot(bot).command) == ("error", "")
    assert len(told(sql, bot)) == 1
    assert played.commands == []


def test_a_command_with_a_wrong_password_ends_at_once(town, connected, sweeps, sql):
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    played.password = "changed"
    ask(sql, bot, "stop")
    sweeps()
    row = sql.bot(bot)
    assert (row.status, row.health, row.command) == ("error", "auth", "")
    assert (
        row.next_check_at - row.checked_at
    ).total_seconds() > 15 or row.next_check_at.timestamp() % 300 > 285
    assert played.commands == []


def test_a_reload_is_sent_once_however_long_the_bot_is_away(town, connected, sweeps, sql):
    played = town.bot()
    bot = connected(played.url)
    sweeps()
    ask(sql, bot, "reload")
    sweeps()
    assert (sql.bot(bot).status, sql.bot(bot).command) == ("starting", "reload")
    played.hangs = True
    for _ in range(4):
        sql.make_due()
        sweeps(timeout=0.1)
        assert (sql.bot(bot).status, sql.bot(bot).failures) == ("starting", 0)
    played.hangs, played.state = False, "stopped"
    sql.make_due()
    sweeps()
    row = sql.bot(bot)
    assert (row.status, row.command) == ("inactive", "")
    assert played.commands == ["reload_config"]
    assert told(sql, bot)[0].startswith("The bot has read its configuration anew.")


def test_a_stopped_bot_is_not_asked_to_pause_since_that_would_start_it(town, connected, sweeps, sql):
    played = town.bot()
    played.state = "stopped"
    bot = connected(played.url)
    sweeps()
    ask(sql, bot, "pause")
    sweeps()
    assert (sql.bot(bot).status, sql.bot(bot).command, played.commands) == ("inactive", "", [])


def test_one_sweep_gives_each_bot_what_it_deserves(town, connected, sweeps, sql):
    played = {name: town.bot() for name in ("well", "paused", "stopped", "hangs", "locked", "silent", "told")}
    played["paused"].state, played["stopped"].state = "paused", "stopped"
    played["hangs"].hangs = True
    bots = {name: connected(one.url) for name, one in played.items() if name not in ("locked", "silent")}
    bots["locked"] = connected(played["locked"].url, password="wrong")
    bots["silent"] = connected("http://127.0.0.1:9")
    ask(sql, bots["told"], "stop")
    sweeps(timeout=0.3)
    assert {name: (sql.bot(bot).status, sql.bot(bot).health) for name, bot in bots.items()} == {
        "well": ("running", "ok"),
        "paused": ("connected", "paused"),
        "stopped": ("inactive", "stopped"),
        "hangs": ("inactive", "timed_out"),
        "locked": ("error", "auth"),
        "silent": ("inactive", "refused"),
        "told": ("inactive", "stopped"),
    }
    assert [name for name, one in played.items() if one.commands] == ["told"]


def test_a_worker_without_sockets_blames_no_bot_and_looks_again_soon(
    town, connected, sweeps, sql, monkeypatch
):
    bot = connected(town.bot().url)

    async def no_socket(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Client, "request", no_socket)
    report = sweeps()
    row = sql.bot(bot)
    assert (report.unknown, row.health, row.failures, row.lease_token) == (1, "unknown", 0, None)
    monkeypatch.undo()
    sql.make_due()
    sweeps()
    assert sql.bot(bot).health == "ok"


def test_a_fault_of_ours_in_one_check_harms_no_other(town, connected, sweeps, sql, monkeypatch):
    bots = [connected(town.bot().url) for _ in range(3)]
    judge = verdict.judge

    def breaks(bot, *words, **options):
        if bot.id == bots[1].pk:
            raise ZeroDivisionError
        return judge(bot, *words, **options)

    monkeypatch.setattr(checking, "judge", breaks)
    sweeps()
    assert [sql.bot(bot).health for bot in bots] == ["ok", "unknown", "ok"]
