"""Every state of a template × every event, by service and by raw SQL: the rest is refused, and nothing changed."""

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql as parts

from accounts.models import User
from marketplace.exceptions import AlreadyDecided, NameTaken, NotPublishable
from marketplace.models import TemplateVersion
from marketplace.services import authoring, moderation
from marketplace.services.moderation import Seen
from tests import servers
from tests.audit.world import entries_since, last_entry, sql
from tests.bots.test_run_services import at_once
from tests.logins import as_login
from tests.marketplace.written import STATES, made, raw, rows, template, text
from tests.whole import until
from tradewise.exceptions import DomainError
from tradewise.tenancy.context import PLATFORM, tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

#: event → states in which its service does it, and what the version is then.
SERVICES: dict[str, dict[str, str]] = {
    "change": {"draft": "draft", "rejected": "draft", "published": "published"},
    "submit": {"draft": "submitted"},
    "withdraw": {"published": "withdrawn"},
    "approve": {"submitted": "published"},
    "reject": {"submitted": "rejected"},
    "take down": {"published": "withdrawn"},
}
WAITING = (
    "SELECT FROM pg_locks NATURAL JOIN (SELECT pid FROM pg_stat_activity WHERE datname = current_database()) a "
    "WHERE NOT granted"
)
STEPS: dict[str, set[tuple[str, str]]] = {
    "tw_app": {("draft", "submitted"), ("rejected", "draft"), ("published", "withdrawn")},
    "tw_staff": {("submitted", "published"), ("submitted", "rejected"), ("published", "withdrawn")},
}


def ask(event: str, author: User, number: int, *, version: int = 1) -> None:
    """One event by its service, as the login whose it is; of moderators' about that version."""
    found = template(number)
    by_author: dict[str, Callable[[], Any]] = {
        "change": lambda: authoring.change(actor=author, template=found, text=text("Calmer")),
        "submit": lambda: authoring.submit(actor=author, template=found),
        "withdraw": lambda: authoring.withdraw(actor=author, template=found, reason="Enough."),
    }
    if event in by_author:
        with tenant_context(author.tenant_id, actor=str(author.pk)):
            by_author[event]()
        return
    looked_at = "SELECT id, updated_at FROM template_versions WHERE template_id = %s AND number = %s"
    ((pk, at),) = sql(looked_at, number, version)
    seen = Seen(pk, at)
    with as_login("tw_staff"), tenant_context(PLATFORM, actor="staff:1"):
        if event == "approve":
            moderation.approve(actor="staff:1", seen=seen)
        elif event == "reject":
            moderation.reject(actor="staff:1", seen=seen, reason="Say more.")
        else:
            moderation.withdraw(actor="staff:1", seen=seen, reason="It misleads.")


@pytest.mark.parametrize("event", SERVICES)
@pytest.mark.parametrize("state", STATES)
def test_a_service_takes_its_own_steps_and_no_other(alice: User, state: str, event: str) -> None:
    number = made(alice, state)
    before, last = rows(number), last_entry()
    becomes = SERVICES[event].get(state)
    if becomes is None:
        with pytest.raises(DomainError) as refusal:
            ask(event, alice, number)
        assert str(refusal.value).endswith(".")
        assert rows(number) == before
        assert entries_since(last) == []
        return
    ask(event, alice, number)
    row, version, *later = rows(number)
    assert (row.status, version.status, row.is_public) == (becomes, becomes, becomes == "published")
    if event == "change" and state == "published":
        # What is published stays; the next version is a draft.
        assert (row.name, version.name) == ("Calm", "Calm")
        assert [(each.number, each.status, each.name) for each in later] == [(2, "draft", "Calmer")]
    entries = [entry for entry in entries_since(last) if entry.resource_type == "template_version"]
    assert entries
    assert {entry.tenant_id for entry in entries} == {alice.tenant_id}


@pytest.mark.parametrize("login", STEPS)
@pytest.mark.parametrize("becomes", STATES)
@pytest.mark.parametrize("state", STATES)
def test_the_database_refuses_every_other_step(alice: User, state: str, becomes: str, login: str) -> None:
    number = made(alice, state)
    before = rows(number)
    statement = "UPDATE template_versions SET status = %s, reason = 'Raw.' WHERE template_id = %s"
    if (state, becomes) in STEPS[login]:
        assert raw(login, alice.tenant_id, statement, becomes, number) == 1
        assert [row.status for row in rows(number)] == [becomes, becomes]
        return
    with pytest.raises(psycopg.errors.CheckViolation):
        raw(login, alice.tenant_id, statement, becomes, number)
    assert rows(number) == before


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("column", ["name", "description", "config_json", "risk_level", "strategy_type"])
def test_only_a_draft_is_written_on_and_never_by_staff(alice: User, state: str, column: str) -> None:
    number = made(alice, state)
    before = rows(number)
    value = {"config_json": "{}", "risk_level": "high", "strategy_type": "grid"}.get(column, "Forged")
    statement = f"UPDATE template_versions SET {column} = %s WHERE template_id = %s"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw("tw_staff", alice.tenant_id, statement, value, number)
    if state == "draft":
        assert raw("tw_app", alice.tenant_id, statement, value, number) == 1
        return
    with pytest.raises(psycopg.errors.CheckViolation):
        raw("tw_app", alice.tenant_id, statement, value, number)
    assert rows(number) == before


@pytest.mark.parametrize("login", ["tw_app", "tw_staff", "tw_worker"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bot_templates SET is_public = true, status = 'published' WHERE id = %s",
        "UPDATE bot_templates SET config_json = '{}' WHERE id = %s",
        "DELETE FROM template_versions WHERE template_id = %s",
    ],
)
def test_nobody_writes_a_template_past_its_versions(alice: User, login: str, statement: str) -> None:
    number = made(alice, "draft")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw(login, alice.tenant_id, statement, number)


def test_what_is_published_is_not_changed_by_the_owner_of_the_table_either(alice: User) -> None:
    number = made(alice, "published")
    for statement in (
        "UPDATE bot_templates SET config_json = '{}' WHERE id = %s",
        "UPDATE bot_templates SET status = 'draft', is_public = false WHERE id = %s",
        "UPDATE template_versions SET config_json = '{}' WHERE template_id = %s",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            sql(statement, number)


def test_a_version_begins_as_the_next_draft_of_what_is_published(alice: User) -> None:
    insert = (
        "INSERT INTO template_versions (creator_tenant_id, template_id, number, status, name, config_json, "
        "risk_level, reason) VALUES (%s, %s, %s, %s, 'N', '{}', 'low', 'r')"
    )
    draft, public = made(alice, "draft"), made(alice, "published")
    for number, version, status in ((public, 2, "published"), (public, 3, "draft"), (draft, 2, "withdrawn")):
        with pytest.raises(psycopg.errors.CheckViolation):
            raw("tw_app", alice.tenant_id, insert, alice.tenant_id, number, version, status)
    with pytest.raises(psycopg.errors.UniqueViolation):
        raw("tw_app", alice.tenant_id, insert, alice.tenant_id, draft, 2, "draft")


def test_the_next_version_goes_through_moderation_while_the_first_one_stays(alice: User) -> None:
    number = made(alice, "published")
    ask("change", alice, number)
    ask("submit", alice, number)
    row, first, second = rows(number)
    assert (row.name, row.version, row.status) == ("Calm", 1, "published")
    assert (first.status, second.status) == ("published", "submitted")
    with as_login("tw_staff"), tenant_context(PLATFORM, actor="staff:1"):
        moderation.approve(actor="staff:1", seen=Seen(second.id, second.updated_at))
    row, first, second = rows(number)
    assert (row.name, row.version, row.status) == ("Calmer", 2, "published")
    assert (first.name, first.status, second.status) == ("Calm", "published", "published")
    with tenant_context(alice.tenant_id):
        authoring.withdraw(actor=alice, template=template(number), reason="Enough.")
    assert [each.status for each in rows(number)] == ["withdrawn"] * 3


def test_the_same_again_is_not_submitted(alice: User) -> None:
    with tenant_context(alice.tenant_id):
        number = authoring.create(actor=alice, text=text()).pk
    ask("submit", alice, number)
    ask("approve", alice, number)
    with tenant_context(alice.tenant_id):
        authoring.change(actor=alice, template=template(number), text=text())
        with pytest.raises(DomainError, match="says the same as version 1"):
            authoring.submit(actor=alice, template=template(number))


def test_the_second_moderator_is_told(alice: User) -> None:
    number = made(alice, "submitted")
    (version,) = sql("SELECT id, updated_at FROM template_versions WHERE template_id = %s", number)
    seen = Seen(version.id, version.updated_at)
    ask("reject", alice, number)
    with as_login("tw_staff"), tenant_context(PLATFORM, actor="staff:2"):
        with pytest.raises(AlreadyDecided, match="rejected by now"):
            moderation.approve(actor="staff:2", seen=seen)
        with pytest.raises(AlreadyDecided, match="by now"):
            moderation.reject(actor="staff:2", seen=seen, reason="Again.")
    # Changed and submitted again, it is not what was looked at.
    ask("change", alice, number)
    ask("submit", alice, number)
    with (
        as_login("tw_staff"),
        tenant_context(PLATFORM, actor="staff:2"),
        pytest.raises(AlreadyDecided, match="has been changed since"),
    ):
        moderation.approve(actor="staff:2", seen=seen)
    assert rows(number)[0].status == "submitted"


def test_what_is_not_fit_is_not_published(alice: User) -> None:
    number = made(alice, "submitted", config={"strategy": "dca", "api_key": "x"})
    with pytest.raises(NotPublishable):
        ask("approve", alice, number)
    assert rows(number)[0].status == "submitted"


def test_a_template_whose_author_has_left_can_still_be_withdrawn() -> None:
    number = made(None, "published")
    (version,) = sql("SELECT id, updated_at FROM template_versions WHERE template_id = %s", number)
    with as_login("tw_staff"), tenant_context(PLATFORM, actor="staff:1"):
        moderation.withdraw(
            actor="staff:1", seen=Seen(version.id, version.updated_at), reason="Nobody looks."
        )
    assert [row.status for row in rows(number)] == ["withdrawn", "withdrawn"]
    assert sql("SELECT FROM outbox_messages") == []


@pytest.mark.parametrize("event", ["withdraw", "take down"])
def test_whoever_withdraws_takes_the_oldest_version_first_and_the_others_after_it(
    alice: User, event: str
) -> None:
    """In another order, author and moderator would wait for each other, and one would get an error."""
    number = made(alice, "published")
    for later in (2, 3):
        with tenant_context(alice.tenant_id, actor=str(alice.pk)):
            authoring.change(actor=alice, template=template(number), text=text(f"Calm {later}"))
        ask("submit", alice, number)
        ask("approve", alice, number, version=later)
    one = "SELECT FROM template_versions WHERE template_id = %s AND number = %s FOR UPDATE"
    dsn = servers.admin_dsn(servers.process_database())
    with psycopg.connect(dsn) as holder, psycopg.connect(dsn) as beside:
        holder.execute(one, [number, 1])
        ended: list[list[object]] = []
        thread = threading.Thread(
            target=lambda: ended.append(at_once(lambda: ask(event, alice, number, version=3)))
        )
        thread.start()
        until(lambda: sql(WAITING), 20, "it waits for the oldest version")
        for later in (2, 3):
            beside.execute(f"{one} NOWAIT", [number, later])
        beside.rollback()
        holder.rollback()
        thread.join(20)
    assert ended == [[None]]
    assert {row.status for row in rows(number)} == {"withdrawn"}


def beside(login: str, author: User, statement: str, number: int, service: Callable[[], Any]) -> object:
    """How a service ends that comes while another login has done its step and not committed yet."""
    ended: list[list[object]] = []
    thread = threading.Thread(target=lambda: ended.append(at_once(service)))
    with psycopg.connect(servers.dsn(login, servers.process_database())) as holder:
        bind = parts.SQL("SET LOCAL app.tenant_id = {}").format(parts.Literal(str(author.tenant_id)))
        holder.execute(bind)
        assert holder.execute(statement, [number]).rowcount == 1
        thread.start()
        until(lambda: sql(WAITING), 20, "it waits")
    thread.join(20)
    return ended[0][0]


@pytest.fixture
def renewed(alice: User) -> int:
    """A template whose second version is before the moderators."""
    number = made(alice, "published")
    ask("change", alice, number)
    ask("submit", alice, number)
    return number


PUBLISH = "UPDATE template_versions SET status = 'published' WHERE template_id = %s AND number = 2"
WITHDRAW = "UPDATE template_versions SET status = 'withdrawn', reason = 'Enough.' WHERE template_id = %s AND number = 1"


def test_a_withdrawal_takes_along_the_version_that_is_just_being_published(alice: User, renewed: int) -> None:
    """It saw the old one alone, and said that the template was withdrawn."""
    assert beside("tw_staff", alice, PUBLISH, renewed, lambda: ask("withdraw", alice, renewed)) is None
    assert {row.status for row in rows(renewed)} == {"withdrawn"}


def test_a_moderator_does_not_take_down_a_version_that_nobody_looked_at(alice: User, renewed: int) -> None:
    ended = beside("tw_staff", alice, PUBLISH, renewed, lambda: ask("take down", alice, renewed))
    assert "is not the newest that is published" in str(ended)
    assert {row.status for row in rows(renewed)} == {"published"}


def test_an_approval_beside_a_withdrawal_is_refused_in_words(alice: User, renewed: int) -> None:
    ended = beside("tw_app", alice, WITHDRAW, renewed, lambda: ask("approve", alice, renewed, version=2))
    assert isinstance(ended, NotPublishable)
    assert "was withdrawn" in str(ended)
    assert rows(renewed)[0].status == "withdrawn"


def test_closing_the_account_leaves_what_is_public(alice: User) -> None:
    number = made(alice, "published")
    sql("DELETE FROM users WHERE tenant_id = %s", alice.tenant_id)
    assert [(row.status, row.creator_tenant_id) for row in rows(number)] == [("published", None)] * 2


@pytest.mark.parametrize(
    "name", ["Calm Grid", "CALM-grid", "Саlm Grid", "Cálm  gríd", "Ca1m Gr1d", "ＣＡＬＭ grid"]
)
def test_a_name_like_another_authors_is_refused(alice: User, mallory: User, name: str) -> None:
    with tenant_context(alice.tenant_id):
        number = authoring.create(actor=alice, text=text("Calm Grid")).pk
    ask("submit", alice, number)
    ask("approve", alice, number)
    with tenant_context(mallory.tenant_id), pytest.raises(NameTaken, match="“Calm Grid”"):
        authoring.create(actor=mallory, text=text(name))
    with tenant_context(mallory.tenant_id):
        assert not TemplateVersion.across_tenants.filter(creator_tenant_id=mallory.tenant_id).exists()
    with tenant_context(alice.tenant_id):
        authoring.create(actor=alice, text=text(name))


def test_another_tenants_draft_is_not_seen_and_a_public_one_not_written(alice: User, mallory: User) -> None:
    draft, public = made(alice, "draft"), made(alice, "published")
    select = "SELECT FROM template_versions WHERE template_id = %s"
    assert raw("tw_app", mallory.tenant_id, select, draft) == 0
    assert raw("tw_app", mallory.tenant_id, select, public) == 1
    update = "UPDATE template_versions SET status = 'withdrawn', reason = 'x' WHERE template_id = %s"
    assert raw("tw_app", mallory.tenant_id, update, public) == 0
