"""What a request of a trader runs in."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from tests.accounts.flows import stored, verified

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _pages(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.accounts.pages"


def test_the_database_knows_who_acts_and_from_where(signed_in: Client, alice: User) -> None:
    page = signed_in.get("/test/inside/", headers={"user-agent": "Browser\x07 of Alice"}).json()
    assert page["told"] == [str(alice.tenant_id), str(alice.pk), "127.0.0.1", "Browser of Alice"]
    assert page["open"] is True
    assert page["user"] == alice.email


def test_nobody_is_bound_after_the_request(signed_in: Client) -> None:
    signed_in.get("/test/inside/")
    assert not connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute("SELECT app_current_tenant()")
        assert cursor.fetchone() == (None,)


@pytest.mark.parametrize("path", ["/test/fails/", "/test/breaks/"])
def test_a_view_that_fails_changes_nothing_and_gets_its_page(
    signed_in: Client, alice: User, path: str
) -> None:
    signed_in.raise_request_exception = False
    response = signed_in.get(path)
    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()
    assert stored(alice).full_name == "Alice"
    assert signed_in.get("/test/inside/").status_code == 200


def test_what_was_changed_before_a_404_is_undone_and_the_page_still_knows_the_trader(
    signed_in: Client, alice: User
) -> None:
    assert signed_in.get("/test/missing/").status_code == 404
    assert stored(alice).full_name == "Alice"


def test_rendering_is_inside(signed_in: Client) -> None:
    assert signed_in.get("/test/lazy/").content == b"alice@example.com"


def test_a_view_with_network_calls_has_the_user_and_no_transaction(signed_in: Client) -> None:
    page = signed_in.get("/test/outside/").json()
    assert page == {"open": False, "user": "alice@example.com", "count": 1}


def test_a_streamed_body_holds_no_transaction_and_no_tenant(signed_in: Client) -> None:
    response = signed_in.get("/test/streams/")
    assert isinstance(response, StreamingHttpResponse)
    assert response.getvalue() == b"False None"


def test_a_page_costs_one_query_beside_the_begin(
    signed_in: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    signed_in.get("/test/outside/")
    with django_assert_num_queries(4):  # BEGIN, the user, the view's own, COMMIT
        signed_in.get("/test/inside/")


def test_the_tenant_of_an_address_in_hand_is_bound_on_account_pages_alone(
    client: Client, alice: User
) -> None:
    verified(alice)
    client.post("/account/password/reset/", {"email": alice.email})
    form = {"login": alice.email, "email": alice.email}
    assert client.post("/test/public/", form).json() == {"tenant": "", "open": False}
    for path in ("/test/inside/", "/account/"):
        assert client.post(path, form).headers["Location"].startswith("/account/login/")


def test_two_browsers_see_their_own(client_of: Callable[[User], Client], alice: User, mallory: User) -> None:
    assert client_of(alice).get("/test/lazy/").content == b"alice@example.com"
    assert client_of(mallory).get("/test/lazy/").content == b"mallory@example.com"
