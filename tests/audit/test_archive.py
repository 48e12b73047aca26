"""Months of the trail become files that can be verified, and leave the database only then."""

import gzip
import json
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit.seals import archive_message
from tests.audit import old_month as month
from tests.audit import sealed as prepared
from tests.audit.old_month import FEBRUARY, LONG_AGO, MAKE, Superuser, archive, is_there
from tests.audit.sealed import is_clean, one, run, verify
from tests.logins import as_login
from tradewise.secrets.signing import ensure_signing_keys, signer

pytestmark = pytest.mark.django_db(transaction=True)
no_entry, traders, hacker = prepared.no_entry, prepared.traders, prepared.hacker  # fixtures


old, directory, file, archived = month.old, month.directory, month.file, month.archived  # fixtures


def test_months_are_listed_and_nothing_is_changed_without_apply(old, directory):
    said = archive()
    assert said.out == "These months would be archived: 2024-02, 2024-03. Run again with --apply.\n"
    assert is_there(old)
    assert not directory.exists()
    assert one(old, "SELECT count(*) FROM audit_archives") == 0
    assert is_clean(verify())


def test_only_whole_months_that_are_old_enough_are_taken(old):
    with as_login("tw_migrator"):
        assert "No month is old enough" in run("archive_audit", "--older-than", 1200, "--apply").out
        assert "Keep at least one whole month" in run("archive_audit", "--older-than", 0, "--apply").err
    assert is_there(old)


def test_a_month_is_written_verified_and_dropped_and_the_rest_is_clean(old, file):
    said = archive("--apply")
    assert said.err == ""
    assert f"2024-02: 9 entries are in {file}, verified, and out of the database." in said.out
    assert "2024-03: 9 entries are in" in said.out
    for table in (FEBRUARY, "audit_logs_202403", "audit_seals_202402", "audit_seals_202403"):
        assert not is_there(old, table)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert sorted(path.name for path in file.parent.iterdir()) == [file.name, "audit-2024-03.jsonl.gz"]
    assert one(old, "SELECT count(*) FROM audit_logs") == 9 + 2  # and that it was archived, twice
    said = verify()
    assert is_clean(said)
    assert "No month is old enough" in archive("--apply").out


def test_that_a_month_was_archived_stands_in_the_trail_and_in_a_note_that_is_signed(old, archived):
    row = old.execute(
        """SELECT tenant_id::text, login, resource_id, new_values FROM audit_logs
           WHERE action = 'audit.archive' ORDER BY id LIMIT 1"""
    ).fetchone()
    assert row[:3] == ("00000000-0000-0000-0000-000000000000", "tw_migrator", "2024-02")
    assert row[3].keys() == {"month", "entries", "file", "sha256"}
    assert row[3]["entries"] == 9
    note = old.execute(
        "SELECT month, entries, seals, sha256 FROM audit_archives ORDER BY month LIMIT 1"
    ).fetchone()
    assert note[:3] == (LONG_AGO[0], 9, 3)
    assert note[3].hex() == row[3]["sha256"]


def test_heads_that_were_kept_before_agree_with_a_trail_of_which_a_month_is_archived(old, tmp_path):
    run("export_audit_heads", "--output", tmp_path / "heads")
    archive("--apply")
    assert is_clean(verify("--heads", tmp_path / "heads"))


def test_a_file_is_verified_with_the_public_key_alone(archived, audit_keys, monkeypatch):
    monkeypatch.delenv("AUDIT_SIGNING_KEY_FILE")
    (audit_keys / "audit.key").unlink()
    said = verify("--archive", archived)
    assert is_clean(said)
    assert "9 entries under 3 seals" in said.out


# What is not archived.


def alter(hacker: Superuser) -> None:
    hacker.execute(f"UPDATE {FEBRUARY} SET actor = 'staff:1' WHERE id = (SELECT min(id) FROM {FEBRUARY})")


def leave_unsealed(hacker: Superuser) -> None:
    hacker.execute(
        """INSERT INTO audit_logs (tenant_id, actor, action, resource_type, created_at)
           VALUES ('00000000-0000-0000-0000-000000000000', 'x', 'x', 'x', '2024-02-20')"""
    )


REFUSED: dict[str, tuple[Callable[[Superuser], None], str]] = {
    "altered": (alter, "1 findings. manage.py verify_audit names them."),
    "unsealed": (leave_unsealed, "1 of its entries are not sealed yet."),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_month_that_is_not_as_it_was_sealed_is_not_archived(old, file, why):
    spoil, sentence = REFUSED[why]
    spoil(old)
    said = archive("--apply")
    assert said.code == 1
    assert said.err == f"2024-02 is not archived: {sentence}"
    assert said.out == ""
    assert is_there(old)
    assert is_there(old, "audit_logs_202403")
    assert not file.exists()
    assert one(old, "SELECT count(*) FROM audit_archives") == 0


def test_a_month_of_which_entries_lie_in_the_last_table_is_not_archived(old, file):
    """It has no partition of its seals then either."""
    with old.transaction():
        old.execute(f"ALTER TABLE audit_logs DETACH PARTITION {FEBRUARY}")
        old.execute(f"INSERT INTO audit_logs SELECT * FROM {FEBRUARY}")
        old.execute(f"DELETE FROM {FEBRUARY}; ALTER TABLE {FEBRUARY} RENAME TO aside")
    try:
        # A table of that name and no more than that: as if somebody had tried to make room.
        old.execute(
            f"""CREATE TABLE {FEBRUARY} PARTITION OF audit_logs
                FOR VALUES FROM ('2024-02-01 UTC') TO ('2024-02-01 00:00:01 UTC')"""
        )
        old.execute("SELECT audit_close(%s)", [FEBRUARY])
        said = archive("--apply")
    finally:
        old.execute("DROP TABLE aside")
    assert said.code == 1
    assert said.err == "2024-02 is not archived: some of its entries lie in audit_logs_rest."
    assert is_there(old)
    assert not file.exists()
    assert is_clean(verify())


def test_a_directory_that_cannot_be_written_is_told_and_the_month_stays(old, directory):
    directory.write_text("a file in its place")
    said = archive("--apply")
    assert said.code == 1
    assert "2024-02 is not archived" in said.err
    assert is_there(old)
    assert is_clean(verify())


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("limit", [0, 500])
def test_a_full_disk_leaves_the_month_where_it_is_and_no_half_file(old, directory, limit):
    with as_login("tw_migrator"), full_disk(limit):
        said = run("archive_audit", "--older-than", 12, "--apply")
    assert said.code == 1
    assert "File too large" in said.err
    assert is_there(old)
    assert list(directory.iterdir()) == []
    assert is_clean(verify())
    assert archive("--apply").code == 0


@pytest.mark.parametrize("missing", ["AUDIT_SIGNING_KEY_FILE", "AUDIT_PUBLIC_KEYS_FILE"])
def test_without_its_keys_nothing_is_archived(old, directory, missing, monkeypatch, tmp_path):
    monkeypatch.setenv(missing, str(tmp_path / "none"))
    said = archive("--apply")
    assert said.code == 1
    assert "Without the keys of the audit trail nothing is archived. Cannot read the key file" in said.err
    assert is_there(old)
    assert not directory.exists()


def test_a_month_that_somebody_reads_stays_until_nobody_does(old, file):
    """Who waits to drop a table keeps everybody waiting, so it does not wait for long."""
    with old.transaction():
        old.execute(f"LOCK TABLE {FEBRUARY} IN ACCESS SHARE MODE")
        said = archive("--apply")
    assert said.code == 1
    assert "2024-02 is not archived, and the file lies in" in said.err
    assert "lock timeout" in said.err
    assert is_there(old)
    assert is_clean(verify())
    assert archive("--apply").code == 0
    assert not is_there(old)
    assert is_clean(verify("--archive", file))


def test_a_run_that_crashed_between_the_file_and_the_drop_goes_on(old, file):
    assert archive("--apply").code == 0
    content = file.read_bytes()
    # The same month again, as it was before the drop.
    assert not is_there(old)
    restore(old, file)
    assert is_there(old)
    assert is_clean(verify())
    said = archive("--apply")
    assert said.err == ""
    assert not is_there(old)
    assert file.read_bytes() == content
    assert is_clean(verify())


def restore(hacker: Superuser, file: Path) -> None:
    """February of the file in the database again, and no word of an archive."""
    month, following = LONG_AGO
    hacker.execute(MAKE.format(part="202402", month=month, next=following))
    hacker.execute("DELETE FROM audit_archives WHERE month = %s", [month])
    for line in gzip.decompress(file.read_bytes()).decode().splitlines()[1:-1]:
        told = json.loads(line)
        if isinstance(told, dict):
            hacker.execute(
                """INSERT INTO audit_seals VALUES (%(tenant)s, '2024-02-01', %(number)s, %(round)s, %(entries)s,
                   decode(%(leaves)s, 'base64'), decode(%(previous)s, 'hex'), decode(%(hash)s, 'hex'), %(key_id)s,
                   decode(%(signature)s, 'hex'))""",
                told,
            )
        else:
            hacker.execute(
                """INSERT INTO audit_logs (id, tenant_id, actor, action, resource_type, resource_id, old_values,
                       new_values, ip_address, user_agent, created_at, login, xact, user_id)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'epoch'::timestamptz + %s * interval '1 microsecond',
                       %s, %s, %s)""",
                [*told, told[2]],
            )


def test_a_file_of_that_name_that_holds_something_else_is_not_taken_for_the_month(old, file):
    file.parent.mkdir(parents=True)
    for content in (b"", b"garbage", gzip.compress(b"{}\n")):
        file.write_bytes(content)
        said = archive("--apply")
        assert said.code == 1
        assert "does not hold what the database does. Move it away." in said.err
        assert is_there(old)
        assert file.read_bytes() == content


def test_an_empty_month_is_archived_as_one(old, file):
    old.execute("DROP TABLE audit_logs_202403, audit_seals_202403")
    old.execute(
        """DELETE FROM audit_logs WHERE created_at < '2024-03-01'; DELETE FROM audit_seals; DELETE FROM audit_rounds;
           DELETE FROM audit_logs"""
    )
    said = archive("--apply")
    assert said.err == ""
    assert "2024-02: 0 entries" in said.out
    assert not is_there(old)


# What is dropped past the command.


def test_a_month_that_was_dropped_without_a_note_is_missed(old):
    old.execute("DROP TABLE audit_logs_202402, audit_seals_202402")
    said = verify()
    assert said.code == 1
    assert "over 2024-02 are not those that were made: 0 of 3 with 0 of 9 entries." in said.err


def test_entries_that_were_dropped_without_their_seals_are_named(old):
    gone = [number for (number,) in old.execute(f"SELECT id FROM {FEBRUARY}").fetchall()]
    old.execute(f"DROP TABLE {FEBRUARY}")
    said = verify()
    assert said.code == 1
    for number_ in gone:
        assert f"Entry {number_} of tenant" in said.err


def test_a_note_that_another_key_signed_hides_nothing(old, tmp_path, monkeypatch):
    ensure_signing_keys(tmp_path / "theirs")
    with monkeypatch.context() as theirs:
        theirs.setenv("AUDIT_SIGNING_KEY_FILE", str(tmp_path / "theirs" / "audit.key"))
        key = signer()
    old.execute("DROP TABLE audit_logs_202402, audit_seals_202402")
    signature = key.sign(archive_message(LONG_AGO[0], 9, 3, b"x" * 32))
    old.execute(
        "INSERT INTO audit_archives VALUES (%s, 9, 3, 'f', %s, now(), %s, %s)",
        [LONG_AGO[0], b"x" * 32, key.key_id, signature],
    )
    said = verify()
    assert said.code == 1
    assert "The note that 2024-02 was archived is not signed by us." in said.err
    assert "over 2024-02 are not those that were made" in said.err


def test_a_note_of_one_month_hides_no_other(old, archived):
    """Ours, with another month written into it."""
    old.execute("UPDATE audit_archives SET month = '2024-04-01' WHERE month = '2024-02-01'")
    said = verify()
    assert said.code == 1
    assert "The note that 2024-04 was archived is not signed by us." in said.err
    assert "over 2024-02 are not those that were made" in said.err


def test_the_end_of_a_file_is_no_note(old, archived):
    """Its signature is over the same numbers, and for another purpose."""
    end = json.loads(gzip.decompress(archived.read_bytes()).decode().splitlines()[-1])
    old.execute(
        "UPDATE audit_archives SET signature = decode(%s, 'hex') WHERE month = '2024-02-01'",
        [end["signature"]],
    )
    assert "The note that 2024-02 was archived is not signed by us." in verify().err


def test_what_is_written_into_a_month_that_is_archived_is_found(old, archived):
    old.execute("UPDATE audit_logs SET created_at = '2024-02-20' WHERE id = 1")
    said = verify()
    assert said.code == 1
    assert "Entry 1 of tenant" in said.err
