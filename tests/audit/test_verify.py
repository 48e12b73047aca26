"""`verify_audit` says that nothing was altered when nothing was, and otherwise exactly what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from audit.seals import Round
from audit.tasks import seal as seal_task
from tests.audit import sealed as prepared
from tests.audit.sealed import change, is_clean, one, seal_together, verify
from tests.logins import as_login
from tradewise.secrets.signing import ensure_signing_keys, signer

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
    assert "1 is too new to be sealed yet" in said.out


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
    assert "1 finding in 9 entries" in said.err
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
    assert "3 entries under 3 seals in 1 round" in said.out
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
