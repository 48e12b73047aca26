"""Closing an account empties who it was, and nothing else of the trail."""

import json
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.errors import InsufficientPrivilege

from accounts.models import User
from audit.reading import everything as everything_to_read
from audit.verification import Walk
from bots.models import Bot
from tests import logins as sessions
from tests import servers
from tests.audit.conftest import seal_now
from tradewise.secrets.signing import verifier
from tradewise.tenancy.context import tenant_context


@pytest.fixture
def closing(db: None, alice: User, bot: Bot, mallory: User) -> User:
    """Alice has a bot and did something to it, and mallory is still there."""
    with tenant_context(alice.tenant_id, actor=str(alice.pk)):
        Bot.objects.update(name="Another name")
    seal_now()
    return alice


def trail_of(user: User) -> list[tuple[Any, ...]]:
    """Every entry of a tenant without its user, and then that."""
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as connection:
        return connection.execute(
            "SELECT (to_jsonb(l) - 'user_id')::text, user_id FROM audit_logs l WHERE tenant_id = %s ORDER BY id",
            [user.tenant_id],
        ).fetchall()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("login", ["tw_admin", "tw_migrator"])
def test_closing_an_account_empties_the_user_and_nothing_else(closing, mallory, login):
    before, theirs = trail_of(closing), trail_of(mallory)
    assert {user for _, user in before} == {None, closing.pk}
    with sessions.as_login(login), tenant_context(closing.tenant_id, actor=f"ops:{login}"):
        User.objects.filter(pk=closing.pk).delete()
    after = trail_of(closing)
    assert after[: len(before)] == [(entry, None) for entry, _ in before]
    assert {user for _, user in after} == {None}
    gone = [json.loads(entry)["action"] for entry, _ in after[len(before) :]]
    assert sorted(gone) == ["bot.delete", "user.delete"]
    assert trail_of(mallory) == theirs
    assert verify() == []
    assert seal_now() == 2
    assert verify() == []


def verify() -> list[Any]:
    with everything_to_read() as connection:
        return Walk(connection, verifier()).run().findings


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("to", ["NULL", "{other}"])
def test_the_user_of_an_entry_is_not_changed_while_the_user_is_there(closing, mallory, to):
    before = trail_of(closing)
    with (
        pytest.raises(InsufficientPrivilege, match="only added to"),
        psycopg.connect(servers.admin_dsn(servers.process_database())) as superuser,
    ):
        superuser.execute(
            f"UPDATE audit_logs SET user_id = {to.format(other=mallory.pk)} WHERE user_id IS NOT NULL"
        )
    with sessions.as_login("tw_migrator"), tenant_context(closing.tenant_id), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_logs SET user_id = NULL")
        assert cursor.rowcount == 0
    assert trail_of(closing) == before


@pytest.mark.django_db(transaction=True)
def test_a_user_that_was_emptied_past_the_triggers_is_found(closing):
    with psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute("UPDATE audit_logs SET user_id = NULL")
    assert {finding.sentence for finding in verify()} == {"bears another user than it did"}
