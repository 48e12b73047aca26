"""Before anyone has logged in, and with the Python filter removed: nobody is listed."""

import uuid

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.db import IntegrityError, ProgrammingError, connection
from django.test import Client

from accounts.door import belongs_to_another, tenant_of_email
from accounts.models import User
from accounts.sessions import SessionStore
from accounts.tasks import forget_sessions
from tests.accounts.flows import verified
from tests.logins import as_login
from tradewise.tenancy.context import key_in_hand, tenant_context

pytestmark = pytest.mark.django_db


def test_without_a_tenant_no_query_lists_users_addresses_or_sessions(alice: User, signed_in: Client) -> None:
    verified(alice)
    assert signed_in.session.session_key
    for model in (User.across_tenants, EmailAddress.objects, Session.objects):
        assert list(model.all()) == []


def test_a_tenant_sees_its_own_address_and_no_other(alice: User, mallory: User) -> None:
    verified(alice)
    verified(mallory)
    with tenant_context(alice.tenant_id):
        assert [address.email for address in EmailAddress.objects.all()] == ["alice@example.com"]
        assert [user.email for user in User.across_tenants.all()] == ["alice@example.com"]
        assert list(Session.objects.all()) == []


def test_an_address_cannot_be_stored_for_a_user_of_another_tenant(alice: User, mallory: User) -> None:
    with pytest.raises(IntegrityError, match="account_emailaddress_user"), tenant_context(mallory.tenant_id):
        EmailAddress.objects.create(user=alice, email="x@example.com")


def test_the_door_answers_one_question(alice: User) -> None:
    assert tenant_of_email(" ALICE@example.com ") == alice.tenant_id
    for other in ("alice@example.co", "%", "", "alice@example.com' OR true --", "a" * 100_000):
        assert tenant_of_email(other) is None
    assert belongs_to_another(alice.email, uuid.uuid4())
    assert not belongs_to_another(alice.email, alice.tenant_id)


def test_nobody_but_the_trader_site_may_ask_at_the_door() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT login FROM unnest(ARRAY['tw_app', 'tw_staff', 'tw_worker', 'tw_backup']) login
               WHERE has_function_privilege(login, 'tenant_of_email(text)', 'EXECUTE')"""
        )
        assert cursor.fetchall() == [("tw_app",)]


def test_a_session_is_seen_with_its_key_and_with_no_other(alice: User, signed_in: Client) -> None:
    key = str(signed_in.session.session_key)
    with key_in_hand(session_key=key):
        assert [row.session_key for row in Session.objects.all()] == [key]
    with key_in_hand(session_key=key[:-1]):
        assert list(Session.objects.all()) == []
    with tenant_context(alice.tenant_id):
        assert list(Session.objects.all()) == []


def test_a_session_cannot_be_written_under_another_key(signed_in: Client) -> None:
    with pytest.raises(ProgrammingError), key_in_hand(session_key="mine"), connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_session VALUES ('yours', '', now())")


def test_a_made_up_session_key_is_nobodys_session() -> None:
    for key in ("x" * 32, "", "' OR true --", "ä" * 40, "x" * 5000):
        assert SessionStore(key).load() == {}


def test_the_site_makes_nobody_staff(alice: User) -> None:
    with pytest.raises(ProgrammingError), tenant_context(alice.tenant_id):
        User.objects.update(is_staff=True)


@pytest.mark.django_db(transaction=True)
def test_the_worker_forgets_sessions_that_are_over_and_sees_no_other(signed_in: Client) -> None:
    old = SessionStore()
    old["x"] = 1
    old.set_expiry(-1)
    old.create()
    with as_login("tw_worker"):
        assert forget_sessions() == 1
        with pytest.raises(ProgrammingError), connection.cursor() as cursor:
            cursor.execute("SELECT session_key FROM django_session")
    assert signed_in.get("/account/").status_code == 200
