"""`manage.py make_seal_keys`: the keys that seal and open secrets, and those that sign and check the audit trail."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from tradewise.secrets.keyring import ensure_keys
from tradewise.secrets.signing import ensure_signing_keys


class Command(BaseCommand):
    """Makes keys where there are none, and never replaces one: what is sealed would stay shut."""

    help = (
        "Make the key pairs that seal API tokens (seal.pub, seal.key) and sign the audit trail (audit.pub, "
        "audit.key), as files; the private ones with mode 0600."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the keys go."""
        parser.add_argument("--directory", type=Path, default=Path(settings.VAR) / "keys")

    def handle(self, *, directory: Path, **options: Any) -> None:
        """Make them, and say where they are; the private one is never printed."""
        ensure_keys(directory)
        ensure_signing_keys(directory)
        self.stdout.write(
            f"Keys are in {directory}: give seal.pub to the sites (SEAL_PUBLIC_KEY_FILE), seal.key and audit.key "
            "to the worker alone (SEAL_PRIVATE_KEY_FILE, AUDIT_SIGNING_KEY_FILE). Keep copies of them apart from "
            "the backups, and one of audit.pub out of reach of who runs the database: it checks the audit trail."
        )
