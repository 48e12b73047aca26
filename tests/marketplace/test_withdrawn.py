"""A withdrawn template is read by its author and by who subscribed to it, with the reason; for others it is gone."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.test import Client

from accounts.models import User
from tests import servers
from tests.audit.world import sql
from tests.factories.subscriptions import make_subscription, make_template
from tests.marketplace.written import raw
from tradewise.tenancy.context import PLATFORM

pytestmark = pytest.mark.django_db(transaction=True)
ClientOf = Callable[[User], Client]
RECORD: dict[str, Any] = {
    "tier": "run_by_tradewise",
    "mode": "dry_run",
    "is_replay": False,
    "version": 1,
    "since": "2026-05-03",
    "until": "2026-05-04T10:00:00+00:00",
    "ended": False,
    "currency": "USDT",
    **dict.fromkeys(("days", "days_observed", "trades", "deleted_trades", "gaps"), 1),
    "is_enough": True,
    "sentence": "Enough data.",
    "caveats": [],
    **dict.fromkeys(("return", "drawdown", "win_rate", "profit_factor", "hold_return"), "0.1234"),
    **dict.fromkeys(("best_day", "worst_day", "average_trade"), None),
    "months": [["2026-05", "0.1234"]],
    "curve": "1 1.1234",
    "hold": None,
    "subscribers": None,
}


def take_down() -> None:
    """All that are published, as a moderator would, whoever their author is."""
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE template_versions SET status = 'withdrawn', reason = 'It loses.', decided_at = now() "
            "WHERE status = 'published'"
        )
        admin.execute("UPDATE bot_templates SET status = 'withdrawn', is_public = false WHERE is_public")


def gone(user: User, status: str = "active", author: User | None = None) -> str:
    """A template that this trader subscribed to, withdrawn since."""
    template = make_template(
        "Canary", creator_tenant_id=author.tenant_id if author else None, performance_data=json.dumps(RECORD)
    )
    make_subscription(user, template, status)
    take_down()
    return template.template_id


@pytest.mark.parametrize("status", ["active", "paused", "cancelled"])
def test_who_subscribed_reads_it_with_the_reason_and_its_record(
    status: str, alice: User, mallory: User, client_of: ClientOf
) -> None:
    number = gone(alice, status, author=mallory)
    client = client_of(alice)
    answer = client.get(f"/templates/{number}/")
    assert answer.status_code == 200
    page = answer.content.decode()
    for shown in (
        "Canary",
        "Withdrawn on",
        "It loses.",
        "Version 1",
        "+12.34%",
        "Run by TradeWise since 3 May 2026",
    ):
        assert shown in page
    for refused in ("/subscribe/", "/start/", "/edit/", str(mallory.tenant_id)):
        assert refused not in page
    assert client.get(f"/templates/{number}/record.json").json()["points"][-1]["amount"] == "+12.34%"
    assert client.get(f"/templates/{number}/?version=1").status_code == 200
    assert client.get(f"/templates/{number}/?version=2").status_code == 404
    for action in ("start", "subscribe"):
        assert client.get(f"/templates/{number}/{action}/").status_code == 404
    for action in ("edit", "submit", "withdraw"):
        assert client.post(f"/templates/{number}/{action}/", {"reason": "x"}).status_code == 404


def test_for_others_it_is_as_if_it_had_never_been(alice: User, mallory: User, client_of: ClientOf) -> None:
    number = gone(alice)
    for client in (client_of(mallory), Client()):
        for path in ("", "record.json"):
            theirs = client.get(f"/templates/{number}/{path}")
            nobodys = client.get(f"/templates/t-of-nobody/{path}")
            assert theirs.status_code == nobodys.status_code
            assert theirs.status_code in (302, 404)
            assert b"Canary" not in theirs.content


def test_its_author_reads_it_as_before(alice: User, mallory: User, client_of: ClientOf) -> None:
    number = gone(alice, author=mallory)
    page = client_of(mallory).get(f"/templates/{number}/").content.decode()
    assert "It was withdrawn" in page


@pytest.mark.parametrize("function", ["withdrawn_template", "withdrawn_versions"])
def test_in_raw_sql_it_opens_to_the_bound_tenant_alone(function: str, alice: User, mallory: User) -> None:
    number = gone(alice)
    call = f"SELECT * FROM {function}(%s)"
    assert raw("tw_app", alice.tenant_id, call, number) == 1
    assert raw("tw_app", mallory.tenant_id, call, number) == 0
    assert raw("tw_app", None, call, number) == 0
    assert raw("tw_app", PLATFORM, call, number) == 0
    assert raw("tw_app", alice.tenant_id, "SELECT * FROM bot_templates") == 0
    assert raw("tw_app", alice.tenant_id, "SELECT * FROM template_versions") == 0


@pytest.mark.parametrize("status", ["draft", "submitted", "rejected", "published"])
def test_a_subscription_opens_nothing_that_is_not_withdrawn(status: str, alice: User, mallory: User) -> None:
    """Nor a version that was never published, such as the next one's draft."""
    template = make_template("Canary", creator_tenant_id=mallory.tenant_id)
    make_subscription(alice, template)
    if status != "published":
        sql(
            "INSERT INTO template_versions (creator_tenant_id, template_id, number, status, name, config_json, "
            "risk_level, reason) VALUES (%s, %s, 2, %s, 'Unseen', '{}', 'low', 'why')",
            *(mallory.tenant_id, template.pk, status),
        )
    assert raw("tw_app", alice.tenant_id, "SELECT * FROM withdrawn_template(%s)", template.template_id) == 0
    take_down()
    seen = "SELECT * FROM withdrawn_versions(%s) WHERE name = 'Unseen'"
    assert raw("tw_app", alice.tenant_id, seen, template.template_id) == 0
    assert raw("tw_app", alice.tenant_id, "SELECT * FROM withdrawn_versions(%s)", template.template_id) == 1


def test_a_subscription_to_another_template_opens_nothing(alice: User, mallory: User) -> None:
    number = gone(mallory)
    make_subscription(alice, make_template("Another"))
    assert raw("tw_app", alice.tenant_id, "SELECT * FROM withdrawn_template(%s)", number) == 0


def test_the_list_of_subscriptions_says_the_reason_to_subscribers_alone(
    client_of: ClientOf, alice: User, mallory: User
) -> None:
    gone(alice)
    page = client_of(alice).get("/subscriptions/").content.decode()
    assert "The template was withdrawn: It loses." in page
    assert "Canary" in page
    everything = (
        "SELECT * FROM subscribed_and_withdrawn((SELECT array_agg(n) FROM generate_series(1, 100000) n))"
    )
    assert raw("tw_app", alice.tenant_id, everything) == 1
    assert raw("tw_app", mallory.tenant_id, everything) == 0
    assert raw("tw_app", None, everything) == 0
    for login in ("tw_worker", "tw_staff"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw(login, alice.tenant_id, everything)
