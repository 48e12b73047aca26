"""Many traders at once on few templates, and what the number of subscribers is afterwards."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

import psycopg
import pytest
from django.db import connection

from accounts.models import User
from bots.enums import Phase, StopWay
from marketplace.models import BotTemplate
from subscriptions.exceptions import SubscriptionIsOver
from subscriptions.queries import current_subscription
from subscriptions.services import following, moving
from tests import servers
from tests.audit.test_coverage_ops import manage
from tests.audit.world import entries_since, last_entry, sql
from tests.factories.accounts import UserFactory
from tests.factories.engines import limit, machine
from tests.factories.subscriptions import make_subscription, make_template, publish, subscribers
from tradewise.tenancy.context import PLATFORM, tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

THREADS: Final = 40
ROUNDS: Final = 25
TRADERS: Final = 10
TEMPLATES: Final = 4


def all_together(count: int, work: Callable[[int], None]) -> list[BaseException]:
    """Each in a thread with a connection of its own; what went wrong in any."""
    barrier, errors = threading.Barrier(count), []

    def run(number: int) -> None:
        try:
            barrier.wait(30)
            work(number)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not any(thread.is_alive() for thread in threads)
    return errors


def one_round(
    luck: random.Random, trader: User, template: BotTemplate, amounts: list[tuple[int, Decimal]]
) -> None:
    """Subscribe, change the allocation, move to version 2, or cancel, whatever others do to the same meanwhile.

    What was set is added to `amounts` while the trader's turn lasts, so in the order in which it was set.
    """
    amount = Decimal(luck.randrange(40_000, 9_999_999)) / 100
    with tenant_context(trader.tenant_id, actor=str(trader.pk)):
        there = current_subscription(template)
        if there is None or luck.random() < 0.4:
            made = following.subscribe(actor=trader, template=template, allocation=amount)
            amounts.append((made.pk, made.allocation_amount or Decimal(0)))
        elif luck.random() < 0.2:
            with suppress(SubscriptionIsOver):
                moving.move(actor=trader, subscription=there, number=2)
        elif luck.random() < 0.5:
            following.cancel(actor=trader, subscription=there, way=StopWay.NOW)
        else:
            with suppress(SubscriptionIsOver):  # cancelled between the look and the lock
                following.change_allocation(actor=trader, subscription=there, allocation=amount)
                amounts.append((there.pk, amount))


def test_forty_at_once_leave_no_duplicate_no_drift_and_no_cent_off(settings: Any) -> None:
    settings.BOT_LIMIT = 10_000
    machine(THREADS * ROUNDS + TRADERS * TEMPLATES)
    traders = [UserFactory() for _ in range(TRADERS)]
    templates = [make_template(f"T {number}") for number in range(TEMPLATES)]
    for trader in traders:
        limit(trader.tenant_id, 10_000)

    amounts: list[tuple[int, Decimal]] = []

    # Everybody who is there already follows the first version when the second one comes out.
    for trader in traders:
        for template in templates:
            with tenant_context(trader.tenant_id, actor=str(trader.pk)):
                made = following.subscribe(actor=trader, template=template, allocation=Decimal(1000))
                amounts.append((made.pk, Decimal(1000)))
    for template in templates:
        publish(template, 2)

    def work(number: int) -> None:
        luck = random.Random(number)
        for _ in range(ROUNDS):
            one_round(luck, luck.choice(traders), luck.choice(templates), amounts)

    assert all_together(THREADS, work) == []
    # The rounds did something, and not all of it was subscribing.
    states = {row.status: row.n for row in sql("SELECT status, count(*) AS n FROM subscriptions GROUP BY 1")}
    assert states["active"] > 5
    assert states["cancelled"] > 50
    twice = "SELECT FROM subscriptions WHERE status <> 'cancelled' GROUP BY user_id, template_id HAVING count(*) > 1"
    assert sql(twice) == []
    counted = """SELECT t.subscribers_count AS stored, count(s.id) AS counted FROM bot_templates t
        LEFT JOIN subscriptions s ON s.template_id = t.id AND s.status <> 'cancelled' GROUP BY t.id"""
    assert all(row.stored == row.counted for row in sql(counted))
    # Each amount is the one that was set last, and the engine has it too.
    now = sql("SELECT s.*, e.allocation FROM subscriptions s JOIN bot_engines e ON e.bot_id = s.bot_id")
    assert {row.id: row.allocation_amount for row in now} == dict(amounts)
    assert all(row.allocation == row.allocation_amount for row in now)
    assert len(now) == sql("SELECT count(*) AS n FROM bots")[0].n
    # Whoever follows the second version has its parameters, and nobody else has.
    says = "SELECT s.version, e.config_json #>> '{parameters,base_order}' AS first, s.status FROM subscriptions s "
    held = sql(f"{says} JOIN bot_engines e ON e.bot_id = s.bot_id")
    assert {(row.version, int(row.first)) for row in held} == {(1, 50), (2, 52)}
    assert manage("reconcile_counters").stdout == "Every template's number of subscribers is right.\n"


def test_a_statement_about_many_counts_each_template(alice: User, mallory: User) -> None:
    one, two = make_template("One"), make_template("Two")
    for trader in (alice, mallory):
        make_subscription(trader, one)
        make_subscription(trader, two, "paused")
    assert (subscribers(one), subscribers(two)) == (2, 2)
    over = "status = 'cancelled', paused_at = NULL, cancelled_at = now()"
    sql(f"UPDATE subscriptions SET {over} WHERE user_id = %s", alice.pk)
    assert (subscribers(one), subscribers(two)) == (1, 1)
    sql("DELETE FROM users WHERE id = %s", mallory.pk)
    assert (subscribers(one), subscribers(two)) == (0, 0)
    sql("DELETE FROM bot_templates WHERE id = %s", one.pk)
    assert sql("SELECT count(*) AS n FROM subscriptions")[0].n == 1


def test_two_statements_about_the_same_templates_never_wait_in_a_circle(alice: User, mallory: User) -> None:
    templates = [make_template(f"T {number}") for number in range(6)]
    for trader, order in ((alice, templates), (mallory, templates[::-1])):
        for template in order:
            make_subscription(trader, template)

    def work(number: int) -> None:
        trader = (alice, mallory)[number]
        for status, since in (("paused", "now()"), ("active", "NULL")) * 5:
            sql(
                f"UPDATE subscriptions SET status = '{status}', paused_at = {since} WHERE user_id = %s",
                trader.pk,
            )
        over = "status = 'cancelled', paused_at = NULL, cancelled_at = now()"
        sql(f"UPDATE subscriptions SET {over} WHERE user_id = %s", trader.pk)

    assert all_together(2, work) == []
    assert [subscribers(template) for template in templates] == [0] * 6


# ——— reconcile_counters ———


def drifted(alice: User, number: int) -> BotTemplate:
    template = make_template()
    make_subscription(alice, template)
    sql("UPDATE bot_templates SET subscribers_count = %s WHERE id = %s", number, template.pk)
    return template


def test_a_number_that_is_wrong_is_listed_and_with_apply_mended(alice: User) -> None:
    template, _ = drifted(alice, 7), make_template("Right")
    before = last_entry()
    said = manage("reconcile_counters")
    assert said.stdout.splitlines()[0] == f"{template.template_id}\t7\t1"
    assert "Wrong: 1" in said.stdout
    assert subscribers(template) == 7
    assert "Mended: 1." in manage("reconcile_counters", "--apply").stdout
    assert subscribers(template) == 1
    (entry,) = [e for e in entries_since(before) if e.action == "template.count_subscribers"]
    assert (entry.tenant_id, entry.resource_id) == (PLATFORM, template.template_id)
    assert (entry.old_values, entry.new_values) == ({"subscribers_count": 7}, {"subscribers_count": 1})
    assert "is right" in manage("reconcile_counters").stdout


def test_a_number_that_is_too_small_keeps_nobody_from_cancelling(alice: User) -> None:
    template = drifted(alice, 0)
    with tenant_context(alice.tenant_id):
        there = current_subscription(template)
        assert there is not None
        following.cancel(actor=alice, subscription=there, way=StopWay.NOW)
    assert subscribers(template) == 0


@pytest.mark.parametrize("login", ["tw_app", "tw_staff", "tw_worker"])
def test_no_site_may_ask_for_the_numbers_of_all(alice: User, login: str) -> None:
    template = make_template()
    make_subscription(alice, template, phase=Phase.OFF)
    with psycopg.connect(servers.dsn(login, servers.process_database()), autocommit=True) as connection:
        for call in ("subscriptions_drift()", f"subscriptions_recount('{template.template_id}')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {call}")
