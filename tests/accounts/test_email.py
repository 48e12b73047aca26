"""Changing the e-mail address."""

import pytest
from django.core import mail
from django.test import Client

from accounts.door import tenant_of_email
from accounts.models import User
from tests.accounts.flows import code, enter, log_in, stored, verified
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    """Alice, who typed her password a moment ago."""
    verified(alice)
    log_in(client, alice.email)
    assert client.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return client


def ask(client: Client, email: str) -> int:
    return client.post("/account/email/", {"email": email, "action_add": "1"}).status_code


def test_the_address_changes_when_the_code_was_entered(browser: Client, alice: User) -> None:
    assert browser.get("/account/email/").status_code == 200
    assert ask(browser, "Alice@New.example.com") == 302
    assert mail.outbox[-1].to == ["alice@new.example.com"]
    assert stored(alice).email == "alice@example.com"
    assert enter(browser, code()).status_code == 302
    assert stored(alice).email == "alice@new.example.com"
    assert tenant_of_email("alice@new.example.com") == alice.tenant_id
    assert tenant_of_email("alice@example.com") is None
    assert mail.outbox[-1].to == ["alice@example.com"], "the old address is told"
    assert log_in(Client(), "alice@new.example.com").status_code == 302


def test_an_address_of_somebody_else_is_never_taken_over(browser: Client, alice: User, mallory: User) -> None:
    verified(mallory)
    assert ask(browser, mallory.email) == 302
    assert mail.outbox[-1].to == [mallory.email], "the page says nothing; its owner gets the code"
    response = enter(browser, code())
    assert response.status_code == 422
    assert "Another account uses this e-mail address." in response.content.decode()
    assert stored(alice).email == "alice@example.com"
    assert stored(mallory).email == "mallory@example.com"


@pytest.mark.django_db(transaction=True)
def test_an_address_that_was_taken_a_moment_ago_is_refused_in_words(
    browser: Client, alice: User, mallory: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified(mallory)
    ask(browser, mallory.email)
    monkeypatch.setattr("accounts.forms.belongs_to_another", lambda *_: False)
    assert enter(browser, code()).status_code == 302
    assert "Another account uses" in browser.get("/account/").content.decode()
    assert stored(alice).email == "alice@example.com"


def test_without_a_fresh_password_it_is_asked_for_first(signed_in: Client, alice: User) -> None:
    verified(alice)
    response = signed_in.post("/account/email/", {"email": "new@example.com", "action_add": "1"})
    assert response.headers["Location"].startswith("/account/reauthenticate/")
    assert mail.outbox == []
    where = response.headers["Location"]
    assert signed_in.get(where).status_code == 200
    assert signed_in.post(where, {"password": "wrong"}).status_code == 422
    assert mail.outbox == []
    assert signed_in.post(where, {"password": PASSWORD}).status_code == 302
    assert mail.outbox[-1].to == ["new@example.com"], "the change goes on where it stopped"


@pytest.mark.parametrize("email", ["", "no address", "x" * 300 + "@example.com", "alice@example.com"])
def test_what_is_no_new_address_is_refused(browser: Client, alice: User, email: str) -> None:
    sent = len(mail.outbox)
    assert ask(browser, email) == 422
    assert len(mail.outbox) == sent
