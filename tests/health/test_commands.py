"""What a trader asked for reaches the bot, once, and is seen to work or told why not."""

import pytest

from bots.services import lifecycle
from tradewise.tenancy.context import tenant_context

ASK = {
    "start": lifecycle.request_start,
    "stop": lifecycle.request_stop,
    "pause": lifecycle.request_pause,
    "reload": lifecycle.request_reload,
}


@pytest.fixture
def played(town):
    return town.bot()


@pytest.fixture
def bot(played, connected, sweeps):
    """A bot that was seen to run."""
    bot = connected(played.url)
    sweeps()
    return bot


@pytest.fixture
def ask(alice, bot):
    """`ask("stop")`: as alice does on her page."""

    def ask(command):
        with tenant_context(alice.tenant_id):
            ASK[command](actor=alice, bot=bot)

    return ask


def last_event(sql, bot):
    return sql.events(bot)[-1]


@pytest.mark.parametrize(
    ("before", "command", "status"),
    [("running", "stop", "inactive"), ("running", "pause", "connected"), ("stopped", "start", "running")],
)
def test_a_command_is_sent_once_and_ends_when_its_effect_is_seen(
    played, bot, ask, sweeps, sql, before, command, status
):
    played.state = before
    sql.make_due()
    sweeps()
    ask(command)
    sweeps()
    row = sql.bot(bot)
    assert played.commands == [command]
    assert (row.status, row.command, row.command_sent_at) == (status, "", None)
    kind, seen, sentence = last_event(sql, bot)
    assert (kind, seen) == ("command", status)
    assert sentence.startswith("The bot ")


def test_a_slow_bot_is_looked_at_every_second_and_asked_only_once(played, bot, ask, sweeps, sql):
    played.obeys = False
    ask("stop")
    sweeps()
    row = sql.bot(bot)
    assert (row.status, row.command) == ("stopping", "stop")
    assert row.command_sent_at is not None
    assert (row.next_check_at - row.checked_at).total_seconds() == pytest.approx(1.0)
    sql.make_due()
    sweeps()
    assert played.commands == ["stop"]
    played.state = "stopped"
    sql.make_due()
    sweeps()
    assert (sql.bot(bot).status, sql.bot(bot).command) == ("inactive", "")


def test_a_reload_is_over_when_the_bot_is_back(played, bot, ask, sweeps, sql):
    ask("reload")
    sweeps()
    assert (sql.bot(bot).status, sql.bot(bot).command) == ("starting", "reload")
    played.hangs = True
    sql.make_due()
    sweeps(timeout=0.2)
    assert (sql.bot(bot).status, sql.bot(bot).health, sql.bot(bot).failures) == ("starting", "ok", 0)
    played.hangs = False
    played.state = "stopped"
    sql.make_due()
    sweeps()
    row = sql.bot(bot)
    assert played.commands == ["reload_config"]
    assert (row.status, row.command, row.desired_state) == ("inactive", "", "stopped")
    assert last_event(sql, bot)[2].startswith("The bot has read its configuration anew.")


def test_a_reload_is_never_sent_twice_even_by_a_worker_that_died_before_it_wrote(
    played, bot, ask, sweeps, sql
):
    ask("reload")
    sql("UPDATE bots SET command_sent_at = now()")
    sweeps()
    assert played.commands == []


def test_a_command_without_effect_is_given_up_after_a_minute_with_what_to_do(played, bot, ask, sweeps, sql):
    played.obeys = False
    ask("stop")
    sweeps()
    sql("UPDATE bots SET command_asked_at = now() - interval '61 s', next_check_at = now()")
    sweeps()
    row = sql.bot(bot)
    assert (row.status, row.command) == ("running", "")
    kind, _, sentence = last_event(sql, bot)
    assert kind == "command"
    assert "did not stop within 60 seconds" in sentence
    assert "try again" in sentence


def test_a_wrong_password_ends_the_command_at_once(played, bot, ask, sweeps, sql):
    ask("stop")
    played.password = "changed"
    sweeps()
    row = sql.bot(bot)
    assert played.commands == []
    assert (row.command, row.health) == ("", "auth")
    assert ("command", row.status) in [(kind, status) for kind, status, _ in sql.events(bot)]


def test_pause_does_not_start_a_bot_that_was_stopped_elsewhere_meanwhile(played, bot, ask, sweeps, sql):
    played.state = "stopped"
    ask("pause")
    sweeps()
    assert played.commands == []
    assert (sql.bot(bot).status, sql.bot(bot).command) == ("inactive", "")
    assert "would have started it" in last_event(sql, bot)[2]


def test_a_command_waits_for_a_bot_that_is_away_for_a_moment(played, bot, ask, sweeps, sql):
    played.hangs = True
    ask("stop")
    sweeps(timeout=0.2)
    assert (sql.bot(bot).status, sql.bot(bot).command) == ("stopping", "stop")
    played.hangs = False
    sql.make_due()
    sweeps()
    assert (sql.bot(bot).status, sql.bot(bot).command) == ("inactive", "")
