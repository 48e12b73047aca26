"""Every state of a template × every event, by its author's pages, by staff's actions and by raw SQL: what is not listed
here is refused, and nothing changed. The services and the steps of the database are in `test_lifecycle`.
"""

import uuid
from collections.abc import Callable
from typing import Any, Final

import psycopg
import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.staff import make_staff
from tests.accounts.test_staff_site import visit
from tests.audit.world import entries_since, last_entry, sql
from tests.marketplace.test_moderation import EMAIL, LOGIN, QUEUE
from tests.marketplace.test_template_pages import filled
from tests.marketplace.written import STATES, made, raw, rows

pytestmark = pytest.mark.django_db(transaction=True)

#: event of an author → states in which the page does it, and what the versions are then.
PAGES: Final[dict[str, dict[str, list[str]]]] = {
    "edit": {"draft": ["draft"], "rejected": ["draft"], "published": ["published", "draft"]},
    "submit": {"draft": ["submitted"]},
    "withdraw": {"published": ["withdrawn"]},
    "delete": {"draft": [], "rejected": []},
}
#: action of staff → the one state in which it does something, and what the template is then.
ACTIONS: Final = {
    "approve": ("submitted", "published"),
    "reject": ("submitted", "rejected"),
    "withdraw": ("published", "withdrawn"),
    "feature": ("published", "published"),
    "unfeature": ("published", "published"),
}


@pytest.mark.parametrize("event", PAGES)
@pytest.mark.parametrize("state", STATES)
def test_an_authors_page_does_what_is_listed_and_refuses_the_rest(
    alice: User, client_of: Callable[[User], Client], state: str, event: str
) -> None:
    number = made(alice, state)
    client = client_of(alice)
    before, last = rows(number), last_entry()
    form = {"edit": filled(name="Calmer"), "withdraw": {"reason": "Enough."}}.get(event, {})
    answer = client.post(f"/templates/{before[0].template_id}/{event}/", form)
    becomes = PAGES[event].get(state)
    if becomes is None:
        assert answer.status_code == 409
        assert rows(number) == before
        assert entries_since(last) == []
        return
    assert answer.status_code == 303
    assert [row.status for row in rows(number)[1:]] == becomes


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_of_staff_does_what_is_listed_and_leaves_the_rest(alice: User, action: str) -> None:
    make_staff(EMAIL, uuid.uuid4())
    numbers = {state: made(alice, state, name=f"In {state}") for state in STATES}
    if action == "unfeature":
        sql("UPDATE bot_templates SET featured_at = now() WHERE id = %s", numbers["published"])
    before = {state: rows(number) for state, number in numbers.items()}
    versions = [before[state][1] for state in STATES]
    if action in ("feature", "unfeature"):
        form: Any = {"action": action, "_selected_action": [str(number) for number in numbers.values()]}
        pages = visit(LOGIN, ("post", "/marketplace/bottemplate/", form))
    else:
        form = {
            "action": action,
            "decided": "yes",
            "_selected_action": [str(version.id) for version in versions],
            "seen": [f"{version.id}@{version.updated_at.isoformat()}" for version in versions],
            "reason": "Because of it.",
        }
        pages = visit(LOGIN, ("post", QUEUE, form))
    assert pages[1][0] == 302
    legal, becomes = ACTIONS[action]
    for state in STATES:
        after = rows(numbers[state])
        if state == legal:
            assert after != before[state]
            assert after[0].status == becomes
            assert (after[0].featured_at is not None) == (action == "feature")
        else:
            assert after == before[state], state


@pytest.mark.parametrize("becomes", STATES)
@pytest.mark.parametrize("state", STATES)
def test_the_worker_takes_no_step(alice: User, state: str, becomes: str) -> None:
    number = made(alice, state)
    before = rows(number)
    statement = "UPDATE template_versions SET status = %s, reason = 'Raw.' WHERE template_id = %s"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw("tw_worker", alice.tenant_id, statement, becomes, number)
    assert rows(number) == before


@pytest.mark.parametrize("login", ["tw_app", "tw_staff", "tw_worker"])
@pytest.mark.parametrize("state", STATES)
def test_only_an_authors_draft_is_deleted(alice: User, mallory: User, state: str, login: str) -> None:
    number = made(alice, state)
    before = rows(number)
    statement = "DELETE FROM bot_templates WHERE id = %s"
    if login != "tw_app":
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw(login, alice.tenant_id, statement, number)
    else:
        assert raw(login, mallory.tenant_id, statement, number) == 0
        assert raw(login, alice.tenant_id, statement, number) == (state in ("draft", "rejected"))
        if state in ("draft", "rejected"):
            before = []
    assert rows(number) == before


@pytest.mark.parametrize("state", STATES)
def test_only_staff_feature_and_only_what_is_public(alice: User, state: str) -> None:
    number = made(alice, state)
    before = rows(number)
    statement = "UPDATE bot_templates SET featured_at = now() WHERE id = %s"
    for login in ("tw_app", "tw_worker"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw(login, alice.tenant_id, statement, number)
    assert rows(number) == before
    if state == "published":
        assert raw("tw_staff", None, statement, number) == 1
        return
    with pytest.raises(psycopg.errors.CheckViolation, match="featured_is_public"):
        raw("tw_staff", None, statement, number)
    assert rows(number) == before
