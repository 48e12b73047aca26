"""`manage.py verify_audit`: whether the audit trail is as it was written."""

import uuid
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import archiving, inspection
from audit.reading import everything
from audit.verification import Finding, Report, Walk
from tradewise.secrets import KeyTrouble
from tradewise.secrets.signing import Verifier, verifier

#: Findings that are printed unless all are asked for.
SHOWN = 200
#: An entry that waits for its seal for so long says that nobody seals.
WAITS = timedelta(minutes=10)


def moment(text: str) -> datetime:
    """A day or a moment; UTC where it names no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day or moment, such as 2026-11-01") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Command(BaseCommand):
    """Walks every entry, seal and round, says exactly what was altered, and exits 1 where anything was."""

    help = "Compare the audit trail with its seals. Needs the login of backups and the public audit key."

    def add_arguments(self, parser: CommandParser) -> None:
        """All of it, or a part; and what was kept elsewhere."""
        parser.add_argument("--tenant", type=uuid.UUID, help="the entries of this tenant alone")
        parser.add_argument(
            "--from", type=moment, dest="since", help="what was sealed since (a day or a moment, UTC)"
        )
        parser.add_argument("--heads", type=Path, help="a file of export_audit_heads that was kept elsewhere")
        parser.add_argument("--archive", type=Path, help="a file of archive_audit, which needs no database")
        parser.add_argument("--all", action="store_true", help=f"print every finding, not only {SHOWN}")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print what was walked and found."""
        try:
            keys = verifier()
        except KeyTrouble as trouble:
            raise CommandError(str(trouble)) from trouble
        archive = options["archive"]
        report = archiving.verify_file(archive, keys) if archive else _walk(keys, options)
        self._tell(report, show_all=options["all"])

    def _tell(self, report: Report, *, show_all: bool) -> None:
        for finding in report.findings if show_all else report.findings[:SHOWN]:
            self.stderr.write(_sentence(finding))
        if not show_all and len(report.findings) > SHOWN:
            self.stderr.write(f"… and {len(report.findings) - SHOWN} more; --all shows them.")
        walked = (
            f"{_count(report.entries, 'entry', 'entries')} under {_count(report.seals, 'seal', 'seals')} "
            f"in {_count(report.rounds, 'round', 'rounds')}"
        )
        if report.oldest_unsealed and datetime.now(UTC) - report.oldest_unsealed > WAITS:
            self.stderr.write(
                f"{report.unsealed} entries wait for a seal, the oldest since {report.oldest_unsealed:%Y-%m-%d %H:%M}: "
                "does the worker run, and does a transaction stay open?"
            )
        elif report.unsealed:
            walked += f"; {_count(report.unsealed, 'is', 'are')} too new to be sealed yet"
        if report.findings:
            raise CommandError(
                f"{_count(len(report.findings), 'finding', 'findings')} in {walked}.", returncode=1
            )
        end = f" The end is round {report.head[0]}, {report.head[1][:16]}." if report.head[0] else ""
        self.stdout.write(f"Nothing was altered: {walked}.{end}")


def _walk(keys: Verifier, options: dict[str, Any]) -> Report:
    kept_here = Path(settings.AUDIT_HEAD_FILE)
    try:
        with everything() as connection:
            walk = Walk(connection, keys, tenant_id=options["tenant"], since=options["since"])
            report = walk.run()
            if options["heads"]:
                walk.compare_heads(_lines(options["heads"]), str(options["heads"]))
            if kept_here.exists():
                walk.compare_heads(_lines(kept_here), str(kept_here))
            report.findings += [Finding(sentence) for sentence in inspection.problems(connection)]
    except OSError as trouble:
        raise CommandError(f"{trouble.filename} cannot be read: {trouble.strerror}.") from trouble
    except psycopg.Error as trouble:
        raise CommandError(f"The trail cannot be read to its end: {trouble}", returncode=1) from trouble
    return report


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _sentence(finding: Finding) -> str:
    of = f" of tenant {finding.tenant_id}" if finding.tenant_id else ""
    if finding.entry is not None:
        return f"Entry {finding.entry}{of} {finding.sentence}."
    return f"{finding.sentence.removesuffix('.')}{of and f' ({of.strip()})'}."
