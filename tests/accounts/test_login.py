"""Logging in and out."""

import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.flows import verified
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.django_db


def test_a_trader_logs_in_with_the_address_in_any_case(client: Client, alice: User) -> None:
    verified(alice)
    response = client.post("/account/login/", {"login": "ALICE@example.com", "password": PASSWORD})
    assert response.status_code == 302, response.content.decode()
    assert client.session["tenant_id"] == str(alice.tenant_id)
    assert client.get("/account/email/").status_code == 200


def test_logging_out_takes_a_post_and_ends_the_session(signed_in: Client) -> None:
    assert signed_in.get("/account/logout/").status_code == 200
    assert signed_in.get("/account/email/").status_code == 200
    assert signed_in.post("/account/logout/").status_code == 302
    assert signed_in.get("/account/email/").status_code == 302
