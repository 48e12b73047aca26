"""`manage.py resume_audit`: go on with the trail on a server that was restored from a dump."""

import re
from typing import Any, Final, LiteralString

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection as owner
from django.db import transaction

from audit import ledger
from audit.reading import everything
from tradewise.tenancy.context import PLATFORM, tenant_context

NOW: Final[LiteralString] = """
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_get_functiondef('audit_xact(xid8)'::regprocedure),
    coalesce(greatest((SELECT max(xact_to) FROM audit_rounds), (SELECT max(xact) + 1 FROM audit_logs)), 0)
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
        count, definition, highest = row
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
            with tenant_context(PLATFORM), transaction.atomic(), owner.cursor() as cursor:
                cursor.execute(REPLACE.format(highest - count))
                ledger.event(
                    "audit.resume", resource="trail", old={"lifted": lifted}, new={"lifted": highest - count}
                )
            self.stdout.write("New entries are sealed again, after those that were restored.")
