"""Every pair of state and event by raw SQL: what no service does, no login does either."""

from typing import Any, Final

import psycopg
import pytest
from psycopg import sql as words

from subscriptions.enums import SubscriptionStatus
from tests import servers
from tests.audit.world import sql
from tests.factories.subscriptions import make_subscription, make_template, subscribers

pytestmark = pytest.mark.django_db(transaction=True)

#: What each state's moments have to be.
MOMENTS: Final = {
    "active": "paused_at = NULL, cancelled_at = NULL",
    "paused": "paused_at = now(), cancelled_at = NULL",
    "cancelled": "paused_at = NULL, cancelled_at = now()",
}
LEGAL: Final = {("active", "paused"), ("paused", "active"), ("active", "cancelled"), ("paused", "cancelled")}
PAIRS: Final = [(was, then) for was in MOMENTS for then in MOMENTS if was != then]
LOGINS: Final = ["tw_app", "tw_migrator", "tw_admin"]


def write(login: str, tenant: Any, statement: str, number: int) -> None:
    name = servers.process_database()
    dsn = servers.admin_dsn(name) if login == "tw_admin" else servers.dsn(login, name)
    with psycopg.connect(dsn) as connection:
        connection.execute(words.SQL("SET LOCAL app.tenant_id = {}").format(words.Literal(str(tenant))))
        cursor = connection.execute(f"UPDATE subscriptions SET {statement} WHERE id = %s", [number])
        assert cursor.rowcount == 1


def row(number: int) -> Any:
    return sql("SELECT * FROM subscriptions WHERE id = %s", number)[0]


def test_the_states_are_all_here() -> None:
    assert set(MOMENTS) == set(SubscriptionStatus.values)


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize(("was", "then"), PAIRS)
def test_the_database_lets_legal_moves_through_and_no_others(alice, was, then, login):
    template = make_template()
    subscription = make_subscription(alice, template, was)
    before = row(subscription.pk)
    statement = f"status = '{then}', {MOMENTS[then]}"
    if (was, then) in LEGAL:
        write(login, alice.tenant_id, statement, subscription.pk)
        assert row(subscription.pk).status == then
    else:
        with pytest.raises(psycopg.errors.CheckViolation, match="over for good"):
            write(login, alice.tenant_id, statement, subscription.pk)
        assert row(subscription.pk) == before
    assert subscribers(template) == (row(subscription.pk).status != "cancelled")


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize(
    ("status", "statement"),
    [
        ("cancelled", "allocation_amount = 5"),
        ("cancelled", "cancelled_at = now() - interval '1 day'"),
        ("active", "paused_at = now()"),
        ("active", "cancelled_at = now()"),
        ("active", "status = 'paused'"),
        ("active", "status = 'cancelled'"),
        ("active", "status = 'finished'"),
        ("active", "allocation_amount = 'NaN'"),
        ("active", "allocation_amount = -1"),
        ("active", "allocation_amount = 0"),
        ("active", "template_id = (SELECT max(id) FROM bot_templates)"),
        ("active", "bot_id = (SELECT max(id) FROM bots)"),
    ],
)
def test_what_cannot_be_is_refused(alice, status, statement, login):
    subscription = make_subscription(alice, make_template(), status)
    make_subscription(alice, make_template("Other"))
    before = row(subscription.pk)
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.UniqueViolation)):
        write(login, alice.tenant_id, statement, subscription.pk)
    assert row(subscription.pk) == before


def test_a_bot_trades_for_one_subscription_alone(alice):
    subscription = make_subscription(alice, make_template(), "cancelled")
    other = make_template("Other")
    with pytest.raises(psycopg.errors.UniqueViolation, match="idx_subscriptions_bot"):
        sql(
            "INSERT INTO subscriptions (tenant_id, user_id, bot_id, template_id) VALUES (%s, %s, %s, %s)",
            alice.tenant_id,
            alice.pk,
            subscription.bot_id,
            other.pk,
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bot_templates SET subscribers_count = 99",
        (
            "INSERT INTO bot_templates (template_id, name, config_json, creator_tenant_id, subscribers_count) "
            "VALUES ('fake', 'Fake', '{}', app_current_tenant(), 99)"
        ),
    ],
)
def test_an_author_cannot_write_the_number_of_subscribers(alice, statement):
    make_template("Own", public=False, creator_tenant_id=alice.tenant_id)
    with psycopg.connect(servers.dsn("tw_app", servers.process_database())) as site:
        site.execute(words.SQL("SET LOCAL app.tenant_id = {}").format(words.Literal(str(alice.tenant_id))))
        with pytest.raises(
            psycopg.errors.InsufficientPrivilege, match=r"counted by the database|permission denied"
        ):
            site.execute(statement)
