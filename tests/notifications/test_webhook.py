"""Webhooks: signed, through the guard, tried again, given up, and known as the same when they come twice."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.enums import Event
from accounts.models import User
from accounts.services import notifying, posting
from accounts.services.notifying import Notice
from tests import servers
from tests.audit.world import entries_since, last_entry, sql
from tests.logins import as_login
from tests.notifications.conftest import Receiver, choose, hurry, noted, work
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

GUIDE = (servers.ROOT / "docs/notifications.md").read_text(encoding="utf-8")


def is_from_tradewise(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As the guide tells receivers to check it."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    known: dict[str, Any] = {}
    exec(code, known)
    return bool(known["is_from_tradewise"](secret, headers, body))


def note(user: User, occurrence: str = "1", *, event: Event = Event.BOT_DOWN, name: str = "Grid") -> int:
    """As the sweep does; how many were new."""
    with as_login("tw_worker"):
        return notifying.notify(
            Notice(
                user.tenant_id, event, "bot-1", occurrence, name, f"{name} is down", "It is.", "/bots/bot-1/"
            )
        )


def state() -> tuple[str, str]:
    row = noted()[-1]
    return row.webhook, row.answer


def test_what_happened_is_posted_once_with_a_signature_that_the_guide_accepts(
    alice: User, receiver: Receiver, secret: str
) -> None:
    note(alice)
    work()
    work()
    (got,) = receiver.got
    assert got.path == "/hook"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == f"msg_{noted()[0].public_id.hex}"
    assert is_from_tradewise(secret, got.headers, got.body)
    assert not is_from_tradewise(secret, got.headers, got.body + b" ")
    assert not is_from_tradewise(secret, got.headers | {"webhook-id": "msg_other"}, got.body)
    assert not is_from_tradewise("whsec_" + "A" * 43 + "=", got.headers, got.body)
    assert got.document["type"] == "bot.down"
    assert got.document["data"] == {
        "id": "bot-1",
        "name": "Grid",
        "title": "Grid is down",
        "text": "It is.",
        "url": "http://127.0.0.1:8000/bots/bot-1/",
    }
    assert state() == ("taken", "Answered 204.")
    assert [message.subject for message in mail.outbox] == ["Grid is down"]
    assert sql("SELECT id FROM outbox_messages") == []


def test_the_same_is_noted_once_whoever_sees_it_again(alice: User, mallory: User, secret: str) -> None:
    assert [note(alice), note(alice), note(alice, "2"), note(mallory)] == [1, 0, 1, 1]
    assert len(noted()) == 3


def test_what_is_told_again_is_told_by_no_way_twice(alice: User, receiver: Receiver, secret: str) -> None:
    """A worker that was killed after it had told, and before it forgot the request."""
    note(alice)
    (request,) = sql("SELECT tenant_id, kind, payload::text AS payload FROM outbox_messages")
    work()
    sql("INSERT INTO outbox_messages (tenant_id, kind, payload) VALUES (%s, %s, %s::jsonb)", *request)
    work()
    assert (len(receiver.got), len(mail.outbox)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (500, "Answered 500. It is sent again."),
        (404, "Answered 404. It is sent again."),
        (302, "Answered 302: it leads elsewhere, and that is not followed. It is sent again."),
    ],
)
def test_another_answer_is_tried_again_with_the_same_id(
    alice: User, receiver: Receiver, secret: str, status: int, sentence: str
) -> None:
    receiver.status, receiver.location = status, f"http://127.0.0.1:{receiver.port}/elsewhere"
    note(alice)
    work()
    assert state() == ("waiting", sentence)
    work()
    assert len(receiver.got) == 1, "not before its time"
    receiver.status = 200
    hurry()
    work()
    assert state() == ("taken", "Answered 200.")
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert {got.path for got in receiver.got} == {"/hook"}


def test_it_is_given_up_in_the_end_and_the_page_says_so(
    alice: User, receiver: Receiver, secret: str, signed_in: Client
) -> None:
    receiver.status = 503
    note(alice)
    for _ in range(posting.TRIES + 2):
        work()
        hurry()
    assert len(receiver.got) == posting.TRIES
    assert state() == ("given_up", "Answered 503. Given up after 12 tries.")
    assert sql("SELECT id FROM outbox_messages") == []
    page = signed_in.get("/account/notifications/").content.decode()
    assert "Webhook: given up. Answered 503. Given up after 12 tries." in page


def test_a_receiver_that_hangs_keeps_neither_mails_nor_other_traders_waiting(
    alice: User, mallory: User, receiver: Receiver, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "SECONDS", 1.0)
    receiver.seconds = 3.0
    for number in range(20):
        note(alice, str(number))
    with as_login("tw_worker"):
        from tradewise.tasks import deliver_outbox

        started = time.monotonic()
        deliver_outbox()
        assert len(mail.outbox) == 20
        assert time.monotonic() - started < 3, "mails do not wait for webhooks"
        started = time.monotonic()
        assert posting.post_webhooks() == 0
        assert time.monotonic() - started < 2
    assert len(receiver.got) == posting.OF_EACH, "of one trader"
    assert noted()[0].answer.startswith("No answer within ")


def test_a_worker_that_is_killed_before_it_forgets_posts_again_with_the_same_id(
    alice: User, receiver: Receiver, secret: str
) -> None:
    note(alice)
    with as_login("tw_worker"):
        from tradewise.tasks import deliver_outbox

        deliver_outbox()
    code = "import django; django.setup(); from accounts.tasks import post; print('ready', flush=True); input(); post()"
    worker = subprocess.Popen(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tradewise.settings.worker",
            "TRADEWISE_DATABASE": servers.process_database(),
            "EGRESS_ALLOW": f"127.0.0.1/32:{receiver.port}",
        },
        cwd=servers.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    receiver.before = lambda: os.kill(worker.pid, signal.SIGKILL)
    try:
        assert worker.stdout.readline() == "ready\n"
        worker.communicate("go\n", timeout=60)
    finally:
        worker.kill()
        worker.wait()
    assert worker.returncode == -signal.SIGKILL
    assert len(receiver.got) == 1
    receiver.before = lambda: None
    work()
    assert len(receiver.got) == 1, "its lease holds"
    hurry()
    work()
    assert [got.headers["webhook-id"] for got in receiver.got] == [f"msg_{noted()[0].public_id.hex}"] * 2
    assert state() == ("taken", "Answered 204.")


def test_switched_off_or_removed_before_its_turn_it_is_not_sent(
    alice: User, receiver: Receiver, secret: str, signed_in: Client
) -> None:
    receiver.status = 500
    note(alice)
    work()
    choose(signed_in, webhook=())
    hurry()
    work()
    assert state() == ("given_up", posting.SWITCHED_OFF)
    choose(signed_in, webhook=("bot.down",))
    note(alice, "2")
    work()
    assert signed_in.post("/account/notifications/webhook/remove/").status_code == 303
    hurry()
    work()
    assert state() == ("given_up", posting.REMOVED)
    assert len(receiver.got) == 2
    note(alice, "3")
    work()
    assert (len(receiver.got), state()[0]) == (2, "")


def test_an_address_that_became_forbidden_is_not_dialled(
    alice: User, receiver: Receiver, secret: str, settings: Any
) -> None:
    settings.EGRESS_ALLOW = ""
    note(alice)
    work()
    assert receiver.got == []
    assert state()[1].startswith("TradeWise does not send to this address: it is private or reserved")


def test_a_secret_that_cannot_be_opened_is_said(
    alice: User, mallory: User, receiver: Receiver, secret: str
) -> None:
    with tenant_context(mallory.tenant_id, actor=str(mallory.pk)):
        from accounts.services import webhooks

        webhooks.set_webhook(actor=mallory, url=receiver.url)
    # What is sealed for one tenant does not open for another.
    sql("UPDATE webhooks SET secret = (SELECT secret FROM webhooks WHERE tenant_id = %s)", mallory.tenant_id)
    note(alice)
    work()
    assert receiver.got == []
    assert state() == ("given_up", posting.NOT_OPENED)


def test_nothing_says_the_secret_but_the_page_that_showed_it(
    alice: User, receiver: Receiver, signed_in: Client, caplog: pytest.LogCaptureFixture
) -> None:
    before = last_entry()
    with caplog.at_level(logging.DEBUG):
        shown = signed_in.post("/account/notifications/webhook/", {"url": receiver.url})
        (secret,) = re.findall(r"whsec_[A-Za-z0-9+/]{43}=", shown.content.decode())
        assert shown.headers["Cache-Control"] == "no-store"
        receiver.status = 500
        note(alice)
        work()
        signed_in.post("/account/notifications/webhook/test/")
        waiting = sql("SELECT payload::text AS text FROM outbox_messages")
        work()
    assert is_from_tradewise(secret, receiver.got[0].headers, receiver.got[0].body)
    said = [
        signed_in.get("/account/notifications/").content.decode(),
        signed_in.get("/activity/").content.decode(),
        caplog.text,
        str(waiting),
        str(entries_since(before)),
        str(sql("SELECT * FROM webhooks")),
        str(sql("SELECT * FROM notifications")),
        str(receiver.got),
    ]
    raw = secret.removeprefix("whsec_")
    assert [text for text in said if raw in text] == []
    used = [
        entry
        for entry in entries_since(before)
        if entry.action == "webhook.send" and entry.resource_type == "webhook"
    ]
    assert len(used) == len(receiver.got) == 2


def test_hostile_names_end_no_header_and_reach_nobody_else(
    alice: User, receiver: Receiver, secret: str
) -> None:
    name = "Grid\r\nBcc: all@example.com\u2028\u202e" + "x" * 400
    note(alice, name=name)
    work()
    (message,) = mail.outbox
    assert message.subject.startswith("Grid Bcc: all@example.com x")
    assert len(message.subject) == notifying.LONGEST_TITLE
    assert message.recipients() == [alice.email]
    assert receiver.got[0].document["data"]["title"] == message.subject
