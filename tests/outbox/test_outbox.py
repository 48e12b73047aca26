"""A mail is sent if, and only if, what caused it was committed."""

import re
import stat
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage, send_mail
from django.core.mail.message import BadHeaderError
from django.db import ProgrammingError, connection
from pytest_django import Settings

from tests.logins import as_login
from tradewise.outbox import delivery, enqueue
from tradewise.outbox.messages import LEASE, TRIES, finish, lease, put_back
from tradewise.tasks import deliver_outbox
from tradewise.tenancy.context import NoTenantError, tenant_context

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _outbox(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "tradewise.outbox.mail.OutboxBackend"
    settings.OUTBOX_EMAIL = {"backend": "django.core.mail.backends.locmem.EmailBackend"}
    mail.outbox.clear()


@pytest.fixture
def worker() -> Iterator[None]:
    """What follows runs as the worker's login."""
    with as_login("tw_worker"):
        yield


def write(subject: str = "Hello", to: str = "alice@example.com") -> None:
    with tenant_context(uuid.uuid4()):
        send_mail(subject, "The code is ABC.", "noreply@example.com", [to])


def waiting() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, attempts, last_error, next_attempt_at > now() FROM outbox_messages")
        return list(cursor.fetchall())


def make_due() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_messages SET next_attempt_at = now(), lease_until = NULL")


def test_a_mail_waits_for_the_worker_and_is_gone_when_it_was_sent() -> None:
    write()
    assert mail.outbox == []
    with as_login("tw_worker"):
        assert deliver_outbox() == 1
        assert deliver_outbox() == 0
        assert waiting() == []
    assert (mail.outbox[0].subject, mail.outbox[0].to) == ("Hello", ["alice@example.com"])


def test_a_mail_of_a_transaction_that_failed_is_never_sent() -> None:
    with pytest.raises(ZeroDivisionError), tenant_context(uuid.uuid4()):
        send_mail("Hello", "", "noreply@example.com", ["alice@example.com"])
        _ = 1 / 0
    with as_login("tw_worker"):
        assert deliver_outbox() == 0


def test_the_site_cannot_read_what_waits_and_writes_for_nobody_else() -> None:
    write()
    with tenant_context(uuid.uuid4()), pytest.raises(ProgrammingError), connection.cursor() as cursor:
        cursor.execute("SELECT payload FROM outbox_messages")
    with pytest.raises(NoTenantError):
        enqueue("mail", {})


def test_a_mail_server_that_is_away_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: dict[str, Any]) -> None:
        raise ConnectionRefusedError("mail to alice@example.com: ABC")

    monkeypatch.setitem(delivery.DELIVER, "mail", refuse)
    write()
    with as_login("tw_worker"):
        assert deliver_outbox() == 0
        ((_, attempts, error, later),) = waiting()
        assert (attempts, error, later) == (1, "ConnectionRefusedError at try 1", True)
        assert deliver_outbox() == 0, "not before its time"
        monkeypatch.undo()
        make_due()
        assert deliver_outbox() == 1


def test_a_mail_that_never_goes_out_is_given_up_with_an_error_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(delivery.DELIVER, "mail", lambda _: 1 / 0)
    write()
    with as_login("tw_worker"):
        for _ in range(TRIES):
            deliver_outbox()
            make_due()
        assert waiting() == []
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert "ABC" not in caplog.text


def test_one_mail_that_fails_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    original = delivery.DELIVER["mail"]

    def pick(payload: dict[str, Any]) -> None:
        if payload["to"] == ["bad@example.com"]:
            raise OSError
        original(payload)

    monkeypatch.setitem(delivery.DELIVER, "mail", pick)
    write(to="bad@example.com")
    write(to="good@example.com")
    with as_login("tw_worker"):
        assert deliver_outbox() == 1
        assert len(waiting()) == 1


def test_two_workers_never_hold_one_message(worker: None) -> None:
    with as_login("tw_app"):
        for _ in range(30):
            write()
    taken: list[int] = []

    def work() -> None:
        taken.extend(message.id for message in lease(limit=7))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 28


def test_no_more_are_taken_than_asked_for_whatever_plan_postgresql_takes(worker: None) -> None:
    with as_login("tw_app"):
        for _ in range(30):
            write()
    with connection.cursor() as cursor:
        for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize"):
            cursor.execute(f"SET enable_{way} = off")
    assert len(lease(limit=7)) == 7


def test_a_worker_that_died_loses_its_lease_and_cannot_finish_for_another(worker: None) -> None:
    with as_login("tw_app"):
        write()
    (first,) = lease()
    assert lease() == []
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_messages SET lease_until = now() - interval '1 s'")
    (second,) = lease()
    finish(first)
    put_back(first, "late")
    assert waiting() == [("mail", 2, "", False)]
    finish(second)
    assert waiting() == []
    assert LEASE > 20, "longer than a mail server's timeout"


def test_what_a_slow_mail_server_leaves_no_time_for_is_left_to_the_next_lease(
    monkeypatch: pytest.MonkeyPatch, worker: None
) -> None:
    with as_login("tw_app"):
        for _ in range(3):
            write()
    clock = [0.0]

    def slow(_: dict[str, Any]) -> None:
        clock[0] += LEASE

    monkeypatch.setitem(delivery.DELIVER, "mail", slow)
    monkeypatch.setattr("tradewise.outbox.delivery.time.monotonic", lambda: clock[0])
    assert delivery.deliver() == 1
    assert len(waiting()) == 2


def test_delivery_holds_no_transaction(monkeypatch: pytest.MonkeyPatch, worker: None) -> None:
    with as_login("tw_app"):
        write()
    seen: list[bool] = []
    monkeypatch.setitem(delivery.DELIVER, "mail", lambda _: seen.append(connection.in_atomic_block))
    deliver_outbox()
    assert seen == [False]


def test_line_breaks_in_a_header_and_attachments_are_refused_at_once() -> None:
    with tenant_context(uuid.uuid4()):
        with pytest.raises((BadHeaderError, ValueError)):
            send_mail("Hello\nBcc: all@example.com", "", "noreply@example.com", ["alice@example.com"])
        message = EmailMessage("Hello", "", "noreply@example.com", ["alice@example.com"])
        message.attach("a.txt", "a")
        with pytest.raises(ValueError, match="plain text"):
            message.send()


def test_without_a_mail_server_each_mail_is_a_file_for_its_owner(settings: Settings, tmp_path: Path) -> None:
    directory = tmp_path / "mail"
    settings.OUTBOX_EMAIL = {"backend": "tradewise.outbox.files.EmlBackend", "directory": directory}
    write(to="../../alice@example.com")
    write()
    with as_login("tw_worker"):
        assert deliver_outbox() == 2
    files = sorted(directory.iterdir())
    assert len(files) == 2
    assert all(re.fullmatch(r"[\w@.+-]+\.eml", file.name) for file in files)
    assert "The code is ABC." in files[0].read_text()
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert time.time() - files[0].stat().st_mtime < 60
