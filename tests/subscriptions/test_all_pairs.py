"""Every state of a subscription × every event, by service, by page and by raw SQL: what is not listed is refused, and
nothing changed. The moves by raw SQL from one state to another are in `test_moves`.
"""

from decimal import Decimal
from typing import Any, Final

import psycopg
import pytest

from bots.enums import Phase, StopWay
from subscriptions.enums import SubscriptionStatus
from subscriptions.exceptions import SubscriptionIsOver
from subscriptions.models import Subscription
from subscriptions.services import following, moving
from tests.audit.world import entries_since, last_entry, sql
from tests.factories.subscriptions import make_subscription, make_template, publish, subscribers
from tests.marketplace.written import raw
from tests.subscriptions.test_moves import write
from tests.subscriptions.test_services import PAUSED, ask

pytestmark = pytest.mark.django_db(transaction=True)

SERVICES: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    "pause": (following.pause, {}),
    "resume": (following.resume, {}),
    "allocation": (following.change_allocation, {"allocation": Decimal(900)}),
    "version": (moving.move, {"number": 2}),
    "cancel": (following.cancel, {"way": StopWay.NOW}),
}
FORMS: Final[dict[str, dict[str, str]]] = {
    "allocation": {"allocation": "900"},
    "version": {"version": "2"},
    "cancel": {"way": "now"},
}
#: (state, event) → the state then. What was so already is left so.
LEGAL: Final = {
    ("active", "pause"): "paused",
    ("active", "resume"): "active",
    ("active", "allocation"): "active",
    ("active", "version"): "active",
    ("active", "cancel"): "cancelled",
    ("paused", "pause"): "paused",
    ("paused", "resume"): "active",
    ("paused", "allocation"): "paused",
    ("paused", "version"): "paused",
    ("paused", "cancel"): "cancelled",
    ("cancelled", "cancel"): "cancelled",
}
UNCHANGED: Final = {("active", "resume"), ("paused", "pause"), ("cancelled", "cancel")}
PAIRS: Final = [(state, event) for state in SubscriptionStatus.values for event in SERVICES]


def made(user: Any, state: str) -> Subscription:
    """In this state, with a newer version to move to."""
    template = make_template()
    phase = Phase.OFF if state == "cancelled" else Phase.UP
    subscription = make_subscription(user, template, state, phase, bot=PAUSED if state == "paused" else {})
    publish(template, 2)
    return subscription


def everything(subscription: Subscription) -> list[Any]:
    """All rows that an event could touch."""
    found = sql("SELECT * FROM subscriptions WHERE id = %s", subscription.pk)
    for table in ("bots", "bot_engines", "bot_events"):
        key = "id" if table == "bots" else "bot_id"
        found += sql(f"SELECT * FROM {table} WHERE {key} = %s ORDER BY 1", subscription.bot_id)
    return found


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_a_service_does_what_is_listed_and_refuses_the_rest(alice, state, event):
    subscription = made(alice, state)
    before, last = everything(subscription), last_entry()
    service, options = SERVICES[event]
    becomes = LEGAL.get((state, event))
    if becomes is None:
        with pytest.raises(SubscriptionIsOver, match="is final"):
            ask(alice, service, subscription, **options)
        assert everything(subscription) == before
        assert entries_since(last) == []
        return
    assert ask(alice, service, subscription, **options).status == becomes
    if (state, event) in UNCHANGED:
        assert everything(subscription) == before
    else:
        assert everything(subscription) != before
    assert subscribers(subscription.template) == (becomes != "cancelled")


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_a_page_does_what_is_listed_and_refuses_the_rest_with_409(client, alice, state, event):
    subscription = made(alice, state)
    before = everything(subscription)
    answer = client.post(f"/subscriptions/{subscription.bot.bot_id}/{event}/", FORMS.get(event, {}))
    becomes = LEGAL.get((state, event))
    assert answer.status_code == (409 if becomes is None else 303)
    if becomes is None or (state, event) in UNCHANGED:
        assert everything(subscription) == before
    else:
        assert everything(subscription)[0].status == becomes


@pytest.mark.parametrize("login", ["tw_app", "tw_migrator", "tw_admin"])
@pytest.mark.parametrize("number", ["1", "2", "3", "9", "NULL"])
@pytest.mark.parametrize("state", SubscriptionStatus.values)
def test_the_database_moves_to_what_is_published_and_to_no_other(alice, state, number, login):
    template = make_template()
    subscription = make_subscription(alice, template, state)
    publish(template, 2)
    sql(
        "INSERT INTO template_versions (template_id, number, status, name, config_json, risk_level) "
        "VALUES (%s, 3, 'draft', 'N', '{}', 'low')",
        template.pk,
    )
    before = everything(subscription)
    if number == "1":
        write(login, alice.tenant_id, "version = 1", subscription.pk)  # as it was
    elif number == "2" and state != "cancelled":
        write(login, alice.tenant_id, "version = 2", subscription.pk)
        assert everything(subscription)[0].version == 2
        return
    else:
        with pytest.raises(psycopg.errors.IntegrityError):
            write(login, alice.tenant_id, f"version = {number}", subscription.pk)
    assert everything(subscription) == before


@pytest.mark.parametrize("login", ["tw_staff", "tw_worker"])
@pytest.mark.parametrize("becomes", SubscriptionStatus.values)
@pytest.mark.parametrize("state", SubscriptionStatus.values)
def test_neither_staff_nor_the_worker_move_a_subscription(alice, state, becomes, login):
    subscription = made(alice, state)
    before = everything(subscription)
    for statement in (
        f"status = '{becomes}'",
        "allocation_amount = 5",
        "version = 2",
        "paused_for = '1 day'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw(
                login, alice.tenant_id, f"UPDATE subscriptions SET {statement} WHERE id = %s", subscription.pk
            )
    assert everything(subscription) == before


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ("2, NULL", None),
        ("1, NULL", psycopg.errors.CheckViolation),
        ("NULL, NULL", psycopg.errors.CheckViolation),
        ("9, NULL", psycopg.errors.IntegrityError),
        ('2, \'{"return": "9"}\'', psycopg.errors.InsufficientPrivilege),
    ],
)
def test_the_site_begins_one_with_what_is_published_and_without_a_result(alice, values, error):
    subscription = made(alice, "cancelled")
    other = make_template("Other")
    publish(other, 2)
    sql("DELETE FROM subscriptions WHERE id = %s", subscription.pk)
    insert = (
        "INSERT INTO subscriptions (tenant_id, user_id, bot_id, template_id, version, performance_data) "
        f"VALUES (%s, %s, %s, %s, {values})"
    )
    given = (alice.tenant_id, alice.pk, subscription.bot_id, other.pk)
    if error is None:
        assert raw("tw_app", alice.tenant_id, insert, *given) == 1
        return
    with pytest.raises(error):
        raw("tw_app", alice.tenant_id, insert, *given)
    assert sql("SELECT FROM subscriptions") == []
