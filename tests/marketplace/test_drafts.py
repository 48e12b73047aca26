"""A draft is made once, limited, and thrown away by its author alone; what was published stays."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.test import Client

from accounts.models import User
from marketplace.exceptions import AllocationRefused, TemplateNotEditable
from marketplace.services import authoring
from tests.audit.world import entries_since, last_entry, sql
from tests.bots.test_run_services import at_once
from tests.marketplace.test_lifecycle import ask
from tests.marketplace.test_template_pages import filled, said
from tests.marketplace.written import STATES, made, raw, rows, template, text
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

ClientOf = Callable[[User], Client]


@pytest.fixture
def client(alice: User, client_of: ClientOf) -> Client:
    return client_of(alice)


def ticket_in(page: str) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found
    return found[1]


def templates() -> list[Any]:
    return sql("SELECT * FROM bot_templates ORDER BY id")


# ——— one form, one draft ———


def test_a_double_click_makes_one_draft(alice: User, client_of: ClientOf) -> None:
    browsers = [client_of(alice) for _ in range(3)]
    form = filled(ticket=ticket_in(said(browsers[0].get("/templates/new/dca/"))))
    answers: Any = at_once(
        *[lambda browser=browser: browser.post("/templates/new/dca/", form) for browser in browsers]
    )
    assert [answer.status_code for answer in answers] == [303] * 3
    assert len({answer["Location"] for answer in answers}) == 1
    assert len(templates()) == 1


def test_a_form_that_has_made_a_draft_says_so_when_it_says_something_else(client: Client) -> None:
    ticket = ticket_in(said(client.get("/templates/new/dca/")))
    assert client.post("/templates/new/dca/", filled(ticket=ticket)).status_code == 303
    changed = client.post("/templates/new/dca/", filled(ticket=ticket, name="Other", risk_level="high"))
    assert changed.status_code == 409
    assert "has made the draft Calm already" in said(changed)
    assert [row.name for row in templates()] == ["Calm"]
    again = filled(ticket=ticket_in(said(changed)), name="Other", risk_level="high")
    assert client.post("/templates/new/dca/", again).status_code == 303
    assert [row.name for row in templates()] == ["Calm", "Other"]


def test_a_ticket_of_another_trader_or_of_nobody_is_none(
    client: Client, mallory: User, client_of: ClientOf
) -> None:
    theirs = ticket_in(said(client_of(mallory).get("/templates/new/dca/")))
    for ticket in (theirs, "x", "", "\x00"):
        client.post("/templates/new/dca/", filled(ticket=ticket))
    numbers = {row.template_id for row in templates()}
    assert theirs.partition(":")[0] not in numbers
    assert len(numbers) >= 3


# ——— how much may be put on it ———


@pytest.mark.parametrize(("most", "kept"), [("", None), ("500", Decimal(500)), ("500.25", Decimal("500.25"))])
def test_an_author_says_the_most_that_may_be_put_on_it(client: Client, most: str, kept: Any) -> None:
    answer: Any = client.post("/templates/new/dca/", filled(max_allocation=most))
    assert answer.status_code == 303
    (row,) = templates()
    assert row.max_allocation == kept
    assert row.needed_allocation is not None
    if kept is not None:
        assert "Takes at most" in said(client.get(answer.url))
        assert f'value="{most}"' in said(client.get(f"{answer.url}edit/"))


@pytest.mark.parametrize("most", ["0.01", "-5", "NaN", "1e99", "x", "5.001", "99999999999999999"])
def test_a_limit_that_cannot_be_is_refused_at_its_field(client: Client, most: str) -> None:
    answer = client.post("/templates/new/dca/", filled(max_allocation=most))
    assert answer.status_code == 422
    assert 'id="id_max_allocation_error"' in said(answer)
    assert templates() == []


def test_the_service_refuses_it_too(alice: User) -> None:
    with tenant_context(alice.tenant_id), pytest.raises(AllocationRefused, match=r"need 330\.33 USDT"):
        authoring.create(actor=alice, text=text(max_allocation=Decimal("330.32")))
    assert templates() == []


def test_another_limit_is_another_version(alice: User) -> None:
    with tenant_context(alice.tenant_id):
        number = authoring.create(actor=alice, text=text()).pk
    ask("submit", alice, number)
    ask("approve", alice, number)
    with tenant_context(alice.tenant_id):
        authoring.change(actor=alice, template=template(number), text=text(max_allocation=Decimal(700)))
        authoring.submit(actor=alice, template=template(number))
    row, first, second = rows(number)
    assert (row.max_allocation, first.max_allocation, second.max_allocation) == (None, None, 700)


# ——— throwing it away ———


@pytest.mark.parametrize("state", STATES)
def test_only_what_was_never_published_is_thrown_away(alice: User, client: Client, state: str) -> None:
    number = made(alice, state)
    before, last = rows(number), last_entry()
    there = f"/templates/{before[0].template_id}/"
    answer: Any = client.post(f"{there}delete/")
    if state in ("draft", "rejected"):
        assert answer.status_code == 303
        assert rows(number) == []
        gone = [entry for entry in entries_since(last) if entry.action == "template.discard"]
        assert {entry.resource_type for entry in gone} == {"template", "template_version"}
        assert client.post(f"{there}delete/").status_code == 404
        return
    assert answer.status_code == 409
    assert rows(number) == before
    assert entries_since(last) == []


def test_a_draft_after_a_published_version_takes_nothing_along(alice: User) -> None:
    number = made(alice, "published")
    ask("change", alice, number)
    before = rows(number)
    with tenant_context(alice.tenant_id), pytest.raises(TemplateNotEditable, match="Withdraw it instead"):
        authoring.discard(actor=alice, template=template(number))
    assert rows(number) == before


def test_a_second_click_is_no_error(alice: User) -> None:
    number = made(alice, "draft")
    found = template(number)
    with tenant_context(alice.tenant_id):
        authoring.discard(actor=alice, template=found)
        authoring.discard(actor=alice, template=found)
    assert rows(number) == []


def test_anothers_draft_is_not_there(alice: User, mallory: User) -> None:
    number = made(alice, "draft")
    found = template(number)
    with tenant_context(mallory.tenant_id):
        authoring.discard(actor=mallory, template=found)
    assert len(rows(number)) == 2


def test_the_page_asks_first(alice: User, client: Client) -> None:
    there = f"/templates/{rows(made(alice, 'draft'))[0].template_id}/"
    assert f'href="{there}delete/"' in said(client.get(there))
    assert "It does not come back." in said(client.get(f"{there}delete/"))
    public = f"/templates/{rows(made(alice, 'published', name='Public'))[0].template_id}/"
    assert f'href="{public}delete/"' not in said(client.get(public))


# ——— moments ———


@pytest.mark.parametrize("moment", ["now() - interval '1 day'", "now() + interval '1 day'", "'infinity'"])
def test_a_version_is_submitted_at_this_moment_and_at_no_other(alice: User, moment: str) -> None:
    number = made(alice, "draft")
    sql("UPDATE template_versions SET status = status WHERE template_id = %s", number)
    before = rows(number)
    statement = (
        f"UPDATE template_versions SET status = 'submitted', submitted_at = {moment} WHERE template_id = %s"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="submitted now"):
        raw("tw_app", alice.tenant_id, statement, number)
    assert rows(number) == before
    statement = (
        "UPDATE template_versions SET status = 'submitted', submitted_at = now() WHERE template_id = %s"
    )
    assert raw("tw_app", alice.tenant_id, statement, number) == 1


@pytest.mark.parametrize("state", ["draft", "submitted", "published"])
def test_a_version_that_stays_keeps_its_moment(alice: User, state: str) -> None:
    number = made(alice, state)
    before = rows(number)
    statement = "UPDATE template_versions SET submitted_at = now() WHERE template_id = %s"
    with pytest.raises(psycopg.errors.CheckViolation):
        raw("tw_app", alice.tenant_id, statement, number)
    assert rows(number) == before
