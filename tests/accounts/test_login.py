"""Logging in and out."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.flows import code, log_in, stored, verified
from tests.accounts.staff import make_staff
from tests.factories.accounts import UserFactory
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db


def test_a_trader_logs_in_with_the_address_in_any_case(client: Client, alice: User) -> None:
    verified(alice)
    assert log_in(client, "ALICE@example.com").status_code == 302
    assert client.session["tenant_id"] == str(alice.tenant_id)
    assert "alice@example.com" in client.get("/account/").content.decode()
    assert stored(alice).last_login is not None


def test_a_wrong_password_and_an_unknown_address_are_told_apart_by_nothing(
    client: Client, alice: User
) -> None:
    verified(alice)
    wrong = log_in(client, alice.email, "wrong horse battery")
    unknown = log_in(client, "nobody@example.com", "wrong horse battery")
    assert wrong.status_code == unknown.status_code == 422
    sentence = "This e-mail address and password do not match."
    assert sentence in wrong.content.decode()
    assert sentence in unknown.content.decode()
    assert "tenant_id" not in client.session


def test_an_address_that_was_never_confirmed_is_confirmed_first(client: Client, alice: User) -> None:
    response = log_in(client, alice.email)
    assert response.headers["Location"] == "/account/confirm-email/"
    assert "tenant_id" not in client.session
    assert client.get("/account/").status_code == 302
    assert client.post("/account/confirm-email/", {"code": code(), "action": "verify"}).status_code == 302
    assert client.session["tenant_id"] == str(alice.tenant_id)


def test_an_account_that_is_switched_off_lets_nobody_in(client: Client) -> None:
    user = verified(UserFactory.create(is_active=False))
    assert log_in(client, user.email).headers["Location"] == "/account/inactive/"
    assert client.get("/account/inactive/").status_code == 200
    assert "tenant_id" not in client.session


@pytest.mark.django_db(transaction=True)
def test_staff_do_not_log_in_to_the_trader_site(client: Client) -> None:
    """Their rows cannot even be found from here: the door answers for traders alone."""
    make_staff("boss@example.com", uuid.uuid4())
    assert log_in(client, "boss@example.com").status_code == 422


def test_logging_out_takes_a_post_and_ends_the_session(signed_in: Client) -> None:
    old = signed_in.session.session_key
    assert signed_in.get("/account/logout/").status_code == 200
    assert signed_in.get("/account/").status_code == 200
    assert signed_in.post("/account/logout/").status_code == 302
    assert signed_in.get("/account/").status_code == 302
    signed_in.cookies["session"] = str(old)
    assert signed_in.get("/account/").status_code == 302


def test_a_session_of_another_tenant_ends(signed_in: Client, mallory: User) -> None:
    session = signed_in.session
    session["tenant_id"] = str(mallory.tenant_id)
    session.save()
    assert signed_in.get("/account/").status_code == 302
    assert not signed_in.session.get("_auth_user_id")


def test_who_is_switched_off_is_out_at_the_next_click(
    client_of: Callable[[User], Client], alice: User
) -> None:
    client = client_of(alice)
    assert client.get("/account/").status_code == 200
    with tenant_context(alice.tenant_id):
        User.objects.update(is_active=False)
    assert client.get("/account/").status_code == 302


def test_a_page_needs_a_login_and_leads_back_to_itself(client: Client) -> None:
    response = client.get("/account/")
    assert response.headers["Location"] == "/account/login/?next=/account/"


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_a_login_leads_to_no_other_site(client: Client, alice: User, address: str) -> None:
    verified(alice)
    response = client.post(
        f"/account/login/?next={address}", {"login": alice.email, "password": "correct horse battery"}
    )
    assert response.headers["Location"] == "/"
