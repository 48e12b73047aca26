"""Forgetting and changing the password."""

from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from tests.accounts.flows import code, log_in, sign_up, stored, verified
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.django_db

NEW = "seven blue elephants dance"


def reset(client: Client, email: str) -> None:
    response = client.post("/account/password/reset/", {"email": email})
    assert response.headers["Location"] == "/account/password/reset/confirm/"
    assert client.get("/account/password/reset/confirm/").status_code == 200


def test_a_forgotten_password_is_replaced_with_the_code(client: Client, alice: User) -> None:
    verified(alice)
    reset(client, "Alice@example.com")
    response = client.post("/account/password/reset/confirm/", {"code": code()})
    assert response.headers["Location"] == "/account/password/reset/complete/"
    assert client.get("/account/password/reset/complete/").status_code == 200
    response = client.post("/account/password/reset/complete/", {"password1": NEW, "password2": NEW})
    assert response.headers["Location"] == "/account/password/reset/done/"
    assert client.get("/account/password/reset/done/").status_code == 200
    assert log_in(Client(), alice.email).status_code == 422
    assert log_in(Client(), alice.email, NEW).status_code == 302
    assert "was changed" in mail.outbox[-1].subject


def test_an_unknown_address_gets_the_same_pages_and_never_a_working_code(client: Client) -> None:
    reset(client, "nobody@example.com")
    assert "There is no account" in str(mail.outbox[-1].body)
    for guess in ("", "ABCD-EFGH"):
        assert client.post("/account/password/reset/confirm/", {"code": guess}).status_code == 422


def test_three_wrong_codes_end_the_attempt(client: Client, alice: User) -> None:
    verified(alice)
    reset(client, alice.email)
    right = code()
    answers = [client.post("/account/password/reset/confirm/", {"code": "WRONG"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 302]
    client.post("/account/password/reset/confirm/", {"code": right})
    assert client.get("/account/password/reset/complete/").status_code == 302
    assert stored(alice).check_password(PASSWORD)


def test_the_new_password_cannot_be_set_before_the_code(client: Client, alice: User) -> None:
    verified(alice)
    reset(client, alice.email)
    client.post("/account/password/reset/complete/", {"password1": NEW, "password2": NEW})
    assert stored(alice).check_password(PASSWORD)


def test_a_changed_password_ends_the_other_sessions(client_of: Callable[[User], Client], alice: User) -> None:
    verified(alice)
    here, elsewhere = client_of(alice), client_of(alice)
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert here.get("/account/password/change/").status_code == 200
    assert here.post("/account/password/change/", form).status_code == 302
    assert here.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    assert stored(alice).check_password(NEW)
    assert mail.outbox[-1].to == [alice.email]


@pytest.mark.parametrize(
    "form",
    [
        {"oldpassword": "wrong", "password1": NEW, "password2": NEW},
        {"oldpassword": PASSWORD, "password1": NEW, "password2": "other"},
        {"oldpassword": PASSWORD, "password1": "short", "password2": "short"},
        {"oldpassword": PASSWORD, "password1": "x" * 300, "password2": "x" * 300},
        {},
    ],
)
def test_a_change_that_is_wrong_is_refused(signed_in: Client, alice: User, form: dict[str, str]) -> None:
    assert signed_in.post("/account/password/change/", form).status_code == 422
    assert stored(alice).check_password(PASSWORD)


def test_who_never_confirmed_the_address_does_so_by_choosing_a_new_password(client: Client) -> None:
    """So nobody keeps an address from its owner by signing up with it first."""
    sign_up(Client(), "carol@example.com", password="of somebody else")
    reset(client, "carol@example.com")
    client.post("/account/password/reset/confirm/", {"code": code()})
    client.post("/account/password/reset/complete/", {"password1": NEW, "password2": NEW})
    assert log_in(Client(), "carol@example.com", "of somebody else").status_code == 422
    assert log_in(client, "carol@example.com", NEW).headers["Location"] == "/"
