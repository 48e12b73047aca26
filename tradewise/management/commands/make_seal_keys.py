"""`manage.py make_seal_keys`: the key that seals, for the web, and the one that opens, for the worker."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from tradewise.secrets.keyring import ensure_keys


class Command(BaseCommand):
    """Makes keys where there are none, and never replaces one: what is sealed would stay shut."""

    help = "Make the key pair that seals API tokens, as files (seal.pub, and seal.key with mode 0600)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the keys go."""
        parser.add_argument("--directory", type=Path, default=Path(settings.VAR) / "keys")

    def handle(self, *, directory: Path, **options: Any) -> None:
        """Make them, and say where they are; the private one is never printed."""
        ensure_keys(directory)
        self.stdout.write(
            f"Keys are in {directory}: give seal.pub to the sites (SEAL_PUBLIC_KEY_FILE) and seal.key to "
            "the worker alone (SEAL_PRIVATE_KEY_FILE). Keep a copy of seal.key apart from the backups."
        )
