"""`manage.py resume_audit`: go on with the trail on a server that was restored from a dump."""

import re
from typing import Any, Final, LiteralString

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from django.db import connection as owner

from audit import ledger
from audit.commanding import by_ops
from audit.reading import everything
from tradewise.tenancy.context import PLATFORM

NOW: Final[LiteralString] = """
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_get_functiondef('audit_xact(xid8)'::regprocedure),
    coalesce(r.xact_to, 0), coalesce(r.sealed_at, '-infinity')::text,
    greatest(r.xact_to, (SELECT max(xact) + 1 FROM audit_logs), 0)
FROM (VALUES (1)) one LEFT JOIN (SELECT xact_to, sealed_at FROM audit_rounds ORDER BY number DESC LIMIT 1) r ON true
"""
# What was written on this server before anybody told it that it is another one. No seal holds it: it is younger.
BETWEEN: Final[LiteralString] = """
SELECT count(*), min(xact) FROM audit_logs WHERE xact < %(sealed_to)s AND created_at > %(sealed_at)s::timestamptz
"""
# Nobody writes meanwhile, and who has a number already and writes later gets one that is high enough.
ALONE: Final = """
ALTER TABLE audit_logs DISABLE TRIGGER audit_only_added_to;
ALTER TABLE audit_logs NO FORCE ROW LEVEL SECURITY;
"""
LIFT: Final = """
UPDATE audit_logs SET xact = xact + %(by)s WHERE xact < %(sealed_to)s AND created_at > %(sealed_at)s::timestamptz
"""
NOT_ALONE: Final = """
ALTER TABLE audit_logs FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_logs ENABLE TRIGGER audit_only_added_to;
"""
REPLACE: Final = (
    "CREATE OR REPLACE FUNCTION audit_xact(x xid8) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE"
    " RETURN x::text::bigint + {}"
)


class Command(BaseCommand):
    """A dump keeps the numbers of old transactions, and the new server counts anew: this lifts its count."""

    help = "Let new entries be sealed after a restore from a dump. A physical backup needs no such thing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Look first."""
        parser.add_argument(
            "--apply", action="store_true", help="do it; without, only say what would be done"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Lift the count above everything that is in the trail, and never lower it."""
        with everything() as connection:
            row = connection.execute(NOW).fetchone()
        assert row is not None
        count, definition, sealed_to, sealed_at, highest = row
        found = re.search(r"\+ '?(\d+)'?", definition)
        if found is None:
            raise CommandError("The function audit_xact is not the one that TradeWise made.")
        lifted = int(found[1])
        if count + lifted >= highest:
            self.stdout.write(
                "Transactions are counted on from where the trail ends: there is nothing to do."
            )
        elif not options["apply"]:
            self.stdout.write(
                "This server was restored, and new entries are not sealed. Run again with --apply."
            )
        else:
            try:
                moved = _resume(lifted, highest, {"sealed_to": sealed_to, "sealed_at": sealed_at})
            except Error as trouble:
                raise CommandError(
                    f"Nothing is changed; stop the sites and run it again. {trouble}"
                ) from trouble
            self.stdout.write(
                f"New entries are sealed again, after those that were restored; {moved} of them were written since."
            )


def _resume(lifted: int, highest: int, end: dict[str, Any]) -> int:
    """How many entries had been written since the restore. All of it in one transaction, and told in the trail."""
    with by_ops(PLATFORM), owner.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(ALONE)
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        (lowest,) = cursor.fetchone()
        cursor.execute(BETWEEN, end)
        moved, first = cursor.fetchone()
        if moved:
            lowest = min(lowest, first - lifted)
        lift = highest - lowest
        cursor.execute(LIFT, {**end, "by": lift - lifted})
        cursor.execute(NOT_ALONE)
        cursor.execute(REPLACE.format(lift))
        ledger.event(
            "audit.resume",
            resource="trail",
            old={"lifted": lifted},
            new={"lifted": lift, "written_since": moved},
        )
    return int(moved)
