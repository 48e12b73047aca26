"""Guessing is slow, and nonsense is answered with a sentence."""

import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.flows import log_in, sign_up, verified

pytestmark = pytest.mark.django_db


def test_guessing_a_password_ends_after_five_tries(alice: User) -> None:
    verified(alice)
    for _ in range(5):
        assert "do not match" in log_in(Client(), alice.email, "wrong horse").content.decode()
    answer = log_in(Client(), alice.email)
    assert answer.status_code == 422
    assert "Too many attempts" in answer.content.decode()


def test_signing_up_again_and_again_is_answered_429_with_our_page() -> None:
    answers = [sign_up(Client(), f"c{number}@example.com") for number in range(21)]
    assert answers[-1].status_code == 429
    assert "Too many attempts" in answers[-1].content.decode()


def test_asking_for_codes_again_and_again_is_answered_429(alice: User) -> None:
    verified(alice)
    answers = [Client().post("/account/password/reset/", {"email": alice.email}) for _ in range(6)]
    assert answers[-1].status_code == 429


NONSENSE = ["\x00", "a\x00@example.com", "x" * 100_000, "\u202e@example.com", "{}", "-1", "1e400", "'; --"]
FORMS = {
    "/account/login/": ("login", "password"),
    "/account/signup/": ("email", "password1", "full_name"),
    "/account/password/reset/": ("email",),
    "/account/password/reset/confirm/": ("code",),
    "/account/confirm-email/": ("code", "action", "email"),
}
OWN_FORMS = {
    "/account/email/": ("email",),
    "/account/password/change/": ("oldpassword", "password1", "password2"),
    "/account/reauthenticate/": ("password", "next"),
}


@pytest.mark.parametrize("value", NONSENSE, ids=ascii)
def test_nonsense_in_a_form_is_never_our_fault(client: Client, signed_in: Client, value: str) -> None:
    for browser, forms in ((client, FORMS), (signed_in, OWN_FORMS)):
        for path, fields in forms.items():
            response = browser.post(path, dict.fromkeys([*fields, "action_add"], value))
            assert response.status_code in {302, 400, 422, 429}, path
            assert browser.get(path, {"next": value[:3000], "email": value[:3000]}).status_code < 500


def test_surrogates_bytes_and_other_kinds_of_bodies_are_never_our_fault(client: Client) -> None:
    for body, kind in (
        (b"login=%ED%A0%80&password=x", "application/x-www-form-urlencoded"),
        (b"login=\xff\xfe&password=x", "application/x-www-form-urlencoded"),
        (b'{"login": ["x"]}', "application/json"),
        (b"[" * 10_000, "application/json"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"", "text/plain"),
    ):
        for path in FORMS:
            status = client.post(path, body, content_type=kind).status_code
            assert 300 <= status < 500, (path, body[:20])


@pytest.mark.parametrize("state", ["text", ["list"], {"email": 7}, 1])
def test_an_odd_state_in_the_session_is_never_our_fault(client: Client, state: object) -> None:
    session = client.session
    session["account_password_reset_verification"] = session["tenant_id"] = state
    session.save()
    client.cookies["session"] = str(session.session_key)
    assert client.get("/account/login/").status_code < 500
