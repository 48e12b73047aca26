"""What subscribers got reveals nobody: below five nothing, in steps, once a day, and the worker learns no name.

Numbers in comments are those of the attacks in docs/records.md.
"""

import json
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connection

from accounts.models import User
from marketplace.models import BotTemplate
from tests.audit.world import sql
from tests.factories.accounts import UserFactory
from tests.factories.subscriptions import make_subscription, make_template
from tests.logins import as_login
from tests.marketplace.recorded import bot, data, engine, platform_account, seen, turn
from tests.marketplace.written import raw
from tradewise.tenancy.context import PLATFORM

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def public(mallory: User, transactional_db: None) -> BotTemplate:
    """Mallory's template, which TradeWise runs."""
    platform_account()
    template = make_template(creator_tenant_id=mallory.tenant_id)
    own = bot(PLATFORM, template.template_id, kind="platform")
    engine(PLATFORM, own)
    seen(PLATFORM, own)
    return template


def subscribed(
    template: BotTemplate,
    *results: str,
    user: User | None = None,
    status: str = "active",
    mode: str = "dry_run",
) -> None:
    for result in results:
        made = make_subscription(user or UserFactory(), template, status)
        got = json.dumps({"return": result, "mode": mode, "since": "2026-05-03", "until": "2026-06-03"})
        sql("UPDATE subscriptions SET performance_data = %s WHERE id = %s", got, made.pk)


def got(template: BotTemplate, *, tomorrow: bool = False) -> Any:
    """What the page would tell, today or on another day."""
    if tomorrow:
        sql("UPDATE template_records SET subscribers_on = subscribers_on - 1")
    turn()
    return data(template.pk)["subscribers"]


def test_what_came_of_invented_prices_counts_for_nothing(public: BotTemplate) -> None:
    subscribed(public, "0.01", "0.02", "0.03", "0.04")
    subscribed(public, "0.60", "0.70", "0.80", mode="simulated")
    assert got(public) is None
    subscribed(public, "0.05", mode="live")
    assert got(public, tomorrow=True)["upper"] == "0.04"


def test_below_five_nothing_is_told(public: BotTemplate) -> None:
    subscribed(public, "0.01", "0.02", "0.03", "0.04")
    assert got(public) is None
    subscribed(public, "0.05")
    assert got(public, tomorrow=True) == {"at_least": 5, "lower": "0.02", "median": "0.03", "upper": "0.04"}


def test_the_authors_own_do_not_count(public: BotTemplate, mallory: User) -> None:
    subscribed(public, "0.01", "0.02", "0.03", "0.04")
    subscribed(public, "9.99", user=mallory)
    assert got(public) is None


def test_one_subscriber_is_one_however_many_subscriptions(public: BotTemplate, alice: User) -> None:
    for _ in range(5):
        subscribed(public, "0.01", user=alice, status="cancelled")
    assert got(public) is None


def test_who_left_counts(public: BotTemplate) -> None:
    subscribed(public, "0.01", "0.02", "0.03", "0.04")
    subscribed(public, "-0.90", status="cancelled")
    assert got(public)["lower"] == "0.01"
    assert got(public)["median"] == "0.02"


def test_who_has_no_result_yet_is_no_fifth(public: BotTemplate) -> None:
    subscribed(public, "0.01", "0.02", "0.03", "0.04")
    make_subscription(UserFactory(), public)
    subscribed(public, "NaN")
    subscribed(public, "garbage")
    assert got(public) is None


def test_nobodys_result_is_told_more_exactly_than_to_a_point(public: BotTemplate) -> None:
    subscribed(public, "0.01234", "0.02345", "0.03456", "0.04567", "0.05678")
    told = got(public)
    for name in ("lower", "median", "upper"):
        assert Decimal(told[name]) == Decimal(told[name]).quantize(Decimal("0.01"))
    assert set(told) == {"at_least", "lower", "median", "upper"}


def test_of_four_equal_ones_the_fifth_is_not_revealed(public: BotTemplate) -> None:
    subscribed(public, "0.02", "0.02", "0.02", "0.02", "5")
    told = got(public)
    assert "5.00" not in json.dumps({name: told[name] for name in ("lower", "median", "upper")})
    assert (told["lower"], told["median"], told["upper"]) == ("0.02", "0.02", "0.03")


def test_before_and_after_somebody_came_or_left_is_the_same(public: BotTemplate) -> None:
    """The numbers are kept for the day, and the number of subscribers is told in steps."""
    subscribed(public, "0.01", "0.02", "0.03", "0.04", "0.05")
    before = got(public)
    subscribed(public, "0.50", "0.60", "0.70")
    sql("UPDATE bot_figures SET taken_at = now()")
    assert got(public) == before
    sql("DELETE FROM subscriptions WHERE performance_data ->> 'return' = '0.01'")
    assert got(public) == before
    assert got(public, tomorrow=True)["at_least"] == 5


def test_the_worker_learns_no_name_and_nobody_else_anything(public: BotTemplate, alice: User) -> None:
    subscribed(public, "0.01", "0.02")
    subscribed(public, "0.03", user=alice)
    call = "SELECT * FROM subscribers_results(%s)"
    with as_login("tw_worker"), connection.cursor() as cursor:
        cursor.execute(call, [public.pk])
        rows = cursor.fetchall()
        names = [column.name for column in cursor.description]
    assert names == ["subscriber", "result"]
    assert {who for who, _ in rows} == {1, 2, 3}
    assert sorted(result for _, result in rows) == ["0.01", "0.02", "0.03"]
    for login in ("tw_app", "tw_staff", "tw_migrator"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw(login, alice.tenant_id, call, public.pk)


def test_of_a_template_that_is_not_public_there_is_nothing(alice: User, mallory: User) -> None:
    template = make_template(creator_tenant_id=mallory.tenant_id)
    subscribed(template, "0.01", user=alice)
    assert raw("tw_worker", None, "SELECT * FROM subscribers_results(%s)", template.pk) == 1
    withdrawn = "UPDATE template_versions SET status = 'withdrawn', reason = 'It lost.'"
    assert raw("tw_app", mallory.tenant_id, withdrawn) == 1
    assert raw("tw_worker", None, "SELECT * FROM subscribers_results(%s)", template.pk) == 0


def test_the_page_of_others_tells_no_result_of_a_single_one(public: BotTemplate, mallory: User) -> None:
    """As raw SQL the subscriptions of others are not there, and the kept numbers are no login's of the site."""
    subscribed(public, "0.0173", "0.02", "0.03", "0.04", "0.05")
    turn()
    assert "0.0173" not in json.dumps(data(public.pk))
    assert raw("tw_app", mallory.tenant_id, "SELECT * FROM subscriptions") == 0
    for login in ("tw_app", "tw_staff"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw(login, mallory.tenant_id, "SELECT * FROM template_records")
