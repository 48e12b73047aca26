"""`manage.py export_audit_heads`: the ends of all chains, to keep where nobody who runs the database reaches them."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from psycopg import IsolationLevel

from audit.reading import everything

HEADS = """
SELECT DISTINCT ON (tenant_id, month) tenant_id, month, number, hash, key_id, signature
FROM audit_seals ORDER BY tenant_id, month, number DESC
"""
HEAD = "SELECT number, hash, key_id, signature, sealed_at FROM audit_rounds ORDER BY number DESC LIMIT 1"


class Command(BaseCommand):
    """One JSON line for the last round, and one for the last seal of each tenant and month."""

    help = "Write the heads of the audit trail. With one kept elsewhere, verify_audit --heads finds a tail cut off."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to."""
        parser.add_argument("--output", type=Path, help="a file; standard output without it")

    def handle(self, *_: Any, **options: Any) -> None:
        """In one snapshot."""
        with everything() as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            end = connection.execute(HEAD).fetchone()
            if end is None:
                raise CommandError("Nothing is sealed yet, so there is no head. Does the worker run?")
            seals = connection.execute(HEADS).fetchall()
        number, digest, key_id, signature, sealed_at = end
        lines = [{"round": number, **_signed(digest, key_id, signature), "sealed_at": sealed_at.isoformat()}]
        lines += [
            {"tenant_id": str(tenant), "month": month.isoformat(), "number": seal, **_signed(*rest)}
            for tenant, month, seal, *rest in seals
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        if options["output"] is None:
            self.stdout.write(text, ending="")
        else:
            try:
                options["output"].write_text(text, encoding="utf-8")
            except OSError as trouble:
                raise CommandError(f"{options['output']} is not written: {trouble.strerror}.") from trouble
            self.stdout.write(f"{len(lines)} heads up to round {number} are in {options['output']}.")


def _signed(digest: bytes, key_id: str, signature: bytes) -> dict[str, str]:
    return {"hash": digest.hex(), "key_id": key_id, "signature": signature.hex()}
