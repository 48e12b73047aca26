"""Sealing, with others at work: everything that is finished is sealed once, and nothing is missed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connections

from audit import sealing
from bots.models import Bot
from tests import servers
from tests.audit import sealed as prepared
from tests.audit.conftest import seal_now
from tests.audit.sealed import change, is_clean, one, seal_together, verify, wait_for_others
from tests.logins import as_login
from tradewise.secrets.signing import signer
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)
no_entry, traders, hacker = prepared.no_entry, prepared.traders, prepared.hacker  # fixtures
Superuser = psycopg.Connection[Any]
Terminal = Callable[..., psycopg.Connection[Any]]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """Connections in autocommit, as any login, with settings."""
    opened = []

    def come(login: str = "tw_app", **settings: str) -> psycopg.Connection[Any]:
        url = servers.dsn(login, servers.process_database())
        opened.append(psycopg.connect(url, autocommit=True))
        for name, value in settings.items():
            opened[-1].execute("SELECT set_config(%s, %s, false)", [f"app.{name}", value])
        return opened[-1]

    yield come
    for connection in opened:
        connection.close()


def test_what_is_finished_is_sealed_once(alice, mallory, bot, superuser):
    before = superuser.execute("SELECT count(*) FROM audit_logs").fetchone()[0]
    assert before == 3
    assert seal_now() == before
    assert seal_now() == 0
    with tenant_context(alice.tenant_id):
        Bot.objects.update(name="Another name")
    assert seal_now() == 1


def sealed_numbers(superuser: Superuser) -> list[int]:
    """The number of every entry in every seal."""
    found = []
    for (leaves,) in superuser.execute("SELECT leaves FROM audit_seals").fetchall():
        found += [int.from_bytes(leaves[begin : begin + 8], "big") for begin in range(0, len(leaves), 40)]
    return sorted(found)


def numbers(superuser: Superuser) -> list[int]:
    return [number for (number,) in superuser.execute("SELECT id FROM audit_logs ORDER BY id").fetchall()]


def test_a_sealer_that_was_killed_between_two_rounds_leaves_the_rest_to_the_next(
    traders, superuser, monkeypatch
):
    monkeypatch.setattr(sealing, "MOST", 4)
    for turn in range(10):
        change(traders[turn % 3], f"Name {turn}")
    wait_for_others()
    with as_login("tw_worker"):
        assert sealing.seal_round(signer())[0] > 0  # and then it was gone
    assert is_clean(verify())
    seal_together()
    assert sealed_numbers(superuser) == numbers(superuser)
    assert is_clean(verify())


def test_a_sealer_that_was_killed_within_a_round_leaves_nothing_behind(traders, superuser, terminal):
    change(traders[0], "New")
    killed = terminal("tw_worker")
    killed.execute("BEGIN")
    while not killed.execute("SELECT number FROM audit_unsealed(1000, 1000)").fetchall():
        killed.execute("ROLLBACK; BEGIN")  # until a transaction of a test beside this one is over
    with as_login("tw_worker"):
        assert sealing.seal() == 0  # the other one is at it
    superuser.execute("SELECT pg_terminate_backend(%s)", [killed.info.backend_pid])
    assert seal_together() == 1
    assert sealed_numbers(superuser) == numbers(superuser)
    assert is_clean(verify())


def test_a_backlog_is_worked_off_at_once(traders, monkeypatch):
    """Rounds are cut between transactions and then have fewer entries than the most."""
    monkeypatch.setattr(sealing, "MOST", 5)
    for turn in range(8):
        with tenant_context(traders[0].tenant_id):
            Bot.objects.update(name=f"One {turn}")
            Bot.objects.update(name=f"Two {turn}")
    wait_for_others()
    with as_login("tw_worker"):
        assert sealing.seal() == 16
    said = verify()
    assert is_clean(said)
    assert "in 6 rounds" in said.out


@contextmanager
def at_once(*works: Callable[[], None]) -> Iterator[None]:
    """Each in a thread with connections of its own; what one raises, the block raises."""
    raised: list[BaseException] = []

    def within(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised below
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=within, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
    if raised:
        raise raised[0]


def test_sealers_that_work_at_once_seal_everything_once_and_fork_nothing(traders, superuser, terminal):
    writers = [terminal(tenant_id=str(trader.tenant_id)) for trader in traders]
    is_over = threading.Event()
    rounds: list[int] = []

    def seal_on() -> None:
        while not is_over.is_set():
            rounds.append(sealing.seal())

    with as_login("tw_worker"), at_once(*[seal_on] * 4):
        try:
            for turn in range(150):
                for writer in writers:
                    writer.execute("UPDATE bots SET name = %s", [f"Name {turn}"])
        finally:
            is_over.set()
    seal_together()
    assert one(superuser, "SELECT count(*) FROM audit_logs") == 9 + 450
    assert sealed_numbers(superuser) == numbers(superuser)
    chain = superuser.execute(
        "SELECT number, xact_from, xact_to FROM audit_rounds ORDER BY number"
    ).fetchall()
    assert [number for number, *_ in chain] == list(range(1, len(chain) + 1))
    assert [begin for _, begin, _ in chain[1:]] == [end for *_, end in chain[:-1]]
    assert is_clean(verify())


def test_an_entry_of_a_transaction_that_stays_open_is_neither_missed_nor_a_false_alarm(
    traders, superuser, terminal
):
    slow = terminal(tenant_id=str(traders[0].tenant_id))
    slow.execute("BEGIN")
    slow.execute("UPDATE bots SET name = 'Slow'")
    for turn in range(3):
        change(traders[1], f"Quick {turn}")
    with as_login("tw_worker"):
        sealing.seal()
    assert is_clean(verify())
    # What came later waits for it: otherwise it would be written into time that is sealed.
    assert len(sealed_numbers(superuser)) == 9
    slow.execute("UPDATE bots SET description = 'Slow'")
    slow.execute("COMMIT")
    assert is_clean(verify())
    assert seal_together() == 5
    assert sealed_numbers(superuser) == numbers(superuser)
    said = verify()
    assert is_clean(said)
    assert "14 entries" in said.out


def test_entries_of_savepoints_are_sealed_with_their_transaction(traders, superuser, terminal):
    nested = terminal(tenant_id=str(traders[0].tenant_id))
    nested.execute("BEGIN")
    for turn in range(5):
        nested.execute("SAVEPOINT s")
        nested.execute("UPDATE bots SET name = %s", [f"Name {turn}"])
        nested.execute("ROLLBACK TO s" if turn % 2 else "RELEASE s")
    change(traders[1], "Meanwhile")
    with as_login("tw_worker"):
        sealing.seal()
    nested.execute("COMMIT")
    assert seal_together() == 4
    assert sealed_numbers(superuser) == numbers(superuser)
    (together,) = superuser.execute(
        "SELECT count(DISTINCT xact) FROM audit_logs WHERE new_values ->> 'name' ~ '^Name'"
    ).fetchone()
    assert together == 1
    assert is_clean(verify())


def test_entries_of_another_month_and_of_none_are_sealed_by_their_month(traders, superuser, terminal):
    for name in ("Next month", "Long ago", "Far away"):
        change(traders[0], name)
    superuser.execute("SET session_replication_role = replica")
    for name, moment in (
        ("Next month", "now() + interval '1 month'"),
        ("Long ago", "'2001-02-03'"),
        ("Far away", "'2099-02-03'"),
    ):
        superuser.execute(
            f"UPDATE audit_logs SET created_at = {moment} WHERE new_values ->> 'name' = %s", [name]
        )
    assert one(superuser, "SELECT count(*) FROM audit_logs_rest") == 2
    assert seal_together() == 3
    rows = superuser.execute(
        "SELECT month::text, number FROM audit_seals WHERE round = 3 ORDER BY 1"
    ).fetchall()
    assert [row for row in rows if row[0][:4] in ("2001", "2099")] == [("2001-02-01", 1), ("2099-02-01", 1)]
    assert len(rows) == 3
    assert is_clean(verify())
    superuser.execute("UPDATE audit_logs SET action = 'x' WHERE created_at > '2090-01-01'")
    assert "Entry 12 of tenant" in verify().err


def test_more_entries_than_a_seal_holds_are_under_several_in_a_chain(traders, superuser, monkeypatch):
    monkeypatch.setattr(sealing, "LARGEST", 3)
    for turn in range(8):
        change(traders[0], f"Name {turn}")
    with tenant_context(traders[1].tenant_id):
        for turn in range(4):
            Bot.objects.update(name=f"Name {turn}")
    assert seal_together() == 12
    rows = superuser.execute(
        "SELECT number, entries FROM audit_seals WHERE tenant_id = %s ORDER BY number", [traders[0].tenant_id]
    ).fetchall()
    assert [number for number, _ in rows] == list(range(1, len(rows) + 1))
    assert sum(entries for _, entries in rows) == 11
    assert max(entries for _, entries in rows) <= 3
    assert is_clean(verify())
    change(traders[0], "And on")
    seal_together()
    assert is_clean(verify())
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("DELETE FROM audit_seals WHERE tenant_id = %s AND number = 4", [traders[0].tenant_id])
    assert "does not continue the one before it" in verify().err


def test_a_transaction_of_more_entries_than_a_round_is_sealed_in_one(traders, superuser, monkeypatch):
    monkeypatch.setattr(sealing, "MOST", 5)
    with tenant_context(traders[0].tenant_id):
        for turn in range(12):
            Bot.objects.update(name=f"Name {turn}")
    change(traders[1], "After")
    assert seal_together() == 13
    assert sealed_numbers(superuser) == numbers(superuser)
    assert is_clean(verify())


def test_where_the_head_cannot_be_kept_the_trail_is_sealed_all_the_same_and_it_is_logged(
    traders, settings, tmp_path, caplog
):
    (tmp_path / "file").write_text("")
    settings.AUDIT_HEAD_FILE = str(tmp_path / "file" / "head.json")
    change(traders[0], "New")
    assert seal_together() == 1
    assert "the head of the audit trail was not kept" in caplog.text
    assert is_clean(verify())
