"""Moderation on the staff site, in a process of its own: the queue, its checks, decisions, and the author's mail."""

import re
import uuid
from html import unescape
from typing import Any

import psycopg
import pytest

from accounts.models import User
from marketplace.enums import StrategyType
from marketplace.services import authoring, telling
from tests import servers
from tests.accounts.staff import make_staff
from tests.accounts.test_staff_site import visit
from tests.audit.world import entries_since, last_entry, sql
from tests.factories.accounts import PASSWORD
from tests.factories.engines import DCA
from tests.logins import as_login
from tests.marketplace.test_lifecycle import ask
from tests.marketplace.written import made, rows, template, text
from tradewise.outbox.delivery import deliver
from tradewise.tenancy.context import PLATFORM, tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "moderator@example.com"
LOGIN = ("post", "/login/", {"username": EMAIL, "password": PASSWORD})
QUEUE = "/marketplace/templateversion/"


@pytest.fixture(autouse=True)
def staff(transactional_db: None) -> int:
    make_staff(EMAIL, uuid.uuid4())
    return int(sql("SELECT id FROM users WHERE email = %s", EMAIL)[0].id)


def version(number: int) -> Any:
    return sql("SELECT * FROM template_versions WHERE template_id = %s ORDER BY number DESC", number)[0]


def decision(action: str, *versions: Any, reason: str = "") -> Any:
    """What the form of the page with the question sends."""
    form = {
        "action": action,
        "decided": "yes",
        "_selected_action": [str(each.id) for each in versions],
        "seen": [f"{each.id}@{each.updated_at.isoformat()}" for each in versions],
        "reason": reason,
    }
    return ("post", QUEUE, form)


def text_of(page: tuple[int, str, str]) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", page[2]))


def test_the_queue_is_by_age_with_checks_and_differences(alice: User, mallory: User) -> None:
    made(mallory, "published", name="Famous", key="famous")
    public = made(alice, "published", name="Grown")
    ask("change", alice, public)
    ask("submit", alice, public)
    bad = made(alice, "submitted", name="FAMОUS", config={**DCA, "api_key": "canary-1"})
    made(alice, "draft", name="Unseen")
    before = last_entry()
    pages = visit(
        LOGIN,
        ("get", QUEUE, None),
        ("get", f"{QUEUE}{version(bad).id}/change/", None),
        ("get", f"{QUEUE}{version(public).id}/change/", None),
        ("get", f"{QUEUE}?standing=published", None),
    )
    assert [status for status, *_ in pages[1:]] == [200] * 4
    assert pages[1][2].index("Calmer") < pages[1][2].index("FAMОUS")
    assert "Unseen" not in pages[1][2]
    assert "✗ Name: Looks like “Famous”" in text_of(pages[2])
    assert "✗ Limits and secrets: “api_key” looks like a secret" in text_of(pages[2])
    assert "✗ Schema" in text_of(pages[2])
    assert "Name: Grown → Calmer" in text_of(pages[3])
    assert "– Needed allocation: " in text_of(pages[3])
    assert "Famous" in pages[4][2]
    looked = [entry for entry in entries_since(before) if entry.action == "staff.look"]
    assert {entry.tenant_id for entry in looked} == {alice.tenant_id, mallory.tenant_id}


def test_a_document_hides_nothing_from_who_decides(alice: User) -> None:
    document = {"strategy": "arbitrage", "Description": "It waits.", "Risk": "High"}
    number = made(alice, "published", config=document)
    lines = "Send me your coins.\nRisk: High → Low"
    said = text(description=lines, strategy_type=StrategyType.ARBITRAGE, config=document)
    with tenant_context(alice.tenant_id, actor=str(alice.pk)):
        authoring.change(actor=alice, template=template(number), text=said)
    ask("submit", alice, number)
    ticked: Any = {"action": "approve", "_selected_action": [str(version(number).id)]}
    asked, change = visit(
        LOGIN, ("post", QUEUE, ticked), ("get", f"{QUEUE}{version(number).id}/change/", None)
    )[1:]
    for page in (asked, change):
        assert page[0] == 200
        assert "Description: — → Send me your coins." in text_of(page)
        assert "Nothing differs." not in text_of(page)
    assert "coins. ↵ Risk: High → Low" in text_of(change), "a line of the author's is no change of its own"


def test_many_are_published_at_once_and_the_authors_are_told(alice: User, staff: int) -> None:
    numbers = [made(alice, "submitted", name=name) for name in ("One", "Two")]
    ticked: Any = {"action": "approve", "_selected_action": [str(version(number).id) for number in numbers]}
    before = last_entry()
    asked = visit(LOGIN, ("post", QUEUE, ticked))[1]
    assert asked[0] == 200
    tokens = re.findall(r'name="seen" value="([^"]+)"', asked[2])
    assert len(tokens) == 2
    assert [rows(number)[0].status for number in numbers] == ["submitted"] * 2
    done = visit(LOGIN, ("post", QUEUE, ticked | {"decided": "yes", "seen": tokens}), ("get", QUEUE, None))
    assert done[1][0] == 302
    assert "One, version 1: published." in text_of(done[2])
    assert [rows(number)[0].status for number in numbers] == ["published"] * 2
    entries = [e for e in entries_since(before) if e.action == "template.approve"]
    assert {e.actor for e in entries} == {f"staff:{staff}"}
    assert {e.tenant_id for e in entries if e.resource_type != "outbox_message"} >= {alice.tenant_id}
    with as_login("tw_worker"):
        assert [deliver(), deliver()] == [2, 2], "noted, then told by the author's own choice"
    mails = sql("SELECT tenant_id, payload FROM outbox_messages WHERE kind = 'mail' ORDER BY id")
    assert [mail.payload["subject"] for mail in mails] == [
        f"Your template “{n}” is published" for n in ("One", "Two")
    ]
    assert {mail.payload["to"][0] for mail in mails} == {alice.email}
    assert {mail.tenant_id for mail in mails} == {alice.tenant_id}


def test_a_rejection_has_a_reason_that_the_author_reads(alice: User) -> None:
    number = made(alice, "submitted")
    seen = version(number)
    pages = visit(LOGIN, decision("reject", seen), decision("reject", seen, reason="Say what\nit risks."))
    assert [status for status, *_ in pages[1:]] == [200, 302]
    assert version(number).reason == "Say what\nit risks."
    with as_login("tw_worker"):
        assert [deliver(), deliver()] == [1, 1]
    (mail,) = sql("SELECT payload FROM outbox_messages WHERE kind = 'mail'")
    assert "Say what\nit risks." in mail.payload["body"]
    assert f"/templates/{rows(number)[0].template_id}/" in mail.payload["body"]


def test_a_withdrawal_has_a_reason_and_takes_every_version(alice: User) -> None:
    number = made(alice, "published")
    pages = visit(LOGIN, decision("withdraw", version(number), reason="It misleads."))
    assert pages[1][0] == 302
    assert [row.status for row in rows(number)] == ["withdrawn", "withdrawn"]


def test_what_was_decided_or_changed_meanwhile_is_said_and_left(alice: User) -> None:
    first, second = made(alice, "submitted", name="One"), made(alice, "submitted", name="Two")
    seen = [version(first), version(second)]
    ask("reject", alice, first)
    pages = visit(LOGIN, decision("approve", *seen), ("get", QUEUE, None))
    assert "One, version 1 is rejected by now." in text_of(pages[2])
    assert "Two, version 1: published." in text_of(pages[2])
    assert rows(first)[0].status == "rejected"


def test_nonsense_in_the_form_decides_nothing(alice: User) -> None:
    number = made(alice, "submitted")
    before = rows(number)
    seen = [
        "",
        "x",
        "1",
        "1@",
        "1@2026-01-01",
        f"{version(number).id}@2026-01-01T00:00:00+00:00",
        "9" * 60,
        "1@2026-99-99T00:00:00Z",
    ]
    form: Any = {
        "action": "approve",
        "decided": "yes",
        "_selected_action": [str(version(number).id)],
        "seen": seen,
    }
    assert visit(LOGIN, ("post", QUEUE, form))[1][0] == 302
    assert rows(number) == before


def test_staff_may_ask_to_tell_an_author_and_for_nothing_else(alice: User) -> None:
    insert = "INSERT INTO outbox_messages (tenant_id, kind, payload) VALUES (%s, %s, '{}')"
    with psycopg.connect(servers.dsn("tw_staff", servers.process_database()), autocommit=True) as connection:
        for tenant, kind in ((alice.tenant_id, telling.KIND), (PLATFORM, "mail")):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(insert, [tenant, kind])


def test_a_message_about_another_tenants_template_tells_nobody(alice: User, mallory: User) -> None:
    number = rows(made(alice, "published"))[0].template_id
    with as_login("tw_worker"):
        telling.deliver({"tenant_id": str(mallory.tenant_id), "template_id": number, "number": 2})
        telling.deliver({"tenant_id": str(uuid.uuid4()), "template_id": number, "number": 1})
    assert sql("SELECT FROM outbox_messages") == []


def test_each_rejection_of_many_has_its_own_reason_or_the_one_for_all(alice: User) -> None:
    first, second = made(alice, "submitted", name="One"), made(alice, "submitted", name="Two")
    seen = [version(first), version(second)]
    method, where, form = decision("reject", *seen)
    own = {f"reason-{seen[0].id}": "Too vague."}
    pages = visit(LOGIN, (method, where, form | own), (method, where, form | own | {"reason": "Say more."}))
    assert [status for status, *_ in pages[1:]] == [200, 302]
    assert "Say why" in text_of(pages[1])
    assert f'name="reason-{seen[1].id}"' in pages[1][2]
    assert [version(number).reason for number in (first, second)] == ["Too vague.", "Say more."]


def test_staff_feature_what_is_published_and_nothing_else(alice: User, staff: int) -> None:
    public, hidden = made(alice, "published", name="Public"), made(alice, "submitted", name="Hidden")
    form: Any = {"action": "feature", "_selected_action": [str(public), str(hidden)]}
    templates = "/marketplace/bottemplate/"
    before = last_entry()
    pages = visit(LOGIN, ("post", templates, form), ("post", templates, form), ("get", templates, None))
    assert "Public: featured." in text_of(pages[3])
    assert "Public: featured already." in text_of(pages[3])
    assert "Hidden is not published, so it cannot be featured." in text_of(pages[3])
    assert [rows(number)[0].featured_at is not None for number in (public, hidden)] == [True, False]
    (entry,) = [each for each in entries_since(before) if each.action == "template.feature"]
    assert (entry.actor, entry.tenant_id) == (f"staff:{staff}", alice.tenant_id)
    assert entry.resource_id == rows(public)[0].template_id
    visit(LOGIN, ("post", templates, form | {"action": "unfeature"}))
    assert rows(public)[0].featured_at is None
    (entry,) = [each for each in entries_since(before) if each.action == "template.unfeature"]
    assert entry.tenant_id == alice.tenant_id


def test_what_is_withdrawn_is_featured_no_more(alice: User) -> None:
    number = made(alice, "published")
    sql("UPDATE bot_templates SET featured_at = now() WHERE id = %s", number)
    ask("withdraw", alice, number)
    assert rows(number)[0].featured_at is None
    with (
        psycopg.connect(servers.dsn("tw_staff", servers.process_database())) as site,
        pytest.raises(psycopg.errors.CheckViolation, match="featured_is_public"),
    ):
        site.execute("UPDATE bot_templates SET featured_at = now() WHERE id = %s", [number])
