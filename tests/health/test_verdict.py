"""What a check means, for every turn that a bot can take: pure, and quick."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from bots.adapters import Probe
from bots.enums import Command, EngineState, HealthReason
from bots.health.commands import NOTHING, PATIENCE, WOULD_START, Next, Step, next_step, refused
from bots.health.leased import Leased
from bots.health.verdict import Verdict, interval_after, is_as_before, judge

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATES = {
    "running": (EngineState.RUNNING, HealthReason.OK),
    "paused": (EngineState.PAUSED, HealthReason.PAUSED),
    "stopped": (EngineState.STOPPED, HealthReason.STOPPED),
    "reloading": (EngineState.RELOAD_CONFIG, HealthReason.OK),
}
SILENT = ["name_not_found", "refused", "unreachable", "timed_out", "proxy"]


def bot(*, asked: float | None = None, sent: float | None = None, **known) -> Leased:
    """A running bot that was well; `asked` and `sent` are the ages of its command in seconds."""
    return Leased(
        **{
            "id": 1,
            "tenant_id": uuid.UUID(int=1),
            "bot_id": "b",
            "leased_at": NOW,
            "api_url": "http://bot.example.com",
            "api_token": "sealed",
            "token_set_at": NOW,
            "status": "running",
            "desired_state": "running",
            "command": "",
            "command_asked_at": None if asked is None else NOW - timedelta(seconds=asked),
            "command_sent_at": None if sent is None else NOW - timedelta(seconds=sent),
            "health": "ok",
            "failures": 0,
            "connection_error": None,
            "engine_state": "running",
            "engine_version": "",
            "strategy": "",
            "exchange": "",
            "timeframe": "",
            "stake_currency": "",
            "dry_run": None,
            "figures_due": False,
            "taken_at": None,
            "starting_capital": None,
            "closed_trades": None,
            "last_trade_id": None,
            **known,
        }
    )


def answer(state: str = "running") -> Probe:
    engine, reason = STATES[state]
    return Probe(reason=reason, sentence=f"It is {state}.", latency_ms=3, state=engine)


def silence(reason: str = "refused") -> Probe:
    return Probe(reason=HealthReason(reason), sentence=f"It failed: {reason}.", latency_ms=0)


def look(was: Leased, seen: Probe, *, sent: bool | None = None, **options) -> Verdict:
    """The judgment after the step that the sweep would take."""
    known = was.command_sent_at is not None if sent is None else sent
    return judge(was, seen, interval=15, step=next_step(was, seen, sent=known), **options)


def after(was: Leased, verdict: Verdict) -> Leased:
    """The bot as the next sweep would lease it."""
    return was._replace(
        status=str(verdict.status),
        health=str(verdict.health),
        failures=verdict.failures,
        connection_error=verdict.connection_error,
        desired_state=verdict.desired_state,
        command=verdict.command,
    )


def kinds(verdict: Verdict) -> list[str]:
    return [event.kind for event in verdict.events]


# Down and up.


def test_three_failures_in_a_row_make_down_and_are_told_once():
    was, seen = bot(), []
    for _ in range(6):
        verdict = look(was, silence())
        seen.append((verdict.status, verdict.failures, kinds(verdict)))
        was = after(was, verdict)
    assert seen == [
        ("running", 1, []),
        ("running", 2, []),
        ("error", 3, ["health"]),
        ("error", 4, []),
        ("error", 5, []),
        ("error", 6, []),
    ]


def test_two_failures_and_a_success_are_no_news():
    was = bot()
    for seen in (silence(), silence(), answer(), silence(), silence()):
        verdict = look(was, seen)
        assert (verdict.status, verdict.events) == ("running", ())
        was = after(was, verdict)
    assert was.failures == 2


@pytest.mark.parametrize("state", ["running", "paused", "stopped"])
def test_one_success_makes_up(state):
    verdict = look(bot(status="error", health="refused", failures=40, connection_error="x"), answer(state))
    assert (verdict.failures, verdict.connection_error, verdict.alive) == (0, None, True)
    assert verdict.status != "error"
    assert [event.sentence for event in verdict.events] == [f"It is {state}."]


@pytest.mark.parametrize("reason", [*SILENT, "tls", "redirect", "not_freqtrade", "no_trader", "protocol"])
def test_each_reason_is_shown_with_the_first_failure(reason):
    verdict = look(bot(), silence(reason))
    assert (verdict.health, verdict.connection_error) == (reason, f"It failed: {reason}.")
    assert (verdict.status, verdict.soon, verdict.alive) == ("running", 3.0, False)


@pytest.mark.parametrize("reason", ["auth", "needs_token", "hung"])
def test_what_no_second_look_would_find_otherwise_makes_down_at_once(reason):
    verdict = look(bot(), silence(reason))
    assert (verdict.status, verdict.failures, kinds(verdict)) == ("error", 3, ["health"])
    assert look(after(bot(), verdict), silence(reason)).events == ()


def test_a_refused_password_is_rarely_tried_again():
    verdict = look(bot(), silence("auth"))
    assert (verdict.every, verdict.soon) == (300, None)


@pytest.mark.parametrize("first", SILENT)
@pytest.mark.parametrize("second", SILENT)
def test_a_bot_that_is_down_may_be_silent_in_several_ways_without_news(first, second):
    was = bot(status="error", health=first, failures=9)
    assert look(was, silence(second)).events == ()


def test_a_bot_that_is_down_for_another_kind_of_reason_is_news():
    was = bot(status="error", health="refused", failures=9)
    assert kinds(look(was, silence("auth"))) == ["health"]
    assert kinds(look(bot(status="error", health="auth", failures=9), silence())) == ["health"]


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 15), (3, 15), (5, 15), (6, 30), (8, 30), (9, 60), (10_000, 60)]
)
def test_who_stays_down_is_asked_more_rarely(failures, seconds):
    assert interval_after(failures, 15) == seconds
    assert interval_after(failures, 120) == 120


def test_failures_are_counted_no_further_than_the_column():
    assert look(bot(status="error", failures=2**31 - 1), silence()).failures == 2**31 - 1


# States.


@pytest.mark.parametrize(
    ("state", "status", "health", "soon"),
    [
        ("running", "running", "ok", None),
        ("paused", "connected", "paused", None),
        ("stopped", "inactive", "stopped", None),
        ("reloading", "starting", "ok", 1.0),
    ],
)
def test_the_status_is_the_state_that_is_seen(state, status, health, soon):
    verdict = look(bot(), answer(state))
    assert (verdict.status, verdict.health, verdict.soon) == (status, health, soon)
    assert kinds(verdict) == ([] if status == "running" else ["health"])


def test_what_the_owner_does_elsewhere_is_seen_and_does_not_change_what_was_asked_for():
    verdict = look(bot(desired_state="running"), answer("stopped"))
    assert (verdict.status, verdict.desired_state, kinds(verdict)) == ("inactive", "running", ["health"])


@pytest.mark.parametrize(
    ("state", "desired"),
    [("running", "running"), ("paused", "paused"), ("stopped", "stopped"), ("reloading", None)],
)
def test_what_nobody_asked_for_yet_is_what_is_seen_first(state, desired):
    assert (
        look(bot(desired_state=None, health="unknown", status="inactive"), answer(state)).desired_state
        == desired
    )


def test_the_first_look_at_a_bot_is_told():
    was = bot(health="unknown", status="inactive", engine_state="")
    assert kinds(look(was, answer("stopped"))) == ["health"]
    assert kinds(look(was, silence())) == ["health"]


@pytest.mark.parametrize(
    ("known", "seen", "same"),
    [
        ({}, answer(), True),
        ({"failures": 1}, answer(), False),
        ({"command": "stop"}, answer(), False),
        ({"status": "starting"}, answer(), False),
        ({"health": "exchange_unreachable"}, answer(), False),
        ({"connection_error": "x"}, answer(), False),
        ({"strategy": "Other"}, Probe(HealthReason.OK, "", 1, EngineState.RUNNING, strategy="S"), False),
        ({}, answer("paused"), False),
        ({}, silence(), False),
    ],
)
def test_only_a_bot_that_is_in_all_as_before_gets_a_mere_heartbeat(known, seen, same):
    assert is_as_before(bot(**known), seen) is same


# The exchange.


def test_an_exchange_out_of_reach_is_told_once_stays_and_leaves_with_the_next_prices():
    lost = look(bot(), answer(), exchange_error="No prices.", prices_read=True)
    assert (lost.status, lost.health, lost.connection_error) == (
        "running",
        "exchange_unreachable",
        "No prices.",
    )
    assert kinds(lost) == ["health"]
    was = after(bot(), lost)
    still = look(was, answer())
    assert (still.health, still.connection_error, still.events) == ("exchange_unreachable", "No prices.", ())
    again = look(was, answer(), exchange_error="No prices.", prices_read=True)
    assert again.events == ()
    found = look(was, answer(), prices_read=True)
    assert (found.health, found.connection_error, kinds(found)) == ("ok", None, ["health"])


def test_a_bot_without_its_exchange_is_up_and_carries_out_commands():
    was = bot(health="exchange_unreachable", connection_error="No prices.", command="pause", asked=2, sent=1)
    waiting = look(was, answer())
    assert (waiting.status, waiting.connection_error, waiting.failures) == ("stopping", "No prices.", 0)
    done = look(was, answer("paused"))
    assert (done.command, done.status, done.health) == ("", "connected", "exchange_unreachable")


def test_a_stopped_bot_asks_for_no_prices_so_it_cannot_lack_them():
    was = bot(health="exchange_unreachable", connection_error="No prices.")
    assert look(was, answer("stopped")).health == "stopped"
    assert look(bot(), answer("stopped"), exchange_error="No prices.", prices_read=True).health == "stopped"


def test_a_single_failed_check_of_a_bot_without_its_exchange_is_no_news():
    was = bot(health="exchange_unreachable", connection_error="No prices.")
    assert look(was, silence()).events == ()


# Commands.

COMMANDS = [("start", "running"), ("stop", "stopped"), ("pause", "paused")]


@pytest.mark.parametrize(("command", "state"), COMMANDS)
def test_a_command_is_done_when_the_state_says_so(command, state):
    verdict = look(bot(command=command, asked=3, sent=2, status="starting"), answer(state))
    assert verdict.command == ""
    assert kinds(verdict) == ["command"]
    assert "The bot" in verdict.events[0].sentence
    assert verdict.status in ("running", "inactive", "connected")


@pytest.mark.parametrize(
    ("command", "state", "status"),
    [("start", "stopped", "starting"), ("stop", "running", "stopping"), ("pause", "running", "stopping")],
)
def test_a_command_without_effect_yet_is_sent_and_then_followed_closely(command, state, status):
    was = bot(command=command, asked=3, status=status)
    assert next_step(was, answer(state), sent=False).step is Step.SEND
    assert next_step(was, answer(state), sent=True).step is Step.WAIT
    verdict = look(was, answer(state), sent=True)
    assert (verdict.status, verdict.command, verdict.soon, verdict.events) == (status, command, 1.0, ())


@pytest.mark.parametrize(
    ("command", "state", "status"),
    [("start", "stopped", "inactive"), ("stop", "running", "running"), ("pause", "running", "running")],
)
def test_a_command_without_effect_after_a_minute_is_given_up(command, state, status):
    was = bot(command=command, asked=PATIENCE + 1, sent=50, status="starting", desired_state="stopped")
    verdict = look(was, answer(state))
    assert (verdict.status, verdict.command) == (status, "")
    assert kinds(verdict) == ["command"]
    assert "within 60 seconds" in verdict.events[0].sentence
    assert verdict.desired_state == "stopped", "what was asked for stays known beside what is"


def test_an_effect_that_comes_after_the_minute_counts_all_the_same():
    verdict = look(bot(command="stop", asked=PATIENCE + 9, sent=60, status="stopping"), answer("stopped"))
    assert "not watched" in verdict.events[0].sentence


@pytest.mark.parametrize("reason", ["auth", "needs_token", "protocol", "too_old", "not_freqtrade"])
def test_a_bot_that_refuses_for_good_ends_the_command(reason):
    step = refused(Command.STOP, HealthReason(reason), "Because.")
    assert step == Next(Step.END, "The bot did not stop. Because.")


@pytest.mark.parametrize("reason", ["refused", "timed_out", "unreachable", "proxy"])
def test_a_command_that_did_not_arrive_is_tried_again(reason):
    assert refused(Command.STOP, HealthReason(reason), "Because.").step is Step.WAIT


def test_a_late_pause_that_did_not_arrive_is_given_up():
    step = refused(Command.PAUSE, HealthReason.TIMED_OUT, "Because.", is_late=True)
    assert step.step is Step.END
    assert "did not pause within 60 seconds. Because." in step.sentence


def test_an_old_pause_waits_for_no_bot_that_is_away_or_reloads():
    was = bot(command="pause", asked=PATIENCE + 1, status="stopping", desired_state="paused")
    assert next_step(was, silence(), sent=False).step is Step.END
    assert next_step(was, answer("reloading"), sent=False).step is Step.END


@pytest.mark.parametrize("reason", ["auth", "needs_token"])
def test_a_wrong_password_ends_a_command_at_once_and_is_not_tried_each_second(reason):
    verdict = look(bot(command="stop", asked=3, sent=2, status="stopping"), silence(reason))
    assert (verdict.status, verdict.command, verdict.soon) == ("error", "", None)
    assert kinds(verdict) == ["command", "health"]


@pytest.mark.parametrize(("command", "_"), COMMANDS)
def test_a_bot_that_dies_with_a_command_is_down_after_three_failures_and_the_command_waits(command, _):
    was, seen = bot(command=command, asked=3, sent=2, status="starting"), []
    for _ in range(4):
        verdict = look(was, silence())
        seen.append((verdict.status, verdict.command, kinds(verdict)))
        was = after(was, verdict)
    assert seen == [
        ("starting", command, []),
        ("starting", command, []),
        ("error", command, ["health"]),
        ("error", command, []),
    ]
    back = look(was, answer("reloading"))
    assert back.status in ("starting", "stopping")
    assert back.command == command


def test_a_dead_bot_keeps_no_command_beyond_its_minute():
    was = bot(command="start", asked=PATIENCE + 1, status="error", failures=9, health="refused")
    verdict = look(was, silence())
    assert (verdict.status, verdict.command, kinds(verdict)) == ("error", "", ["command"])
    assert verdict.events[0].sentence.endswith("It failed: refused. Look at its log, then try again.")


@pytest.mark.parametrize(
    ("engine", "status"), [("running", "running"), ("stopped", "inactive"), ("", "inactive")]
)
def test_a_command_that_ends_in_a_single_failed_check_leaves_the_last_known_state(engine, status):
    was = bot(command="start", asked=PATIENCE + 1, status="starting", engine_state=engine)
    verdict = look(was, silence())
    assert (verdict.status, verdict.failures, verdict.command) == (status, 1, "")


def test_pausing_a_stopped_bot_would_start_it_so_it_is_not_asked():
    step = next_step(bot(command="pause", asked=1), answer("stopped"), sent=False)
    assert step == Next(Step.END, WOULD_START)


def test_a_reload_is_sent_from_any_state_and_done_when_the_bot_has_settled():
    for state in ("running", "paused", "stopped"):
        assert next_step(bot(command="reload", asked=1), answer(state), sent=False).step is Step.SEND
        assert next_step(bot(command="reload", asked=1), answer(state), sent=True).step is Step.END
    for sent in (False, True):
        assert next_step(bot(command="reload", asked=1), answer("reloading"), sent=sent).step is Step.WAIT


def test_a_bot_that_reloads_is_off_the_network_and_that_is_no_failure():
    was = bot(command="reload", asked=5, sent=4, status="starting")
    for _ in range(9):
        verdict = look(was, silence())
        was = after(was, verdict)
        assert (verdict.status, verdict.failures, verdict.connection_error) == ("starting", 0, None)
        assert (verdict.soon, verdict.events) == (1.0, ())
    done = look(was, answer())
    assert (done.status, done.command, kinds(done)) == ("running", "", ["command"])


def test_a_bot_that_does_not_come_back_from_a_reload_fails_from_then_on():
    was = bot(command="reload", asked=PATIENCE + 1, sent=60, status="starting")
    verdict = look(was, silence())
    assert (verdict.command, verdict.failures, kinds(verdict)) == ("", 1, ["command", "health"])


def test_after_a_reload_what_is_wanted_is_what_the_bot_is():
    was = bot(command="reload", asked=9, sent=8, status="starting", desired_state=None)
    assert look(was, answer("reloading")).desired_state is None
    assert look(was, answer("stopped")).desired_state == "stopped"


def test_without_a_command_there_is_nothing_to_do():
    assert next_step(bot(), answer(), sent=False) == NOTHING
