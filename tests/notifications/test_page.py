"""The page: what is chosen, the address, its secret, a test; nobody else's."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from accounts.enums import CHOSEN
from accounts.models import User
from tests.audit.world import browser, everything, sql
from tests.notifications.conftest import Receiver, choose, noted, work
from tests.notifications.test_webhook import note
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/account/notifications/"
HOOK = f"{PAGE}webhook/"


def ticked(client: Client) -> set[tuple[str, str]]:
    page = client.get(PAGE).content.decode()
    return set(re.findall(r'name="(by_\w+)" value="([\w.]+)" checked', page))


def shown_secret(answer: Any) -> str:
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/]{43}=", answer.content.decode())
    return str(secret)


def test_at_first_mails_tell_what_costs_money_and_no_webhook_is_there(signed_in: Client) -> None:
    assert ticked(signed_in) == {
        ("by_mail", event) for event in ("bot.down", "bot.stopped", "template.decision")
    }
    assert 'name="by_webhook"' not in signed_in.get(PAGE).content.decode()
    assert "Nothing has happened yet" in signed_in.get(PAGE).content.decode()


def test_choices_hold_from_then_on(signed_in: Client, alice: User, receiver: Receiver, secret: str) -> None:
    choose(signed_in, mail=("bot.up",), webhook=("bot.stopped",))
    assert ticked(signed_in) == {("by_mail", "bot.up"), ("by_webhook", "bot.stopped")}
    note(alice)
    work()
    assert (mail.outbox, receiver.got) == ([], [])
    assert "Sent nowhere: you had chosen so." in signed_in.get(PAGE).content.decode()


def test_what_is_as_before_is_not_written(signed_in: Client) -> None:
    choose(signed_in, mail=("bot.down", "bot.stopped", "template.decision"))
    assert sql("SELECT id FROM notification_choices") == []
    choose(signed_in, mail=("bot.down", "bot.stopped"))
    choose(signed_in, mail=("bot.down", "bot.stopped"))
    assert [row.event for row in sql("SELECT event FROM notification_choices")] == ["template.decision"]


def test_choices_made_before_there_was_a_webhook_leave_it_as_it_is(
    signed_in: Client, receiver: Receiver
) -> None:
    choose(signed_in)
    signed_in.post(HOOK, {"url": receiver.url})
    assert ticked(signed_in) == {("by_webhook", event.value) for event in CHOSEN}


@pytest.mark.parametrize("value", ["test", "bot.nothing", "\0", "x" * 1000])
def test_an_event_that_is_none_saves_nothing(signed_in: Client, value: str) -> None:
    before = everything()
    assert signed_in.post(PAGE, {"by_mail": [value]}).status_code in (400, 422)
    assert everything() == before


def test_the_secret_is_shown_once_and_a_second_click_keeps_it(signed_in: Client, receiver: Receiver) -> None:
    answer = signed_in.post(HOOK, {"url": receiver.url})
    secret = shown_secret(answer)
    assert secret not in signed_in.get(PAGE).content.decode()
    (first,) = sql("SELECT secret FROM webhooks")
    assert signed_in.post(HOOK, {"url": receiver.url}).status_code == 303
    assert sql("SELECT secret FROM webhooks") == [first]
    renewed = shown_secret(signed_in.post(f"{HOOK}secret/"))
    assert renewed != secret
    assert sql("SELECT secret FROM webhooks") != [first]


def test_two_clicks_at_the_same_moment_make_one_webhook(
    alice: User, receiver: Receiver, client_of: Callable[[User], Client]
) -> None:
    clients = [client_of(alice) for _ in range(4)]
    statuses: list[int] = []

    def click(client: Client) -> None:
        statuses.append(client.post(HOOK, {"url": receiver.url}).status_code)
        connection.close()

    threads = [threading.Thread(target=click, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 303, 303, 303]
    assert len(sql("SELECT id FROM webhooks")) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:22/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/",
        "https://[::1]/",
        "https://localhost/",
        "http://example.com/",
        "https://metadata.google.internal/",
        "https://user:pass@example.com/",
        "https://example.com/?token=1",
        "https://example.com:5432/",
        "ftp://example.com/",
        "javascript:alert(1)",
        "https://0x7f.1/",
        "",
        "https://example.com/\0",
        "https://example.com/" + "x" * 600,
    ],
)
def test_an_address_inside_is_refused_with_a_sentence(signed_in: Client, url: str) -> None:
    before = everything()
    answer = signed_in.post(HOOK, {"url": url})
    assert answer.status_code in (400, 422)
    assert everything() == before
    if answer.status_code == 422:
        (errors,) = re.findall(r'<ul class="errorlist"[^>]*>(.*?)</ul>', answer.content.decode(), re.DOTALL)
        assert errors.strip().endswith(".</li>")


def test_a_test_arrives_and_two_clicks_are_one(
    signed_in: Client, alice: User, receiver: Receiver, secret: str
) -> None:
    choose(signed_in, webhook=())
    for _ in range(2):
        assert signed_in.post(f"{HOOK}test/").status_code == 303
    if len(noted()) > 1:  # the clicks fell on both sides of a limit of ten seconds
        pytest.skip("the clock turned between two clicks")
    work()
    (got,) = receiver.got
    assert got.document["type"] == "test"
    assert mail.outbox == []
    assert "Webhook: taken. Answered 204." in signed_in.get(PAGE).content.decode()


@pytest.mark.parametrize("action", ["secret", "test"])
def test_without_an_address_there_is_nothing_to_test_or_renew(signed_in: Client, action: str) -> None:
    answer = signed_in.post(f"{HOOK}{action}/")
    assert answer.status_code == 409
    assert "There is no address to send to." in answer.content.decode()
    assert signed_in.post(f"{HOOK}remove/").status_code == 303


@pytest.mark.parametrize("path", [HOOK, f"{HOOK}secret/", f"{HOOK}test/", f"{HOOK}remove/"])
def test_what_changes_something_is_posted_by_who_is_logged_in(signed_in: Client, path: str) -> None:
    assert signed_in.get(path).status_code == 405
    assert Client().post(path).status_code == 302
    assert Client().get(PAGE).status_code == 302


def test_the_page_asks_the_same_for_one_and_for_many(
    signed_in: Client, alice: User, secret: str, django_assert_num_queries: Any
) -> None:
    from django.test.utils import CaptureQueriesContext

    counts = []
    for number in range(4):
        note(alice, str(number))
        with CaptureQueriesContext(connection) as queries:
            signed_in.get(PAGE)
        counts.append(len(queries))
    assert len(set(counts[1:])) == 1


def test_another_tenants_are_invisible_and_untouched(
    alice: User, mallory: User, receiver: Receiver, secret: str, signed_in: Client
) -> None:
    choose(signed_in, mail=("bot.up",), webhook=())
    note(alice, name="Canary")
    theirs = everything()
    client = browser(mallory)
    assert "Canary" not in client.get(PAGE).content.decode()
    assert receiver.url not in client.get(PAGE).content.decode()
    assert client.post(f"{HOOK}secret/").status_code == 409
    assert client.post(f"{HOOK}remove/").status_code == 303
    with tenant_context(mallory.tenant_id), connection.cursor() as cursor:
        for table in ("notifications", "notification_choices", "webhooks"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,)
        cursor.execute("DELETE FROM webhooks")
        cursor.execute("UPDATE notification_choices SET by_mail = false")
    tables = ("notifications", "notification_choices", "webhooks", "outbox_messages")
    assert {table: everything()[table] for table in tables} == {table: theirs[table] for table in tables}


def test_the_site_notes_nothing_but_tests(alice: User) -> None:
    from django.db import ProgrammingError

    insert = (
        "INSERT INTO notifications (tenant_id, event, subject, occurrence, name, title, text, path) "
        "VALUES (%s, 'bot.down', 's', 'o', 'n', 't', 't', '/')"
    )
    with (
        tenant_context(alice.tenant_id),
        pytest.raises(ProgrammingError, match="row-level security"),
        connection.cursor() as cursor,
    ):
        cursor.execute(insert, [alice.tenant_id])
