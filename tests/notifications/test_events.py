"""Each event is noted once, by the services and workers that make it happen."""

import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core import mail

from accounts.models import User
from bots.enums import StopWay
from bots.models import Bot
from bots.services import lifecycle
from marketplace.enums import TemplateStatus
from marketplace.services import moderation
from subscriptions.services import telling as subscribers
from subscriptions.tasks import tell_started
from tests.audit.world import sql
from tests.factories.subscriptions import make_subscription, make_template, withdraw_templates
from tests.health import conftest as health
from tests.health.conftest import Town
from tests.logins import as_login
from tests.marketplace.written import made
from tests.notifications.conftest import noted, work
from tests.reconciler import conftest as reconciler
from tests.reconciler.conftest import Fleet
from tradewise.outbox import enqueue
from tradewise.tenancy.context import PLATFORM, tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

town, connected, sweeps = health.town, health.connected, health.sweeps  # fixtures
played = reconciler.played
Connect = Callable[..., Bot]
Sweep = Callable[..., Any]


def events() -> list[tuple[str, str]]:
    return [(row.event, row.title) for row in noted()]


DECISIONS: dict[str, Callable[..., Any]] = {
    "approve": moderation.approve,
    "reject": partial(moderation.reject, reason="Say more."),
    "withdraw": partial(moderation.withdraw, reason="It misleads."),
}


def moderate(decide: Callable[..., Any], template: int, number: int = 1) -> None:
    """As a moderator of the staff site."""
    (version,) = sql(
        "SELECT id, updated_at FROM template_versions WHERE template_id = %s AND number = %s",
        template,
        number,
    )
    with as_login("tw_staff"), tenant_context(PLATFORM, actor="staff:1"):
        decide(actor="staff:1", seen=moderation.Seen(version.id, version.updated_at))


def checks(sweeps: Sweep, number: int = 1) -> None:
    """So many, one after the other."""
    for _ in range(number):
        sql("UPDATE bots SET next_check_at = now()")
        sweeps()


# ——— a bot of one's own ———


def test_an_outage_is_told_once_and_its_end_too(town: Town, connected: Connect, sweeps: Sweep) -> None:
    there = town.bot()
    bot = connected(there.url, name="Grid")
    checks(sweeps)
    there.hangs = True
    checks(sweeps, 2)
    assert events() == [], "two checks that failed are no outage"
    checks(sweeps, 4)
    assert events() == [("bot.down", "Grid is down")]
    (down,) = noted()
    assert (down.subject, down.path) == (bot.bot_id, f"/bots/{bot.bot_id}/")
    assert down.text == f"Grid is down. {sql('SELECT connection_error AS e FROM bots')[0].e}"
    there.hangs = False
    checks(sweeps, 2)
    assert events() == [("bot.down", "Grid is down"), ("bot.up", "Grid works again")]
    assert noted("bot.up")[0].text.startswith("Grid works again. It answers again. It was down for ")
    assert sql("SELECT bot_id FROM bot_outages") == []
    there.hangs = True
    checks(sweeps, 4)
    assert [event for event, _ in events()] == ["bot.down", "bot.up", "bot.down"]
    work()
    assert [message.subject for message in mail.outbox] == ["Grid is down"] * 2, (
        "works again: not by mail at first"
    )


def test_a_start_that_is_asked_for_meanwhile_makes_no_second_outage(
    alice: User, town: Town, connected: Connect, sweeps: Sweep
) -> None:
    there = town.bot()
    bot = connected(there.url, status="running", health="ok", engine_state="running", desired_state="running")
    there.hangs = True
    checks(sweeps, 3)
    sql("UPDATE bots SET status = 'starting', command = 'start', command_asked_at = now()")
    checks(sweeps, 3)
    assert sql("SELECT status FROM bots")[0].status == "error"
    assert [event for event, _ in events()] == ["bot.down"]
    assert noted()[0].subject == bot.bot_id


def test_a_wrong_password_is_told_at_once(town: Town, connected: Connect, sweeps: Sweep) -> None:
    there = town.bot()
    connected(there.url, name="Grid")
    there.password = "another"
    checks(sweeps, 2)
    assert events() == [("bot.down", "Grid is down")]


def test_what_is_told_holds_no_password_and_no_address(town: Town, connected: Connect, sweeps: Sweep) -> None:
    there = town.bot()
    connected(there.url, name="Grid")
    there.password = "another"
    checks(sweeps)
    work()
    said = f"{noted()}{[(m.subject, m.body) for m in mail.outbox]}"
    assert health.PASSWORD not in said
    assert health.USERNAME not in said
    assert there.url not in said


def test_a_bot_that_stops_by_itself_is_told_and_one_that_was_asked_is_not(
    alice: User, town: Town, connected: Connect, sweeps: Sweep
) -> None:
    ours, theirs = town.bot(), town.bot()
    asked = connected(ours.url, name="Asked")
    connected(theirs.url, name="Own will")
    checks(sweeps)
    with tenant_context(alice.tenant_id, actor=str(alice.pk)):
        lifecycle.request_stop(actor=alice, bot=asked)
    theirs.state = "stopped"
    checks(sweeps, 3)
    assert {row.status for row in sql("SELECT status FROM bots")} == {"inactive"}
    assert events() == [("bot.stopped", "Own will stopped by itself")]


def test_of_many_that_go_down_at_once_each_trader_is_told_of_the_own(
    alice: User, mallory: User, town: Town, connected: Connect, sweeps: Sweep
) -> None:
    for number in range(20):
        connected(f"{town.url.rsplit(':', 1)[0]}:9/b{number}", name=f"Bot {number}")
    checks(sweeps, 4)
    assert len(noted("bot.down")) == 20
    assert {row.tenant_id for row in noted()} == {alice.tenant_id}


# ——— an engine that TradeWise runs ———


def test_an_engine_that_is_killed_is_told_once_and_that_it_is_up_again(played: Fleet) -> None:
    bot = played.launch(name="Quick")
    played.until_up(bot)
    assert events() == [], "what was asked for is no news"
    os.kill(played.pid(bot), signal.SIGKILL)
    played.until(bot, lambda row: row.attempts == 1)
    assert events() == [("bot.stopped", "Quick stopped by itself")]
    assert "It is started again in 3 seconds, try 2 of 5." in noted()[0].text
    played.until_up(bot)
    assert [event for event, _ in events()] == ["bot.stopped", "bot.up"]


def test_five_failures_in_a_row_are_told_once_when_it_is_given_up(played: Fleet) -> None:
    bot = played.launch(name="Quick")
    played.play(bot, no_markets=True)
    played.until(bot, lambda row: row.phase == "failed")
    assert events() == [("bot.stopped", "Quick does not run any more")]
    assert noted()[0].text.endswith("It was started 5 times, and is not started again by itself.")
    assert sql("SELECT bot_id FROM bot_outages") == []


def test_a_stop_that_was_asked_for_is_not_told(played: Fleet) -> None:
    bot = played.launch()
    played.until_up(bot)
    played.stop(bot, StopWay.NOW)
    played.until_off(bot)
    assert events() == []


def test_an_engine_that_ends_before_its_trades_are_closed_is_told(played: Fleet) -> None:
    bot = played.launch(name="Quick")
    played.play(bot, open_trades=1)
    played.until_up(bot)
    played.stop(bot, StopWay.EXITS)
    played.until(bot, lambda row: row.phase == "closing")
    os.kill(played.pid(bot), signal.SIGKILL)
    played.until_off(bot)
    assert events() == [("bot.stopped", "Quick stopped by itself")]
    assert "Those that are open are not watched" in noted()[0].text


# ——— subscriptions and templates ———


def test_a_subscription_that_starts_is_told_once(alice: User) -> None:
    subscription = make_subscription(alice, make_template("Calm"), bot={"name": "Mine"})
    with as_login("tw_worker"):
        assert [tell_started(), tell_started()] == [1, 0]
    assert events() == [("subscription.started", "Your subscription Mine has started")]
    assert noted()[0].text == "Your subscription to “Calm” has started: its bot Mine is up."
    sql("UPDATE bot_engines SET phase = 'off'")
    sql("UPDATE bot_engines SET phase = 'up'")
    with as_login("tw_worker"):
        assert tell_started() == 0
    assert sql("SELECT start_told FROM subscriptions WHERE id = %s", subscription.pk)[0].start_told


@pytest.mark.parametrize("phase", ["queued", "launched", "failed", "off"])
def test_one_whose_bot_is_not_up_is_not_told(alice: User, phase: str) -> None:
    make_subscription(alice, make_template())
    sql("UPDATE bot_engines SET phase = %s", phase)
    make_subscription(alice, make_template(), "cancelled")
    with as_login("tw_worker"):
        assert tell_started() == 0


def test_who_follows_a_template_is_told_of_a_new_version_once_and_of_nobody_else(
    alice: User, mallory: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers, "BATCH", 1)  # each of them with a message of its own
    template = make_template("Calm", creator_tenant_id=alice.tenant_id)
    other = make_template("Other")
    make_subscription(mallory, template)
    make_subscription(alice, template, "paused")
    make_subscription(mallory, other)
    second_version(template)
    moderate(moderation.approve, template.pk, number=2)
    work()
    with as_login("tw_app"), tenant_context(PLATFORM):
        about = {"template_id": template.template_id, "number": 2, "after": 0}
        enqueue("subscriptions.tell_new_version", about)
    work()
    found = noted("template.new_version")
    assert sorted(str(row.tenant_id) for row in found) == sorted(
        [str(alice.tenant_id), str(mallory.tenant_id)]
    )
    assert {row.title for row in found} == {"Version 2 of “Calm” is out"}
    for row in found:
        others = {str(alice.tenant_id), str(mallory.tenant_id)} - {str(row.tenant_id)}
        assert not any(other in str(row._asdict() | {"tenant_id": ""}) for other in others)
        assert "alice" not in row.text.lower()
    assert [row.tenant_id for row in noted("template.decision")] == [alice.tenant_id]


def second_version(template: Any) -> None:
    """Submitted, as its author would."""
    sql(
        "INSERT INTO template_versions (creator_tenant_id, template_id, number, status, name, description, "
        "config_json, risk_level, strategy_type) SELECT creator_tenant_id, template_id, 2, 'submitted', name, 'Calm.', "
        "config_json, risk_level, strategy_type FROM template_versions WHERE template_id = %s",
        template.pk,
    )


def test_followers_are_told_of_a_version_whose_author_has_left(alice: User, mallory: User) -> None:
    template = make_template("Calm", creator_tenant_id=alice.tenant_id)
    make_subscription(mallory, template)
    second_version(template)
    sql("DELETE FROM users WHERE id = %s", alice.pk)
    moderate(moderation.approve, template.pk, number=2)
    work()
    assert [row.tenant_id for row in noted("template.new_version")] == [mallory.tenant_id]
    assert noted("template.decision") == []


def test_who_follows_the_new_version_already_is_not_told_of_it(alice: User, mallory: User) -> None:
    template = make_template("Calm")
    make_subscription(mallory, template)
    second_version(template)
    moderate(moderation.approve, template.pk, number=2)
    template.version = 2
    make_subscription(alice, template)
    work()
    assert [row.tenant_id for row in noted("template.new_version")] == [mallory.tenant_id]


def test_a_version_that_was_withdrawn_meanwhile_is_not_told_of(alice: User, mallory: User) -> None:
    template = make_template("Calm")
    make_subscription(mallory, template)
    withdraw_templates()
    with as_login("tw_worker"):
        subscribers.tell_new_version({"template_id": template.template_id, "number": 1, "after": 0})
    assert events() == []


@pytest.mark.parametrize(
    ("action", "status", "title"),
    [
        ("approve", TemplateStatus.SUBMITTED, "Your template “Calm” is published"),
        ("reject", TemplateStatus.SUBMITTED, "Your template “Calm” was not published"),
        ("withdraw", TemplateStatus.PUBLISHED, "Your template “Calm” was withdrawn"),
    ],
)
def test_a_decision_is_told_by_mail_unless_it_is_switched_off(
    alice: User, signed_in: Any, action: str, status: str, title: str
) -> None:
    moderate(DECISIONS[action], made(alice, status, name="Calm"))
    work()
    assert [message.subject for message in mail.outbox] == [title]
    signed_in.post("/account/notifications/", {})
    moderate(DECISIONS[action], made(alice, status, name="Quiet"))
    work()
    assert len(noted("template.decision")) == 2
    assert len(mail.outbox) == 1


def test_the_site_can_tell_no_other_tenant(alice: User, mallory: User) -> None:
    """Even with a message that names somebody else's notification."""
    sql(
        "INSERT INTO notifications (tenant_id, event, subject, occurrence, name, title, text, path) "
        "VALUES (%s, 'bot.down', 's', 'o', 'n', 'Of mallory', 't', '/')",
        mallory.tenant_id,
    )
    with tenant_context(alice.tenant_id):
        enqueue("accounts.notify", {"tenant_id": str(alice.tenant_id), "notification": noted()[0].id})
    work()
    assert mail.outbox == []
