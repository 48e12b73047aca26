"""A receiver of webhooks on loopback, and the worker that tells what was noted."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.services import webhooks
from accounts.tasks import post
from tests.audit.world import sql
from tests.health import conftest as played
from tests.logins import as_login
from tradewise.tasks import deliver_outbox
from tradewise.tenancy.context import tenant_context

_keys = played._keys  # a fixture


class Got(NamedTuple):
    """A request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """What it got, and how it answers: by a status, by nothing for a while, or by `before`, which is called first."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.status = 204
        self.seconds = 0.0
        self.location = ""
        self.before: Callable[[], None] = lambda: None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(
                    Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                )
                receiver.before()
                time.sleep(receiver.seconds)
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """The operator has allowed its port, and plain http with it."""
    receiver = Receiver()
    settings.EGRESS_ALLOW = f"127.0.0.1/32:{receiver.port},127.0.0.1/32:9"
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join(5)


@pytest.fixture(autouse=True)
def _mails(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "tradewise.outbox.mail.OutboxBackend"
    settings.OUTBOX_EMAIL = {"backend": "django.core.mail.backends.locmem.EmailBackend"}
    mail.outbox.clear()


@pytest.fixture
def secret(transactional_db: None, alice: User, receiver: Receiver) -> str:
    """Of alice's webhook, which the receiver answers."""
    with tenant_context(alice.tenant_id, actor=str(alice.pk)):
        return webhooks.set_webhook(actor=alice, url=receiver.url)


def work() -> None:
    """What the worker does every two seconds, until nothing is due."""
    with as_login("tw_worker"):
        deliver_outbox()
        post()


def hurry() -> None:
    """Whatever waits for its next try is due now."""
    sql("UPDATE outbox_messages SET next_attempt_at = now(), lease_until = NULL, lease_token = NULL")


def noted(event: str | None = None) -> list[Any]:
    return sql("SELECT * FROM notifications WHERE %s::text IS NULL OR event = %s ORDER BY id", event, event)


def choose(client: Client, *, mail: tuple[str, ...] = (), webhook: tuple[str, ...] | None = None) -> None:
    form: dict[str, Any] = {"by_mail": list(mail)}
    if webhook is not None:
        form |= {"by_webhook": list(webhook), "webhook_shown": "yes"}
    assert client.post("/account/notifications/", form).status_code == 303


__all__ = ["Got", "Receiver", "choose", "hurry", "noted", "work"]
