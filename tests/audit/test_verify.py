"""`verify_audit` says that nothing was altered when nothing was, and otherwise exactly what."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from audit import sealing
from audit.seals import Round
from audit.tasks import seal as seal_task
from bots.models import Bot
from tests import servers
from tests.audit import sealed as prepared
from tests.audit.sealed import change, is_clean, one, run, seal_together, verify, wait_for_others
from tests.logins import as_login
from tradewise.secrets.signing import ensure_signing_keys, signer
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)
no_entry, traders, hacker = prepared.no_entry, prepared.traders, prepared.hacker  # fixtures
Superuser = psycopg.Connection[Any]
Terminal = Callable[..., psycopg.Connection[Any]]


@contextmanager
def undone(hacker: Superuser) -> Iterator[None]:
    """The trail is as it was afterwards, so that many ways of altering it need one trail."""
    tables = ("audit_logs", "audit_seals", "audit_rounds")
    for table in tables:
        hacker.execute(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}")
    yield
    for table in tables:
        hacker.execute(f"TRUNCATE {table}; INSERT INTO {table} SELECT * FROM kept_{table}")
        hacker.execute(f"DROP TABLE kept_{table}")
    assert is_clean(verify()), "a false alarm"


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


def test_a_trail_that_nobody_altered_is_clean_and_says_where_it_ends(traders):
    said = verify()
    assert is_clean(said)
    assert "9 entries under 6 seals in 2 rounds. The end is round 2" in said.out


def test_an_empty_trail_is_clean(no_entry):
    assert is_clean(verify())


def test_what_is_too_new_to_be_sealed_is_told_and_is_no_finding(traders):
    change(traders[0], "New")
    said = verify()
    assert is_clean(said)
    assert "1 more are so new" in said.out


def test_entries_that_wait_for_long_raise_a_question(traders, superuser):
    change(traders[0], "New")
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("UPDATE audit_logs SET created_at = created_at - interval '11 minutes' WHERE id = 10")
    said = verify()
    assert said.code == 0
    assert "does the worker run, and does a transaction stay open?" in said.err


def test_an_altered_entry_is_named_with_its_tenant(hacker, traders):
    number = one(hacker, "SELECT max(id) FROM audit_logs WHERE tenant_id = %s", traders[1].tenant_id)
    hacker.execute('UPDATE audit_logs SET new_values = \'{"name": "forged"}\' WHERE id = %s', [number])
    said = verify()
    assert said.code == 1
    assert f"Entry {number} of tenant {traders[1].tenant_id} was altered." in said.err
    assert "1 findings in 9 entries" in said.err
    assert said.out == ""


def test_an_entry_at_an_impossible_time_is_named_too(hacker):
    for moment in ("infinity", "-infinity", "294276-01-01", "4000-01-01 BC"):
        with undone(hacker):
            hacker.execute("UPDATE audit_logs SET created_at = %s WHERE id = 5", [moment])
            said = verify()
            assert said.code == 1
            assert "Entry 5 of tenant" in said.err


def test_one_tenants_trail_is_verified_without_the_others(hacker, traders):
    number = one(hacker, "SELECT max(id) FROM audit_logs WHERE tenant_id = %s", traders[1].tenant_id)
    hacker.execute("DELETE FROM audit_logs WHERE id = %s", [number])
    said = verify("--tenant", traders[0].tenant_id)
    assert is_clean(said)
    assert "3 entries under 2 seals" in said.out
    said = verify("--tenant", traders[1].tenant_id)
    assert said.code == 1
    assert f"Entry {number} of tenant {traders[1].tenant_id} was deleted" in said.err


def test_what_was_sealed_since_is_verified_without_what_was_before(hacker, traders):
    second = one(hacker, "SELECT sealed_at FROM audit_rounds WHERE number = 2")
    hacker.execute("UPDATE audit_logs SET actor = 'staff:1' WHERE id = 1")
    said = verify("--from", second.isoformat())
    assert is_clean(said)
    assert "3 entries under 3 seals in 1 rounds" in said.out
    assert verify("--from", (second - timedelta(minutes=5)).isoformat()).code == 1
    hacker.execute("UPDATE audit_logs SET actor = 'staff:1' WHERE id = 9")
    assert "Entry 9" in verify("--from", second.isoformat()).err


def test_since_a_time_that_has_not_come_nothing_waits_and_nothing_is_found(traders):
    """It is not taken for a trail of which nothing is sealed."""
    said = verify("--from", (datetime.now(UTC) + timedelta(days=1)).isoformat())
    assert is_clean(said)
    assert "0 entries under 0 seals in 0 rounds. The end is round 2" in said.out


def test_a_clock_that_was_set_back_raises_no_false_alarm(traders, superuser, audit_keys):
    """Rounds 3 and 4 follow, and the third says that it was before the second."""
    change(traders[0], "Third")
    seal_together()
    change(traders[0], "Fourth")
    seal_together()
    resign_round(
        superuser, 3, sealed_at=one(superuser, "SELECT sealed_at FROM audit_rounds WHERE number = 1")
    )
    (second,) = superuser.execute("SELECT sealed_at FROM audit_rounds WHERE number = 2").fetchone()
    assert is_clean(verify())
    assert is_clean(verify("--from", second.isoformat()))


def resign_round(superuser: Superuser, number: int, **changed: Any) -> None:
    """What the worker would have written; the round after it is chained anew as well."""
    superuser.execute("SET session_replication_role = replica")
    key = signer()
    previous: bytes | None = None
    for row in superuser.execute(
        """SELECT number, xact_from, xact_to, months, sealed_at, previous FROM audit_rounds
           WHERE number >= %s ORDER BY number""",
        [number],
    ).fetchall():
        this = Round(*row)
        this = this._replace(**changed) if this.number == number else this._replace(previous=previous or b"")
        previous = this.hash
        superuser.execute(
            "UPDATE audit_rounds SET sealed_at = %s, previous = %s, hash = %s, signature = %s WHERE number = %s",
            [this.sealed_at, this.previous, this.hash, key.sign(this.hash), this.number],
        )
    Path(settings.AUDIT_HEAD_FILE).unlink()


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01"])
def test_a_moment_that_is_none_is_refused(db, text):
    assert "is no day or moment" in verify("--from", text).err


SEALS = {
    "leaves": ("leaves = set_byte(leaves, 30, get_byte(leaves, 30) # 1)", "was altered"),
    "hash": ("hash = sha256(hash)", "was altered"),
    "signature": ("signature = set_byte(signature, 3, get_byte(signature, 3) # 1)", "is not signed by us"),
    "signature cut": ("signature = ''", "is not signed by us"),
    "key": ("key_id = '0123456789abcdef'", "is not signed by us"),
    "number": ("number = 77", "was altered"),
    "previous": ("previous = sha256(previous)", "was altered"),
    "round": ("round = 1", "was altered"),
    "month": ("month = month - interval '1 month'", "was altered"),
    "tenant": ("tenant_id = gen_random_uuid()", "was altered"),
}


def test_an_edited_seal_is_found(hacker, traders):
    for what, (edit, sentence) in SEALS.items():
        with undone(hacker):
            hacker.execute(
                f"UPDATE audit_seals SET {edit} WHERE tenant_id = %s AND number = 2", [traders[1].tenant_id]
            )
            said = verify()
            assert said.code == 1, what
            assert sentence in said.err, what
            assert str(traders[1].tenant_id) in said.err or what == "tenant", what


def test_a_deleted_seal_is_found_and_the_entries_under_it_are_named(hacker, traders):
    hacker.execute("DELETE FROM audit_seals WHERE tenant_id = %s AND number = 1", [traders[1].tenant_id])
    said = verify()
    assert said.code == 1
    assert "The seals of round 1 over" in said.err
    assert "2 of 3 with 4 of 6 entries" in said.err
    assert "does not continue the one before it" in said.err
    assert said.err.count("was inserted after its time had been sealed") == 2


def test_a_tenant_that_was_taken_out_whole_is_missed(hacker, traders):
    for trader in traders:
        with undone(hacker):
            for table in ("audit_logs", "audit_seals"):
                hacker.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [trader.tenant_id])
            said = verify()
            assert said.code == 1
            assert "The seals of round 1 over" in said.err
            assert "The seals of round 2 over" in said.err
            assert "The seals of round" in verify("--tenant", trader.tenant_id).err


ROUNDS = {
    "xact_from = xact_from - 1": "Round 2 (",
    "xact_to = xact_to + 1": "was altered",
    "sealed_at = sealed_at - interval '1 hour'": "was altered",
    "hash = sha256(hash)": "was altered",
    "signature = sha512(signature)": "is not signed by us",
    "key_id = ''": "is not signed by us",
    "sealed_at = 'infinity'": "cannot be read to its end",
    "number = 3": "The rounds from 2 to 2 are missing",
    "months = '{}'": "Seals over",
    "months = '[]'": "was altered",
    "months = '5'": "was altered",
    """months = '{"2026-01-01": 5}'""": "was altered",
    """months = '{"2026-01-01": {"seals": "x", "entries": null}}'""": "was altered",
}


def test_an_edited_round_is_found(hacker):
    for edit, sentence in ROUNDS.items():
        with undone(hacker):
            hacker.execute(f"UPDATE audit_rounds SET {edit} WHERE number = 2")
            said = verify()
            assert said.code == 1, edit
            assert sentence in said.err, edit


def test_a_deleted_round_is_found(hacker):
    for number, sentence in ((1, "from 1 to 1 are missing"), (2, "is cut off")):
        with undone(hacker):
            hacker.execute("DELETE FROM audit_rounds WHERE number = %s", [number])
            said = verify()
            assert said.code == 1
            assert sentence in said.err


def cut_off(hacker: Superuser) -> None:
    """The last round goes without a trace: with its seals and its entries."""
    begin = one(hacker, "SELECT xact_from FROM audit_rounds WHERE number = 2")
    hacker.execute("DELETE FROM audit_logs WHERE xact >= %s", [begin])
    hacker.execute("DELETE FROM audit_seals WHERE round = 2")
    hacker.execute("DELETE FROM audit_rounds WHERE number = 2")


def test_an_end_that_was_cut_off_is_found_by_the_head_that_is_kept_here(hacker, settings):
    cut_off(hacker)
    said = verify()
    assert said.code == 1
    assert f"The chain up to round 2, which {settings.AUDIT_HEAD_FILE} knows, is cut off." in said.err


def test_an_end_that_was_cut_off_is_found_by_heads_that_were_kept_elsewhere(
    traders, hacker, tmp_path, settings
):
    elsewhere = tmp_path / "elsewhere.jsonl"
    said = run("export_audit_heads", "--output", elsewhere)
    assert "4 heads up to round 2 are in" in said.out
    assert is_clean(verify("--heads", elsewhere))
    cut_off(hacker)
    Path(settings.AUDIT_HEAD_FILE).unlink()
    assert is_clean(verify())  # nothing here knows better
    said = verify("--heads", elsewhere)
    assert said.code == 1
    assert "The chain up to round 2" in said.err
    for trader in traders:
        assert f"The trail of {trader.tenant_id} over" in said.err
    # The worker goes on, and the second round is another now.
    change(traders[0], "Other history")
    seal_together()
    assert "is another than the one that" in verify("--heads", elsewhere).err


def test_heads_are_printed_where_no_file_is_named(traders):
    lines = [json.loads(line) for line in run("export_audit_heads").out.splitlines()]
    assert lines[0]["round"] == 2
    assert {line["tenant_id"] for line in lines[1:]} == {str(trader.tenant_id) for trader in traders}
    assert {line["number"] for line in lines[1:]} == {2}


def test_heads_are_refused_in_words_where_there_are_none_or_no_place(traders, superuser, tmp_path):
    said = run("export_audit_heads", "--output", tmp_path)
    assert "is not written: Is a directory" in said.err
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("DELETE FROM audit_rounds")
    assert "Nothing is sealed yet" in run("export_audit_heads").err


def test_garbage_among_the_heads_is_told_line_by_line(traders, tmp_path):
    heads = tmp_path / "heads.jsonl"
    good, *_, seal = run("export_audit_heads").out.splitlines()
    other = json.loads(good)
    garbage = [
        "garbage",
        "5",
        "null",
        "[]",
        '"text"',
        "{}",
        json.dumps({**other, "hash": "xyz"}),
        json.dumps({**other, "hash": 5}),
        json.dumps({**other, "round": "two"}),
        json.dumps({**json.loads(seal), "tenant_id": "'; DROP TABLE users; --"}),
        json.dumps({**json.loads(seal), "month": "2026-99-99"}),
        json.dumps({**json.loads(seal), "number": None}),
        "\ufffd\x00",
    ]
    unsigned = [
        json.dumps({**other, "signature": "00" * 64}),
        json.dumps({**other, "key_id": "unknown"}),
        json.dumps({**other, "hash": "00" * 32}),
    ]
    lying = [json.dumps({**other, "round": 1}), json.dumps({**other, "round": 10**12})]
    heads.write_text("\n".join([good, "", *garbage, *unsigned, *lying, seal]), encoding="utf-8")
    said = verify("--heads", heads, "--all")
    assert said.code == 1
    assert said.err.count("holds a line that is no head") == len(garbage)
    assert said.err.count("not signed by us") == len(unsigned)
    assert "round 1 is another than" in said.err
    assert f"round {10**12}, which" in said.err
    assert f"{len(garbage) + len(unsigned) + len(lying)} findings" in said.err


def test_heads_that_are_not_there_are_no_heads_that_agree(traders, tmp_path):
    """A name that is mistyped would otherwise say that nothing was altered."""
    said = verify("--heads", tmp_path / "mistyped.jsonl")
    assert said.code == 1
    assert "mistyped.jsonl cannot be read: No such file" in said.err


def test_a_round_that_another_key_signed_is_found(hacker, tmp_path, monkeypatch):
    """Somebody who has the database and a key of their own goes on with the chain."""
    row = hacker.execute("SELECT number, xact_to, hash FROM audit_rounds ORDER BY 1 DESC LIMIT 1").fetchone()
    ensure_signing_keys(tmp_path / "theirs")
    forged = Round(row[0] + 1, row[1], row[1] + 5, {}, datetime.now(UTC), bytes(row[2]))
    with monkeypatch.context() as theirs:
        theirs.setenv("AUDIT_SIGNING_KEY_FILE", str(tmp_path / "theirs" / "audit.key"))
        key = signer()
    hacker.execute(
        "INSERT INTO audit_rounds VALUES (%s, %s, %s, '{}', %s, %s, %s, %s, %s)",
        [*forged[:3], *forged[4:], forged.hash, key.key_id, key.sign(forged.hash)],
    )
    said = verify()
    assert said.code == 1
    assert "Round 3 (" in said.err
    assert "is not signed by us" in said.err


def test_a_trail_that_was_sealed_anew_with_another_key_is_found(hacker, traders, tmp_path, monkeypatch):
    """All seals and rounds are thrown away and made again, over entries that were altered before."""
    hacker.execute("UPDATE audit_logs SET actor = 'staff:1'")
    hacker.execute("DELETE FROM audit_seals; DELETE FROM audit_rounds")
    ensure_signing_keys(tmp_path / "theirs")
    with monkeypatch.context() as theirs:
        theirs.setenv("AUDIT_SIGNING_KEY_FILE", str(tmp_path / "theirs" / "audit.key"))
        seal_together()
    said = verify()
    assert said.code == 1
    assert "is not signed by us" in said.err


def test_a_key_that_was_changed_leaves_what_the_old_one_signed(traders, audit_keys):
    (audit_keys / "audit.key").unlink()
    ensure_signing_keys(audit_keys)
    change(traders[0], "Under a new key")
    seal_together()
    said = verify()
    assert is_clean(said)
    assert "in 3 rounds" in said.out


def test_a_trigger_that_is_off_is_told(traders, superuser):
    superuser.execute("ALTER TABLE bots DISABLE TRIGGER audit_changed")
    try:
        said = verify()
    finally:
        superuser.execute("ALTER TABLE bots ENABLE TRIGGER audit_changed")
    assert said.code == 1
    assert "Changes of bots leave no trace: its trigger audit_changed is missing or disabled." in said.err
    assert is_clean(verify())


def test_without_keys_there_is_a_sentence_and_no_verdict(traders, monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("AUDIT_PUBLIC_KEYS_FILE", str(tmp_path / "none"))
    said = verify()
    assert said.code == 1
    assert "Cannot read the key file" in said.err
    change(traders[0], "New")
    monkeypatch.setenv("AUDIT_SIGNING_KEY_FILE", str(tmp_path / "none"))
    with as_login("tw_worker"):
        seal_task()
    assert "the audit trail is not sealed: Cannot read the key file" in caplog.text
    assert caplog.records[-1].levelname == "CRITICAL"


def test_many_findings_are_counted_and_all_are_shown_when_asked_for(hacker, monkeypatch):
    monkeypatch.setattr("audit.management.commands.verify_audit.SHOWN", 4)
    hacker.execute("UPDATE audit_logs SET action = 'x'")
    assert "… and 5 more; --all shows them." in verify().err
    said = verify("--all")
    assert said.err.count("was altered") == 9
    assert "9 findings" in said.err


# Sealing, with others at work.


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
    with as_login("tw_worker"):
        assert sealing.seal_round(signer()) > 0  # and then it was gone
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
