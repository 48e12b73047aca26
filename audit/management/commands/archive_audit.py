"""`manage.py archive_audit --older-than MONTHS`: old months of the trail, out of the database and into files."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from django.db import connection as owner

from audit import archiving, ledger
from audit.commanding import by_ops
from audit.reading import everything
from audit.seals import archive_message
from audit.verification import Walk
from tradewise.secrets import KeyTrouble
from tradewise.secrets.signing import Signer, Verifier, signer, verifier
from tradewise.tenancy.context import PLATFORM

MONTHS: Final[LiteralString] = """
SELECT to_date(right(c.relname, 6), 'YYYYMM') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'audit_logs'::regclass AND c.relname ~ '^audit_logs_[0-9]{6}$' ORDER BY 1
"""
STRAY: Final[LiteralString] = """
SELECT count(*) FROM audit_logs_rest WHERE date_trunc('month', created_at AT TIME ZONE 'UTC')::date = %s
"""
COUNTED: Final[LiteralString] = """
SELECT (SELECT count(*) FROM audit_logs WHERE created_at >= %(month)s::timestamp AT TIME ZONE 'UTC'
            AND created_at < (%(month)s + interval '1 month') AT TIME ZONE 'UTC'),
    (SELECT count(*) FROM audit_seals WHERE month = %(month)s),
    (SELECT count(*) FROM audit_logs WHERE created_at >= %(month)s::timestamp AT TIME ZONE 'UTC'
        AND created_at < (%(month)s + interval '1 month') AT TIME ZONE 'UTC'
        AND xact >= coalesce((SELECT max(xact_to) FROM audit_rounds), 0))
"""


class Command(BaseCommand):
    """Lists the months by default. With --apply each is verified, written, read back and only then dropped."""

    help = "Move months of the audit trail with their seals into verifiable files."

    def add_arguments(self, parser: CommandParser) -> None:
        """How old, and where to."""
        parser.add_argument(
            "--older-than", type=int, required=True, metavar="MONTHS", help="whole months to keep"
        )
        parser.add_argument("--directory", type=Path, default=Path(settings.AUDIT_ARCHIVE_DIRECTORY))
        parser.add_argument("--apply", action="store_true", help="do it; without, only list")

    def handle(self, *_: Any, **options: Any) -> None:
        """Month by month: one that fails stops the rest and stays where it was."""
        if options["older_than"] < 1:
            raise CommandError("Keep at least one whole month: --older-than 1.")
        with everything() as connection:
            months = _months(connection, options["older_than"])
            connection.rollback()
            if not months:
                self.stdout.write("No month is old enough.")
                return
            if not options["apply"]:
                names = ", ".join(f"{month:%Y-%m}" for month in months)
                self.stdout.write(f"These months would be archived: {names}. Run again with --apply.")
                return
            try:
                keys, key = verifier(), signer()
            except KeyTrouble as trouble:
                raise CommandError(
                    f"Without the keys of the audit trail nothing is archived. {trouble}"
                ) from trouble
            for month in months:
                path = options["directory"] / f"audit-{month:%Y-%m}.jsonl.gz"
                entries = _archive(connection, month, path, keys, key)
                self.stdout.write(
                    f"{month:%Y-%m}: {entries} entries are in {path}, verified, and out of the database."
                )


def _months(connection: psycopg.Connection[Any], keep: int) -> list[date]:
    today = datetime.now(UTC).date()
    limit = today.year * 12 + today.month - 1 - keep
    return [month for (month,) in connection.execute(MONTHS) if month.year * 12 + month.month - 1 < limit]


def _archive(
    connection: psycopg.Connection[Any], month: date, path: Path, keys: Verifier, key: Signer
) -> int:
    """Raises CommandError with the reason, and then the month is in the database as it was."""
    name = f"{month:%Y-%m}"
    report = Walk(connection, keys, month=month).run()
    if report.findings:
        raise CommandError(
            f"{name} is not archived: {len(report.findings)} findings. manage.py verify_audit names them.",
            returncode=1,
        )
    entries, seals = _count(connection, month)
    try:
        if not path.exists():  # an earlier run may have written it and got no further
            archiving.write_file(connection, month, path, key)
    except OSError as trouble:
        raise CommandError(f"{name} is not archived: {path}: {trouble.strerror or trouble}.") from trouble
    written = archiving.verify_file(path, keys)
    if written.findings or not report.entries == entries == written.entries or written.seals != seals:
        raise CommandError(
            f"{name} is not archived: {path} does not hold what the database does. Move it away."
        )
    try:
        _drop(month, path, (entries, seals), key)
    except Error as trouble:
        raise CommandError(
            f"{name} is not archived, and the file lies in {path}. Run it again: {trouble}"
        ) from trouble
    return entries


def _count(connection: psycopg.Connection[Any], month: date) -> tuple[int, int]:
    """Entries and seals of a month that can go. Raises CommandError where something of it would not."""
    stray = connection.execute(STRAY, [month]).fetchone()
    row = connection.execute(COUNTED, {"month": month}).fetchone()
    connection.rollback()
    assert row is not None
    entries, seals, unsealed = row
    if stray != (0,):
        raise CommandError(f"{month:%Y-%m} is not archived: some of its entries lie in audit_logs_rest.")
    if unsealed:
        raise CommandError(f"{month:%Y-%m} is not archived: {unsealed} of its entries are not sealed yet.")
    return entries, seals


def _drop(month: date, path: Path, counted: tuple[int, int], key: Signer) -> None:
    """Both partitions go with the note that says so, or neither does."""
    entries, seals = counted
    digest = archiving.sha256_of(path)
    signature = key.sign(archive_message(month, entries, seals, digest))
    part = f"{month:%Y%m}"
    told = {"month": f"{month:%Y-%m}", "entries": entries, "file": path.name, "sha256": digest.hex()}
    with by_ops(PLATFORM), owner.cursor() as cursor:
        # Who waits for readers of the trail keeps every writer waiting behind: rather later than that.
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(f"LOCK TABLE audit_logs_{part}, audit_seals_{part} IN SHARE MODE")
        cursor.execute(
            "SELECT audit_add_archive(%s, %s, %s, %s, %s, %s, %s)",
            [month, entries, seals, path.name, digest, key.key_id, signature],
        )
        cursor.execute(f"DROP TABLE audit_logs_{part}, audit_seals_{part}")
        ledger.event("audit.archive", resource="trail", key=f"{month:%Y-%m}", new=told)
